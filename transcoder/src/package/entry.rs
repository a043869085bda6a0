//! What an initialisation segment tells the decoder, box by box.

use super::{
    Av1Config,
    check::{CheckError, split},
};

/// What comes before the boxes of a sample entry of pictures, and of one of sound.
const PICTURE_BYTES: usize = 78;
const SOUND_BYTES: usize = 28;
/// Kinds of parameter sets.
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Checks a sample entry: only the boxes that our muxer writes into it, and for H.264 units with four-byte lengths and
/// one parameter set of each kind.
pub(super) fn check_entry(kind: [u8; 4], entry: &[u8]) -> Result<(), CheckError> {
    let (before, ours): (usize, &[&[u8; 4]]) = match &kind {
        b"avc1" => (PICTURE_BYTES, &[b"avcC", b"colr", b"pasp"]),
        b"av01" => (PICTURE_BYTES, &[b"av1C", b"colr", b"pasp"]),
        b"mp4a" => (SOUND_BYTES, &[b"esds"]),
        // Others are not what a plan asks for: the caller compares.
        _ => return Ok(()),
    };
    let name = || String::from_utf8_lossy(&kind).into_owned();
    let inside = split(entry.get(before..).ok_or_else(|| CheckError::Size(name()))?)?;
    if inside.iter().map(|found| &found.kind).ne(ours.iter().copied()) {
        return Err(CheckError::Content("the sample entry has other boxes than ours"));
    }
    let is_ours = match &kind {
        b"avc1" => is_our_record(inside[0].body),
        b"av01" => is_our_av1_record(inside[0].body),
        _ => true,
    };
    if !is_ours {
        return Err(CheckError::Content("the decoder's record is not one of ours"));
    }
    Ok(())
}

/// A record as [`super::AvcConfig::decoder_record`] writes it.
fn is_our_record(record: &[u8]) -> bool {
    let sets = || {
        let (head, rest) = record.split_at_checked(6)?;
        let (count, rest) = after_set(rest, SPS)?.split_first()?;
        Some((head, *count, after_set(rest, PPS)?))
    };
    let Some((head, count, rest)) = sets() else { return false };
    head[0] == 1 && head[4..] == [0xff, 0xe1] && count == 1 && matches!(rest, [] | [0xfd, 0xf8, 0xf8, 0])
}

/// A record as [`Av1Config::decoder_record`] writes it: what its sequence header says, and nothing after that.
fn is_our_av1_record(record: &[u8]) -> bool {
    let config = record.get(4..).and_then(|units| Av1Config::from_units(units).ok());
    config.is_some_and(|config| config.decoder_record() == record)
}

/// What follows a parameter set of this kind.
fn after_set(bytes: &[u8], kind: u8) -> Option<&[u8]> {
    let (length, rest) = bytes.split_at_checked(2)?;
    let (set, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([length[0], length[1]])))?;
    set.first().is_some_and(|byte| byte & 0x9f == kind).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::{AudioTrack, DecoderRecord, VideoTrack, audio_init, check_init, video_init};

    const RECORD: &[u8] =
        &[1, 100, 0, 31, 0xff, 0xe1, 0, 4, 0x67, 100, 0, 31, 1, 0, 2, 0x68, 0xeb, 0xfd, 0xf8, 0xf8, 0];

    fn check(record: &[u8]) -> Result<(), CheckError> {
        let track = VideoTrack { width: 2, height: 2, timescale: 30, decoder_record: DecoderRecord::Avc(record) };
        check_init(&video_init(&track)).map(|_| ())
    }

    #[test]
    fn what_our_encoders_and_sources_need_passes() {
        assert_eq!(check(RECORD), Ok(()));
        assert_eq!(check(&RECORD[..17]), Ok(()), "profiles without the last four bytes");
        let sound =
            AudioTrack { rate_hz: 48_000, channels: 2, bits_per_second: 96_000, specific_config: &[0x11, 0x90] };
        assert!(check_init(&audio_init(&sound)).is_ok());
    }

    #[test]
    fn other_records_are_refused() {
        let changed = |at: usize, byte: u8| {
            let mut record = RECORD.to_vec();
            record[at] = byte;
            record
        };
        for (what, record) in [
            ("lengths of two bytes", changed(4, 0xfd)),
            ("two parameter sets", changed(5, 0xe2)),
            ("another unit as a parameter set", changed(8, 0x66)),
            ("a set that goes on beyond the record", changed(7, 40)),
            ("words behind the sets", [RECORD, b"+48+016/"].concat()),
            ("nothing", Vec::new()),
        ] {
            assert!(check(&record).is_err(), "{what}");
        }
    }

    #[test]
    fn other_boxes_are_refused() {
        let boxes: &[u8] = b"\0\0\0\x08free";
        let entry = [&[0; PICTURE_BYTES], boxes].concat();
        assert!(check_entry(*b"avc1", &entry).is_err());
        assert!(check_entry(*b"mp4a", &entry).is_err());
        assert!(check_entry(*b"avc1", &[0; 20]).is_err());
    }
}

//! Reading boxes back: what the child wrote is looked at before anything is published.
//!
//! The child has handled a hostile file, so its output is hostile too until it has passed here.

/// Boxes nested deeper than this are refused.
const DEEPEST: usize = 8;
/// Most samples in one of our segments: 60 pictures a second for 2.5 seconds, and some slack.
const MOST_SAMPLES: u32 = 600;

/// Why a file of the child is not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// A box is longer than what surrounds it, or shorter than its own header.
    #[error("box {0:?} has an impossible size")]
    Size(String),
    /// A box that our muxer does not write, such as one that could carry a place or a name.
    #[error("box {0:?} does not belong here")]
    Unexpected(String),
    /// A box that must be there is not.
    #[error("box {0:?} is missing")]
    Missing(&'static str),
    /// Numbers that contradict each other or the plan.
    #[error("{0}")]
    Content(&'static str),
}

/// What an initialisation segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFacts {
    /// Four-character code of the sample entry, `avc1` or `mp4a`.
    pub sample_entry: String,
}

/// What a media segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFacts {
    /// Sequence number.
    pub sequence: u32,
    /// Decoding time of the first sample, in ticks.
    pub start_ticks: u64,
    /// Number of samples.
    pub samples: u32,
    /// Bytes up to the end of the first sample.
    pub key_bytes: u64,
}

pub(super) struct Found<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: &'a [u8],
}

impl Found<'_> {
    fn name(&self) -> String {
        String::from_utf8_lossy(&self.kind).into_owned()
    }
}

/// The boxes of `bytes`, one after the other, filling it exactly.
pub(super) fn split(mut bytes: &[u8]) -> Result<Vec<Found<'_>>, CheckError> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (Some(size), Some(kind)) = (read_u32(bytes, 0), bytes.get(4..8)) else {
            return Err(CheckError::Size("end of data".into()));
        };
        let kind: [u8; 4] = kind.try_into().expect("four bytes");
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size < 8 || size > bytes.len() {
            return Err(CheckError::Size(String::from_utf8_lossy(&kind).into_owned()));
        }
        found.push(Found { kind, body: &bytes[8..size] });
        bytes = &bytes[size..];
    }
    Ok(found)
}

pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|four| u32::from_be_bytes(four.try_into().expect("four bytes")))
}

pub(super) fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).map(|eight| u64::from_be_bytes(eight.try_into().expect("eight bytes")))
}

/// Boxes of ours that contain boxes.
const CONTAINERS: [&[u8; 4]; 7] = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"mvex"];
/// Boxes of ours that contain numbers.
const LEAVES: [&[u8; 4]; 14] = [
    b"ftyp", b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"vmhd", b"smhd", b"dref", b"stsd", b"stts", b"stsc", b"stsz",
    b"stco", b"trex",
];

/// Checks an initialisation segment: only boxes that our muxer writes, whole and in bounds.
pub fn check_init(bytes: &[u8]) -> Result<InitFacts, CheckError> {
    let top = split(bytes)?;
    if top.iter().map(|found| found.kind).ne([*b"ftyp", *b"moov"]) {
        return Err(CheckError::Missing("ftyp, moov"));
    }
    let mut entry = None;
    for found in &top {
        walk(found, 0, &mut entry)?;
    }
    entry.map(|sample_entry| InitFacts { sample_entry }).ok_or(CheckError::Missing("stsd"))
}

fn walk(found: &Found<'_>, depth: usize, entry: &mut Option<String>) -> Result<(), CheckError> {
    if depth > DEEPEST {
        return Err(CheckError::Content("boxes are nested too deeply"));
    }
    if CONTAINERS.contains(&&found.kind) {
        return split(found.body)?.iter().try_for_each(|inner| walk(inner, depth + 1, entry));
    }
    if !LEAVES.contains(&&found.kind) {
        return Err(CheckError::Unexpected(found.name()));
    }
    if &found.kind == b"stsd" {
        let entries = split(found.body.get(8..).ok_or_else(|| CheckError::Size("stsd".into()))?)?;
        let [only] = entries.as_slice() else {
            return Err(CheckError::Content("there is more than one sample entry"));
        };
        *entry = Some(only.name());
    }
    Ok(())
}

/// Checks a media segment: one fragment, whose samples fill its data exactly.
pub fn check_segment(bytes: &[u8]) -> Result<SegmentFacts, CheckError> {
    let top = split(bytes)?;
    let [moof, mdat] = top.as_slice() else {
        return Err(CheckError::Content("a segment is one moof and one mdat"));
    };
    if &moof.kind != b"moof" || &mdat.kind != b"mdat" {
        return Err(CheckError::Missing("moof, mdat"));
    }
    let inside = split(moof.body)?;
    let header = child(&inside, *b"mfhd").ok_or(CheckError::Missing("mfhd"))?;
    let track = split(child(&inside, *b"traf").ok_or(CheckError::Missing("traf"))?)?;
    let time = child(&track, *b"tfdt").ok_or(CheckError::Missing("tfdt"))?;
    let run = child(&track, *b"trun").ok_or(CheckError::Missing("trun"))?;
    let (samples, first, total) = sum_samples(run)?;
    if total != u64::try_from(mdat.body.len()).unwrap_or(u64::MAX) {
        return Err(CheckError::Content("the samples do not fill the data"));
    }
    Ok(SegmentFacts {
        sequence: read_u32(header, 4).ok_or_else(|| CheckError::Size("mfhd".into()))?,
        start_ticks: read_u64(time, 4).ok_or_else(|| CheckError::Size("tfdt".into()))?,
        samples,
        key_bytes: (bytes.len() - mdat.body.len()) as u64 + first,
    })
}

pub(super) fn child<'a>(boxes: &[Found<'a>], kind: [u8; 4]) -> Option<&'a [u8]> {
    let mut matching = boxes.iter().filter(|found| found.kind == kind);
    let first = matching.next()?;
    matching.next().is_none().then_some(first.body)
}

/// Number of the samples of a `trun` box, size of the first, and total size.
fn sum_samples(run: &[u8]) -> Result<(u32, u64, u64), CheckError> {
    let short = || CheckError::Size("trun".into());
    let flags = read_u32(run, 0).ok_or_else(short)? & 0x00ff_ffff;
    let count = read_u32(run, 4).ok_or_else(short)?;
    if count == 0 || count > MOST_SAMPLES {
        return Err(CheckError::Content("a segment has an impossible number of samples"));
    }
    let (first, stride) = match flags {
        0x201 => (12, 4),
        0xa05 => (16, 8),
        0xb05 => (20, 12),
        0xe01 => (12, 12),
        0xf01 => (16, 16),
        _ => return Err(CheckError::Content("the run has other flags than ours")),
    };
    let size = |index: usize| read_u32(run, first + index * stride).map(u64::from).ok_or_else(short);
    let mut total = 0;
    for index in 0..usize::try_from(count).unwrap_or(usize::MAX) {
        total += size(index)?;
    }
    Ok((count, size(0)?, total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::{DecoderRecord, Fragment, Sample, SampleOrder, VideoTrack, fragment, video_init};

    fn segment(first: u64, order: SampleOrder) -> Vec<u8> {
        let samples: Vec<Sample> = (0..5u8)
            .map(|i| Sample { bytes: vec![i; 10 + usize::from(i)], shift_ticks: 1000, is_key: i == 0 })
            .collect();
        fragment(&Fragment { sequence: 7, first, sample_ticks: 1000, order, samples: &samples })
    }

    fn segment_with_keys(first: u64) -> Vec<u8> {
        let samples = vec![Sample { bytes: vec![1; 9], shift_ticks: 1000, is_key: true }; 5];
        fragment(&Fragment { sequence: 7, first, sample_ticks: 1000, order: SampleOrder::Reordered, samples: &samples })
    }

    fn init() -> Vec<u8> {
        video_init(&VideoTrack { width: 2, height: 2, timescale: 30, decoder_record: DecoderRecord::Avc(&[1, 2, 3]) })
    }

    #[test]
    fn what_we_write_passes() {
        // What comes after the first sample: four of 11 to 14 bytes, or of 9.
        let check = |bytes: &[u8], start_ticks, after: u64| {
            let key_bytes = bytes.len() as u64 - after;
            assert_eq!(check_segment(bytes), Ok(SegmentFacts { sequence: 7, start_ticks, samples: 5, key_bytes }));
        };
        check(&segment(92, SampleOrder::Reordered), 90_000, 50);
        check(&segment(0, SampleOrder::Reordered), 0, 50);
        check(&segment_with_keys(92), 90_000, 36);
        check(&segment_with_keys(0), 0, 36);
        check(&segment(90, SampleOrder::Sound), 90_000, 50);
        assert_eq!(check_init(&init()), Ok(InitFacts { sample_entry: "avc1".into() }));
    }

    #[test]
    fn a_box_that_could_carry_a_place_is_refused() {
        let mut bytes = init();
        let udta = [0, 0, 0, 8, b'u', b'd', b't', b'a'];
        let moov_at = 28;
        assert_eq!(&bytes[moov_at + 4..moov_at + 8], b"moov");
        bytes.extend_from_slice(&udta);
        let size = u32::try_from(bytes.len() - moov_at).expect("small");
        bytes[moov_at..moov_at + 4].copy_from_slice(&size.to_be_bytes());
        assert_eq!(check_init(&bytes), Err(CheckError::Unexpected("udta".into())));
    }

    #[test]
    fn a_cut_or_padded_segment_is_refused() {
        let whole = segment(90, SampleOrder::Reordered);
        for length in 0..whole.len() {
            assert!(check_segment(&whole[..length]).is_err(), "cut at {length}");
        }
        let mut padded = whole;
        padded.push(0);
        assert!(check_segment(&padded).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_checker_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = check_init(&bytes);
            let _ = check_segment(&bytes);
        }

        #[test]
        fn no_flipped_byte_makes_the_checker_panic(at in 0usize..150, value: u8) {
            let mut bytes = segment(90, SampleOrder::Reordered);
            bytes[at] = value;
            let _ = check_segment(&bytes);
        }
    }
}

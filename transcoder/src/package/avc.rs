//! H.264 as encoders write it (Annex B) turned into H.264 as MP4 stores it.

mod bits;
mod level;
mod sets;
mod units;
mod watch;

pub use sets::{PictureSet, SequenceSet};
pub use units::{Picture, read_picture};
pub use watch::AvcWatch;

/// Types of NAL units that we look at.
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const ACCESS_UNIT_DELIMITER: u8 = 9;
const FILLER: u8 = 12;

/// Parameter sets of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvcConfig {
    sps: Vec<u8>,
    pps: Vec<u8>,
}

/// Not what an H.264 encoder writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AvcError {
    /// No sequence parameter set, or one too short to hold profile and level.
    #[error("the encoder gave no usable sequence parameter set")]
    NoSps,
    /// No picture parameter set.
    #[error("the encoder gave no picture parameter set")]
    NoPps,
    /// A parameter set or packet that cannot be understood to its end.
    #[error("the H.264 stream cannot be understood")]
    Unreadable,
}

impl AvcConfig {
    /// Of two parameter sets as they are in a stream.
    pub fn new(sps: &[u8], pps: &[u8]) -> Result<Self, AvcError> {
        SequenceSet::parse(sps)?;
        PictureSet::parse(pps)?;
        Ok(Self { sps: sps.to_vec(), pps: pps.to_vec() })
    }

    /// Reads the parameter sets out of an encoder's Annex B header.
    pub fn from_annex_b(header: &[u8]) -> Result<Self, AvcError> {
        let find = |kind| nal_units(header).find(|nal| nal_type(nal) == kind);
        let sps = find(SPS).filter(|sps| (4..=usize::from(u16::MAX)).contains(&sps.len()));
        let pps = find(PPS).filter(|pps| u16::try_from(pps.len()).is_ok());
        Ok(Self { sps: sps.ok_or(AvcError::NoSps)?.to_vec(), pps: pps.ok_or(AvcError::NoPps)?.to_vec() })
    }

    /// The codec string of RFC 6381, such as `avc1.64001f`.
    pub fn codec_string(&self) -> String {
        format!("avc1.{:02x}{:02x}{:02x}", self.sps[1], self.sps[2], self.sps[3])
    }

    /// The record that MP4 keeps in its `avcC` box. Four-byte lengths, 4:2:0, eight bits.
    pub fn decoder_record(&self) -> Vec<u8> {
        let mut record = vec![1, self.sps[1], self.sps[2], self.sps[3], 0xff, 0xe1];
        push_with_length(&mut record, &self.sps);
        record.push(1);
        push_with_length(&mut record, &self.pps);
        if matches!(self.sps[1], 100 | 110 | 122 | 144) {
            record.extend_from_slice(&[0xfd, 0xf8, 0xf8, 0]);
        }
        record
    }
}

fn push_with_length(record: &mut Vec<u8>, nal: &[u8]) {
    let length = u16::try_from(nal.len()).expect("parameter sets are checked to fit");
    record.extend_from_slice(&length.to_be_bytes());
    record.extend_from_slice(nal);
}

fn nal_type(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |byte| byte & 0x1f)
}

/// One encoded picture with lengths instead of start codes. Parameter sets, delimiters, fillers and
/// supplemental information (which names the encoder and its settings) are left out.
pub fn annex_b_to_sample(packet: &[u8]) -> Vec<u8> {
    let mut sample = Vec::with_capacity(packet.len() + 16);
    for nal in nal_units(packet) {
        if matches!(nal_type(nal), SEI | SPS | PPS | ACCESS_UNIT_DELIMITER | FILLER) {
            continue;
        }
        let length = u32::try_from(nal.len()).expect("a picture is smaller than four gigabytes");
        sample.extend_from_slice(&length.to_be_bytes());
        sample.extend_from_slice(nal);
    }
    sample
}

/// The NAL units between the start codes of an Annex B stream.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = next_start(stream).map(|(_, after)| &stream[after..]);
    std::iter::from_fn(move || {
        let current = rest?;
        let (nal, next) = match next_start(current) {
            Some((before, after)) => (&current[..before], Some(&current[after..])),
            None => (current, None),
        };
        rest = next;
        Some(trim_trailing_zeros(nal))
    })
    .filter(|nal| !nal.is_empty())
}

/// Position of the next start code, and of what follows it.
fn next_start(bytes: &[u8]) -> Option<(usize, usize)> {
    bytes.windows(3).position(|three| three == [0, 0, 1]).map(|at| (at, at + 3))
}

fn trim_trailing_zeros(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &nal[..end]
}

#[cfg(test)]
mod samples {
    /// x264's sets of a portrait clip: High, level 3.1, 720 × 1280, BT.709.
    pub(super) const SEQUENCE: &[u8] = &[
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0xb4, 0x0a, 0x1b, 0x01, 0x6a, 0x02, 0x02, 0x02, 0x80, 0x00, 0x00,
        0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb,
    ];
    pub(super) const PICTURE: &[u8] = &[0x68, 0xef, 0x8f, 0xcb];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &[u8] = &[0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac, 0, 0, 0, 1, 0x68, 0xeb, 0, 0, 1, 6, 5, 1, 0x80];

    #[test]
    fn the_codec_string_comes_from_the_bitstream() {
        let config = AvcConfig::from_annex_b(HEADER).expect("parameter sets");
        assert_eq!(config.codec_string(), "avc1.64001f");
    }

    #[test]
    fn the_record_holds_both_parameter_sets() {
        let record = AvcConfig::from_annex_b(HEADER).expect("parameter sets").decoder_record();
        let expected: &[u8] =
            &[1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 5, 0x67, 0x64, 0, 0x1f, 0xac, 1, 0, 2, 0x68, 0xeb, 0xfd, 0xf8, 0xf8, 0];
        assert_eq!(record, expected);
    }

    #[test]
    fn a_header_without_parameter_sets_is_an_error() {
        assert_eq!(AvcConfig::from_annex_b(&[0, 0, 1, 0x68, 1]), Err(AvcError::NoSps));
        assert_eq!(AvcConfig::from_annex_b(&[0, 0, 1, 0x67, 1, 2, 3]), Err(AvcError::NoPps));
        assert_eq!(AvcConfig::from_annex_b(&[]), Err(AvcError::NoSps));
    }

    #[test]
    fn a_sample_names_no_encoder() {
        let packet = [HEADER, &[0, 0, 1, 0x65, 9, 8, 7]].concat();
        assert_eq!(annex_b_to_sample(&packet), [0, 0, 0, 4, 0x65, 9, 8, 7]);
    }

    proptest! {
        #[test]
        fn nal_units_are_found_again(nals in prop::collection::vec(prop::collection::vec(1u8.., 1..20), 0..8)) {
            let stream: Vec<u8> = nals.iter().flat_map(|nal| [&[0, 0, 0, 1], nal.as_slice()].concat()).collect();
            let found: Vec<Vec<u8>> = nal_units(&stream).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(found, nals);
        }
    }
}

//! One packet of a source: its NAL units, and the sample that is made of it.

use super::{
    ACCESS_UNIT_DELIMITER, AvcError, FILLER, PPS, SEI, SPS,
    bits::{BitReader, payload},
    nal_type, nal_units,
};
use crate::plan::Framing;

/// Slices of ordinary and of key pictures.
const SLICE: u8 = 1;
const KEY_SLICE: u8 = 5;
/// Ends of a sequence and of a stream.
const ENDS: [u8; 2] = [10, 11];
/// Most NAL units in a packet.
const MOST_UNITS: usize = 256;
/// So much of a slice is looked at.
const SLICE_HEADER_BYTES: usize = 16;
/// Kinds of slices: P, B and I, each also as "all slices of the picture are".
const SLICE_KINDS: [u32; 6] = [0, 1, 2, 5, 6, 7];

impl Framing {
    /// As a container's header for the decoder says: MP4's begins with a one.
    pub fn of_header(header: &[u8]) -> Self {
        match header {
            [1, _, _, _, lengths, _, _, ..] => Self::Lengths((lengths & 3) + 1),
            _ => Self::StartCodes,
        }
    }

    /// The NAL units of a packet.
    pub fn units(self, packet: &[u8]) -> Result<Vec<&[u8]>, AvcError> {
        match self {
            Self::StartCodes => bounded(nal_units(packet).map(Ok)),
            Self::Lengths(bytes @ (1 | 2 | 4)) => bounded(with_lengths(packet, usize::from(bytes))),
            Self::Lengths(_) => Err(AvcError::Unreadable),
        }
    }
}

fn bounded<'a>(units: impl Iterator<Item = Result<&'a [u8], AvcError>>) -> Result<Vec<&'a [u8]>, AvcError> {
    let units = units.take(MOST_UNITS + 1).collect::<Result<Vec<_>, _>>()?;
    if units.len() > MOST_UNITS { Err(AvcError::Unreadable) } else { Ok(units) }
}

/// Ends with an error where a length points beyond the packet.
fn with_lengths(mut rest: &[u8], bytes: usize) -> impl Iterator<Item = Result<&[u8], AvcError>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let unit = rest.split_at_checked(bytes).and_then(|(length, after)| {
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            after.split_at_checked(length)
        });
        let Some((unit, after)) = unit else {
            rest = &[];
            return Some(Err(AvcError::Unreadable));
        };
        rest = after;
        Some(Ok(unit))
    })
    .filter(|unit| !matches!(unit, Ok([])))
}

/// One coded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Nothing after it needs what was before it.
    pub is_key: bool,
    /// Parameter sets that came with it.
    pub sets: Vec<&'a [u8]>,
    /// The number of its picture parameter set.
    pub set_id: u32,
    slices: Vec<&'a [u8]>,
}

/// The picture in a packet of a stream: exactly one, made of slices that every decoder knows.
///
/// # Errors
/// When there is anything in it that we would not pass on knowingly.
pub fn read_picture(framing: Framing, packet: &[u8]) -> Result<Picture<'_>, AvcError> {
    let (mut sets, mut slices) = (Vec::new(), Vec::new());
    for unit in framing.units(packet)? {
        match nal_type(unit) {
            SLICE | KEY_SLICE => slices.push(unit),
            SPS | PPS => sets.push(unit),
            SEI | ACCESS_UNIT_DELIMITER | FILLER => {}
            kind if ENDS.contains(&kind) => {}
            _ => return Err(AvcError::Unreadable),
        }
    }
    let first = slices.first().ok_or(AvcError::Unreadable)?;
    let (kind, (_, set_id)) = (nal_type(first), read_slice(first)?);
    for (index, slice) in slices.iter().enumerate() {
        let (first_macroblock, id) = read_slice(slice)?;
        let is_whole = (first_macroblock == 0) == (index == 0);
        if nal_type(slice) != kind || id != set_id || !is_whole || slice[0] & 0x80 != 0 {
            return Err(AvcError::Unreadable);
        }
    }
    Ok(Picture { is_key: kind == KEY_SLICE, sets, set_id, slices })
}

/// First macroblock and parameter set of a slice.
fn read_slice(slice: &[u8]) -> Result<(u32, u32), AvcError> {
    let bytes = payload(slice, SLICE_HEADER_BYTES);
    let mut r = BitReader::new(&bytes);
    let first_macroblock = r.unsigned(1 << 20)?;
    if !SLICE_KINDS.contains(&r.unsigned(9)?) {
        return Err(AvcError::Unreadable);
    }
    Ok((first_macroblock, r.unsigned(255)?))
}

impl Picture<'_> {
    /// Size of its sample.
    pub fn sample_bytes(&self) -> u64 {
        self.slices.iter().map(|slice| slice.len() as u64 + 4).sum()
    }

    /// Its slices and nothing else, as MP4 stores them: what a camera or an editor wrote beside
    /// them (places, names, captions of others) stays behind.
    pub fn to_sample(&self) -> Vec<u8> {
        let mut sample = Vec::with_capacity(usize::try_from(self.sample_bytes()).unwrap_or(0));
        for slice in &self.slices {
            let length = u32::try_from(slice.len()).expect("a packet is smaller than two gigabytes");
            sample.extend_from_slice(&length.to_be_bytes());
            sample.extend_from_slice(slice);
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A key slice and an ordinary one: first macroblock 0, kind 7 or 5, parameter set 0.
    const KEY: &[u8] = &[0x65, 0x88, 0x84, 0x21];
    const ORDINARY: &[u8] = &[0x41, 0x9a, 0x24];
    /// A slice that begins at macroblock 1.
    const SECOND: &[u8] = &[0x65, 0x42, 0x21, 0x10];

    fn packet(framing: Framing, units: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for unit in units {
            match framing {
                Framing::StartCodes => bytes.extend_from_slice(&[0, 0, 0, 1]),
                Framing::Lengths(size) => bytes.extend_from_slice(&unit.len().to_be_bytes()[8 - usize::from(size)..]),
            }
            bytes.extend_from_slice(unit);
        }
        bytes
    }

    #[test]
    fn every_framing_gives_the_same_sample() {
        for framing in [Framing::StartCodes, Framing::Lengths(1), Framing::Lengths(2), Framing::Lengths(4)] {
            let bytes = packet(framing, &[&[9, 0xf0], &[6, 5, 1, 0x80], KEY, SECOND, &[12, 0xff, 0x80]]);
            let picture = read_picture(framing, &bytes).expect("a picture");
            assert!(picture.is_key);
            assert_eq!(picture.to_sample(), [&[0, 0, 0, 4], KEY, &[0, 0, 0, 4], SECOND].concat());
            assert_eq!(picture.sample_bytes(), 16);
        }
    }

    #[test]
    fn what_is_not_exactly_one_picture_is_an_error() {
        let framing = Framing::Lengths(4);
        let read = |units: &[&[u8]]| read_picture(framing, &packet(framing, units)).map(|picture| picture.is_key);
        assert_eq!(read(&[ORDINARY]), Ok(false));
        let information: &[u8] = &[6, 5, 1, 0x80];
        let (auxiliary, extended, forbidden): (&[u8], &[u8], &[u8]) =
            (&[0x13, 0x88, 0x84], &[0x14, 0x88, 0x84], &[0xe5, 0x88, 0x84]);
        for units in [
            vec![information],
            vec![KEY, KEY],
            vec![SECOND],
            vec![KEY, ORDINARY],
            vec![KEY, auxiliary],
            vec![KEY, extended],
            vec![forbidden],
        ] {
            assert_eq!(read(&units), Err(AvcError::Unreadable), "{units:?}");
        }
    }

    #[test]
    fn lengths_beyond_the_packet_are_errors() {
        assert_eq!(Framing::Lengths(4).units(&[0, 0, 0, 9, 1, 2]), Err(AvcError::Unreadable));
        assert_eq!(Framing::Lengths(4).units(&[0, 0, 1]), Err(AvcError::Unreadable));
        assert_eq!(Framing::Lengths(3).units(&[0, 0, 1, 5]), Err(AvcError::Unreadable));
    }

    #[test]
    fn the_header_says_how_units_are_framed() {
        assert_eq!(Framing::of_header(&[1, 100, 0, 31, 0xff, 0xe1, 0]), Framing::Lengths(4));
        assert_eq!(Framing::of_header(&[1, 100, 0, 31, 0xfd, 0xe1, 0]), Framing::Lengths(2));
        assert_eq!(Framing::of_header(&[0, 0, 0, 1, 0x67, 1, 2, 3]), Framing::StartCodes);
        assert_eq!(Framing::of_header(&[]), Framing::StartCodes);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 0u8..6) {
            let _ = read_picture(Framing::StartCodes, &bytes);
            let _ = read_picture(Framing::Lengths(size), &bytes);
            let _ = Framing::of_header(&bytes);
        }
    }
}

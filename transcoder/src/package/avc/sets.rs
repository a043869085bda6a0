//! Parameter sets of H.264 (ITU-T H.264, 7.3.2 and annex E), as far as repackaging must know them.
//!
//! Both are read to their last bit, so that nothing can travel along behind what a decoder reads.

use super::{
    AvcError,
    bits::{BitReader, payload},
};

/// Parameter sets are a few dozen bytes; more is not read, and the initialisation segment stays small.
pub(super) const MOST_SET_BYTES: usize = 256;
/// Profiles whose sequence parameter set describes the picture format.
const DESCRIBING: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// Aspect ratio that is written out.
const EXTENDED_ASPECT: u32 = 255;
/// "Unspecified" in the tables of colours.
const UNSPECIFIED: u32 = 2;

/// What a sequence parameter set says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the standard")]
pub struct SequenceSet {
    /// Profile.
    pub profile: u8,
    /// Constraint flags, the first one highest.
    pub constraints: u8,
    /// Level, times ten.
    pub level: u8,
    /// Its number.
    pub id: u32,
    /// 1 is 4:2:0.
    pub chroma_format: u32,
    /// Bits of brightness and colour.
    pub bit_depths: [u32; 2],
    /// Pictures kept for reference.
    pub reference_frames: u32,
    /// Pictures may be missing on purpose.
    pub has_gaps: bool,
    /// Macroblocks across and down.
    pub macroblocks: [u32; 2],
    /// Pictures are never fields.
    pub is_progressive: bool,
    /// Pixels shown.
    pub width: u32,
    /// Pixels shown.
    pub height: u32,
    /// Pixels are square, or nothing else is said.
    pub has_square_pixels: bool,
    /// 0–255 instead of 16–235.
    pub full_range: bool,
    /// Primaries, transfer and matrix of ITU-T H.273.
    pub colour: [u32; 3],
}

/// What a picture parameter set says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureSet {
    /// Its number.
    pub id: u32,
    /// The number of its sequence parameter set.
    pub sequence_id: u32,
    /// Groups of slices, one in ordinary streams.
    pub slice_groups: u32,
    /// Pictures may be sent twice.
    pub is_redundant: bool,
}

impl SequenceSet {
    /// Reads one whole NAL unit.
    pub fn parse(nal: &[u8]) -> Result<Self, AvcError> {
        if nal.len() > MOST_SET_BYTES {
            return Err(AvcError::Unreadable);
        }
        let bytes = payload(nal, MOST_SET_BYTES);
        let r = &mut BitReader::new(&bytes);
        let [profile, constraints, level] = [byte(r)?, byte(r)?, byte(r)?];
        let id = r.unsigned(31)?;
        let (chroma_format, bit_depths) = if DESCRIBING.contains(&profile) { picture_format(r)? } else { (1, [8, 8]) };
        r.unsigned(12)?;
        picture_order(r)?;
        let reference_frames = r.unsigned(16)?;
        let has_gaps = r.flag()?;
        let across = r.unsigned(1023)? + 1;
        let map_units = r.unsigned(1023)? + 1;
        let is_progressive = r.flag()?;
        if !is_progressive {
            r.flag()?;
        }
        r.flag()?;
        let down = if is_progressive { map_units } else { 2 * map_units };
        let (width, height) = shown_size(r, across * 16, down * 16, is_progressive)?;
        let mut set = Self {
            profile,
            constraints,
            level,
            id,
            chroma_format,
            bit_depths,
            reference_frames,
            has_gaps,
            macroblocks: [across, down],
            is_progressive,
            width,
            height,
            has_square_pixels: true,
            full_range: false,
            colour: [UNSPECIFIED; 3],
        };
        if r.flag()? {
            set.read_usability(r)?;
        }
        r.clone().finish()?;
        Ok(set)
    }

    /// Annex E: how the picture is to be shown.
    fn read_usability(&mut self, r: &mut BitReader<'_>) -> Result<(), AvcError> {
        if r.flag()? {
            self.has_square_pixels = has_square_pixels(r)?;
        }
        if r.flag()? {
            r.flag()?;
        }
        if r.flag()? {
            r.bits(3)?;
            self.full_range = r.flag()?;
            if r.flag()? {
                self.colour = [r.bits(8)?, r.bits(8)?, r.bits(8)?];
            }
        }
        if r.flag()? {
            r.unsigned(5)?;
            r.unsigned(5)?;
        }
        if r.flag()? {
            r.bits(32)?;
            r.bits(32)?;
            r.flag()?;
        }
        let buffers = [reference_decoder(r)?, reference_decoder(r)?];
        if buffers.contains(&true) {
            r.flag()?;
        }
        r.flag()?;
        if r.flag()? {
            r.flag()?;
            for _ in 0..6 {
                r.unsigned(u32::MAX - 1)?;
            }
        }
        Ok(())
    }
}

impl PictureSet {
    /// Reads one whole NAL unit. Picture formats other than 4:2:0 are not known to it.
    pub fn parse(nal: &[u8]) -> Result<Self, AvcError> {
        if nal.len() > MOST_SET_BYTES {
            return Err(AvcError::Unreadable);
        }
        let bytes = payload(nal, MOST_SET_BYTES);
        let r = &mut BitReader::new(&bytes);
        let (id, sequence_id) = (r.unsigned(255)?, r.unsigned(31)?);
        r.bits(2)?;
        let slice_groups = r.unsigned(7)? + 1;
        if slice_groups > 1 {
            return Err(AvcError::Unreadable);
        }
        r.unsigned(31)?;
        r.unsigned(31)?;
        r.bits(3)?;
        for _ in 0..3 {
            r.signed()?;
        }
        r.bits(2)?;
        let is_redundant = r.flag()?;
        if r.has_more() {
            let large_transforms = r.flag()?;
            if r.flag()? {
                scaling_lists(r, if large_transforms { 8 } else { 6 })?;
            }
            r.signed()?;
        }
        r.clone().finish()?;
        Ok(Self { id, sequence_id, slice_groups, is_redundant })
    }
}

fn byte(r: &mut BitReader<'_>) -> Result<u8, AvcError> {
    u8::try_from(r.bits(8)?).map_err(|_| AvcError::Unreadable)
}

fn picture_format(r: &mut BitReader<'_>) -> Result<(u32, [u32; 2]), AvcError> {
    let chroma_format = r.unsigned(3)?;
    if chroma_format == 3 {
        r.flag()?;
    }
    let bit_depths = [r.unsigned(6)? + 8, r.unsigned(6)? + 8];
    r.flag()?;
    if r.flag()? {
        scaling_lists(r, if chroma_format == 3 { 12 } else { 8 })?;
    }
    Ok((chroma_format, bit_depths))
}

/// Lists of 16 numbers, and from the seventh on of 64; each may be left out, or end early.
fn scaling_lists(r: &mut BitReader<'_>, lists: usize) -> Result<(), AvcError> {
    for list in 0..lists {
        if !r.flag()? {
            continue;
        }
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + r.signed()?).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
    }
    Ok(())
}

fn picture_order(r: &mut BitReader<'_>) -> Result<(), AvcError> {
    match r.unsigned(2)? {
        0 => {
            r.unsigned(12)?;
        }
        1 => {
            r.flag()?;
            r.signed()?;
            r.signed()?;
            for _ in 0..r.unsigned(255)? {
                r.signed()?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// What is left of the picture when its margins are cut off; units are of 4:2:0.
fn shown_size(r: &mut BitReader<'_>, width: u32, height: u32, is_progressive: bool) -> Result<(u32, u32), AvcError> {
    if !r.flag()? {
        return Ok((width, height));
    }
    let mut margin = [0; 4];
    for side in &mut margin {
        *side = r.unsigned(16_384)?;
    }
    let vertical_unit = if is_progressive { 2 } else { 4 };
    let width = width.checked_sub(2 * (margin[0] + margin[1]));
    let height = height.checked_sub(vertical_unit * (margin[2] + margin[3]));
    match (width, height) {
        (Some(width @ 1..), Some(height @ 1..)) => Ok((width, height)),
        _ => Err(AvcError::Unreadable),
    }
}

fn has_square_pixels(r: &mut BitReader<'_>) -> Result<bool, AvcError> {
    Ok(match r.bits(8)? {
        0 | 1 => true,
        EXTENDED_ASPECT => {
            let (width, height) = (r.bits(16)?, r.bits(16)?);
            width == height || width == 0 || height == 0
        }
        _ => false,
    })
}

/// Bit rates and buffer sizes; `true` when there were any.
fn reference_decoder(r: &mut BitReader<'_>) -> Result<bool, AvcError> {
    if !r.flag()? {
        return Ok(false);
    }
    let buffers = r.unsigned(31)? + 1;
    r.bits(8)?;
    for _ in 0..buffers {
        r.unsigned(u32::MAX - 1)?;
        r.unsigned(u32::MAX - 1)?;
        r.flag()?;
    }
    r.bits(20)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{PICTURE, SEQUENCE};
    use super::*;

    #[test]
    fn the_sets_of_an_encoder_are_understood() {
        let set = SequenceSet::parse(SEQUENCE).expect("a sequence parameter set");
        assert_eq!((set.profile, set.level, set.chroma_format, set.bit_depths), (100, 31, 1, [8, 8]));
        assert_eq!((set.width, set.height, set.is_progressive), (720, 1280, true));
        assert!(set.has_square_pixels && !set.full_range && !set.has_gaps);
        assert_eq!(set.colour, [1, 1, 1]);
        let picture = PictureSet::parse(PICTURE).expect("a picture parameter set");
        assert_eq!(picture, PictureSet { id: 0, sequence_id: set.id, slice_groups: 1, is_redundant: false });
    }

    #[test]
    fn nothing_may_hide_behind_a_set() {
        let hidden = [SEQUENCE, b"+48.8584"].concat();
        assert_eq!(SequenceSet::parse(&hidden), Err(AvcError::Unreadable));
        assert_eq!(PictureSet::parse(&[PICTURE, b"+48.8584"].concat()), Err(AvcError::Unreadable));
    }

    #[test]
    fn a_cut_set_is_an_error() {
        for length in 0..SEQUENCE.len() - 1 {
            assert!(SequenceSet::parse(&SEQUENCE[..length]).is_err(), "cut at {length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = SequenceSet::parse(&bytes);
            let _ = PictureSet::parse(&bytes);
        }

        #[test]
        fn no_flipped_byte_makes_the_parser_panic(at in 0..SEQUENCE.len(), value: u8) {
            let mut bytes = SEQUENCE.to_vec();
            bytes[at] = value;
            let _ = SequenceSet::parse(&bytes);
        }
    }
}

//! AV1 as far as containers and players need it: the sequence header, and what a sample may hold.
//!
//! Names and syntax are those of the AV1 bitstream specification, sections 5.3 to 5.5; the record and the
//! codec string are those of "AV1 Codec ISO Media File Format Binding", sections 2.3 and 5.

/// Kinds of OBUs, from section 6.2.2.
const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const TILE_GROUP: u8 = 4;
const FRAME: u8 = 6;
const REDUNDANT_FRAME_HEADER: u8 = 7;

/// Largest sequence header, in bytes; those of real streams have a dozen.
const MAX_SEQUENCE_HEADER: usize = 64;
/// No more operating points are read; streams without layers have one.
const OPERATING_POINTS: u32 = 32;

/// Why a stream is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Av1Error {
    /// An OBU is longer than what surrounds it, or its header is not valid.
    #[error("an AV1 unit has an impossible size")]
    Size,
    /// There is no sequence header.
    #[error("there is no AV1 sequence header")]
    NoSequenceHeader,
    /// The sequence header ends too early, or says what no decoder of ours allows.
    #[error("the AV1 sequence header is not as expected")]
    SequenceHeader,
    /// A sample without a picture.
    #[error("a sample of AV1 shows nothing")]
    NoPicture,
    /// A unit that a sample of ours does not hold, such as one with metadata.
    #[error("an AV1 unit of kind {0} does not belong here")]
    Unexpected(u8),
}

/// What a sequence header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Av1Config {
    profile: u8,
    level: u8,
    is_high_tier: bool,
    depth: Depth,
    is_monochrome: bool,
    subsampling: (bool, bool),
    sample_position: u8,
    /// Width and height of the largest picture.
    pub size: (u32, u32),
    /// The OBU itself, header and size included.
    obu: Vec<u8>,
}

/// Bits of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Eight,
    Ten,
    Twelve,
}

/// One open bitstream unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Obu<'a> {
    kind: u8,
    /// Header, size and payload.
    whole: &'a [u8],
    payload: &'a [u8],
}

/// The units of a stream with sizes, one after the other.
fn units(mut bytes: &[u8]) -> impl Iterator<Item = Result<Obu<'_>, Av1Error>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let unit = next_unit(bytes);
        bytes = unit.map_or(&[], |unit| &bytes[unit.whole.len()..]);
        Some(unit)
    })
}

fn next_unit(bytes: &[u8]) -> Result<Obu<'_>, Av1Error> {
    let first = *bytes.first().ok_or(Av1Error::Size)?;
    let (is_forbidden, has_extension, has_size) = (first & 0x80 != 0, first & 4 != 0, first & 2 != 0);
    if is_forbidden || !has_size {
        return Err(Av1Error::Size);
    }
    let header = 1 + usize::from(has_extension);
    let (size, size_bytes) = read_leb128(bytes.get(header..).ok_or(Av1Error::Size)?).ok_or(Av1Error::Size)?;
    let start = header + size_bytes;
    let end = start.checked_add(size).ok_or(Av1Error::Size)?;
    let (whole, payload) = (bytes.get(..end), bytes.get(start..end));
    let (Some(whole), Some(payload)) = (whole, payload) else { return Err(Av1Error::Size) };
    Ok(Obu { kind: first >> 3 & 0xf, whole, payload })
}

/// A number and how many bytes it takes, at most eight.
fn read_leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value: u64 = 0;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, index + 1));
        }
    }
    None
}

impl Av1Config {
    /// Reads the sequence header of a stream, such as an encoder's global header.
    pub fn from_units(stream: &[u8]) -> Result<Self, Av1Error> {
        for unit in units(stream) {
            let unit = unit?;
            if unit.kind == SEQUENCE_HEADER {
                return Self::read(unit);
            }
        }
        Err(Av1Error::NoSequenceHeader)
    }

    fn read(unit: Obu<'_>) -> Result<Self, Av1Error> {
        if unit.whole.len() > MAX_SEQUENCE_HEADER {
            return Err(Av1Error::SequenceHeader);
        }
        let mut bits = Bits { bytes: unit.payload, at: 0 };
        read_sequence_header(&mut bits, unit.whole).ok_or(Av1Error::SequenceHeader)
    }

    /// The codec string, such as `av01.0.04M.08`.
    pub fn codec_string(&self) -> String {
        let tier = if self.is_high_tier { 'H' } else { 'M' };
        let depth = match self.depth {
            Depth::Eight => 8,
            Depth::Ten => 10,
            Depth::Twelve => 12,
        };
        format!("av01.{}.{:02}{tier}.{depth:02}", self.profile, self.level)
    }

    /// The record that MP4 keeps in its `av1C` box.
    pub fn decoder_record(&self) -> Vec<u8> {
        let flag = |is_set: bool, bit: u8| u8::from(is_set) << bit;
        let mut record = vec![
            0x81,
            self.profile << 5 | self.level,
            flag(self.is_high_tier, 7)
                | flag(self.depth != Depth::Eight, 6)
                | flag(self.depth == Depth::Twelve, 5)
                | flag(self.is_monochrome, 4)
                | flag(self.subsampling.0, 3)
                | flag(self.subsampling.1, 2)
                | self.sample_position,
            0,
        ];
        record.extend_from_slice(&self.obu);
        record
    }
}

/// One temporal unit as a sample: without delimiters, padding and metadata (which could name the encoder or
/// pass on what the source said of itself).
pub fn units_to_sample(packet: &[u8]) -> Result<Vec<u8>, Av1Error> {
    let mut sample = Vec::with_capacity(packet.len());
    for unit in units(packet) {
        let unit = unit?;
        if is_of_a_sample(unit.kind) {
            sample.extend_from_slice(unit.whole);
        }
    }
    Ok(sample)
}

/// Checks that a sample holds pictures and nothing else.
pub fn check_av1_sample(sample: &[u8]) -> Result<(), Av1Error> {
    let mut has_picture = false;
    for unit in units(sample) {
        let unit = unit?;
        if !is_of_a_sample(unit.kind) {
            return Err(Av1Error::Unexpected(unit.kind));
        }
        has_picture |= matches!(unit.kind, FRAME | TILE_GROUP | FRAME_HEADER);
    }
    if has_picture { Ok(()) } else { Err(Av1Error::NoPicture) }
}

fn is_of_a_sample(kind: u8) -> bool {
    matches!(kind, SEQUENCE_HEADER | FRAME_HEADER | TILE_GROUP | FRAME | REDUNDANT_FRAME_HEADER)
}

/// Reads bits from the highest on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    fn byte(&mut self, count: usize) -> Option<u8> {
        u8::try_from(self.take(count)?).ok()
    }

    /// `uvlc()`: skipped, its value is nothing we need.
    fn skip_uvlc(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros >= 32 {
                return None;
            }
        }
        self.take(zeros).map(drop)
    }
}

/// `sequence_header_obu()`, section 5.5.1.
fn read_sequence_header(bits: &mut Bits<'_>, obu: &[u8]) -> Option<Av1Config> {
    let profile = bits.byte(3)?;
    bits.flag()?;
    let is_reduced = bits.flag()?;
    let (level, is_high_tier) = if is_reduced { (bits.byte(5)?, false) } else { read_operating_points(bits)? };
    let (width_bits, height_bits) = (bits.take(4)? as usize + 1, bits.take(4)? as usize + 1);
    let size = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
    if !is_reduced && bits.flag()? {
        bits.take(7)?;
    }
    bits.take(3)?;
    if !is_reduced {
        skip_tools(bits)?;
    }
    bits.take(3)?;
    let colour = read_colour(bits, profile)?;
    Some(Av1Config {
        profile,
        level,
        is_high_tier,
        depth: colour.depth,
        is_monochrome: colour.is_monochrome,
        subsampling: colour.subsampling,
        sample_position: colour.sample_position,
        size,
        obu: obu.to_vec(),
    })
}

/// Timing and operating points; level and tier of the first one.
fn read_operating_points(bits: &mut Bits<'_>) -> Option<(u8, bool)> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.take(32)?;
        bits.take(32)?;
        if bits.flag()? {
            bits.skip_uvlc()?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? as usize + 1);
            bits.take(32)?;
            bits.take(10)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let count = bits.take(5)? + 1;
    let mut first = None;
    for _ in 0..count.min(OPERATING_POINTS) {
        bits.take(12)?;
        let level = bits.byte(5)?;
        let is_high_tier = level > 7 && bits.flag()?;
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.take(delay_bits)?;
            bits.take(delay_bits)?;
            bits.take(1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.take(4)?;
        }
        first.get_or_insert((level, is_high_tier));
    }
    first
}

/// The coding tools between sizes and colour.
fn skip_tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.take(4)?;
    let has_order_hint = bits.flag()?;
    if has_order_hint {
        bits.take(2)?;
    }
    let chooses_screen_content = bits.flag()?;
    let may_be_screen_content = chooses_screen_content || bits.flag()?;
    if may_be_screen_content {
        let chooses_integer_motion = bits.flag()?;
        if !chooses_integer_motion {
            bits.take(1)?;
        }
    }
    if has_order_hint {
        bits.take(3)?;
    }
    Some(())
}

struct Colour {
    depth: Depth,
    is_monochrome: bool,
    subsampling: (bool, bool),
    sample_position: u8,
}

/// `color_config()`, section 5.5.2.
fn read_colour(bits: &mut Bits<'_>, profile: u8) -> Option<Colour> {
    let is_high = bits.flag()?;
    let depth = match (profile, is_high) {
        (_, false) => Depth::Eight,
        (2, true) if bits.flag()? => Depth::Twelve,
        (_, true) => Depth::Ten,
    };
    let is_monochrome = profile != 1 && bits.flag()?;
    let description = if bits.flag()? { (bits.take(8)?, bits.take(8)?, bits.take(8)?) } else { (2, 2, 2) };
    if is_monochrome {
        bits.take(1)?;
        return Some(Colour { depth, is_monochrome, subsampling: (true, true), sample_position: 0 });
    }
    // sRGB as its own samples is 4:4:4 without saying so.
    if description == (1, 13, 0) {
        return Some(Colour { depth, is_monochrome, subsampling: (false, false), sample_position: 0 });
    }
    bits.take(1)?;
    let subsampling = match (profile, depth) {
        (0, _) => (true, true),
        (1, _) => (false, false),
        (_, Depth::Twelve) => {
            let horizontal = bits.flag()?;
            (horizontal, horizontal && bits.flag()?)
        }
        _ => (true, false),
    };
    let sample_position = if subsampling == (true, true) { bits.byte(2)? } else { 0 };
    Some(Colour { depth, is_monochrome, subsampling, sample_position })
}

#[cfg(test)]
mod tests;

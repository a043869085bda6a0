//! H.264 as far as a player has to know it: the configuration record, the sequence parameter set, types of NAL units.

use super::boxes::Reader;

/// A coded slice of an IDR picture.
pub(super) const IDR: u8 = 5;
/// Sequence and picture parameter sets.
pub(super) const PARAMETER_SETS: [u8; 2] = [7, 8];

/// `AVCDecoderConfigurationRecord` of ISO 14496-15.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AvcRecord {
    pub(super) profile: u8,
    pub(super) compatibility: u8,
    pub(super) level: u8,
    pub(super) length_bytes: usize,
    pub(super) sps: Vec<Vec<u8>>,
    pub(super) pps: usize,
}

impl AvcRecord {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(bytes, "avcC");
        if reader.u8()? != 1 {
            return Err("avcC has another version".into());
        }
        let (profile, compatibility, level) = (reader.u8()?, reader.u8()?, reader.u8()?);
        let length_bytes = usize::from(reader.u8()? & 3) + 1;
        let mut sps = Vec::new();
        for _ in 0..reader.u8()? & 0x1f {
            let length = reader.u16()?;
            sps.push(reader.take(length.into())?.to_vec());
        }
        let pps = reader.u8()?;
        for _ in 0..pps {
            let length = reader.u16()?;
            reader.take(length.into())?;
        }
        Ok(Self { profile, compatibility, level, length_bytes, sps, pps: pps.into() })
    }
}

/// Types of the NAL units of a sample, whose lengths must fill it exactly.
pub(super) fn nal_types(sample: &[u8], length_bytes: usize) -> Result<Vec<u8>, String> {
    let mut reader = Reader::new(sample, "a sample");
    let mut types = Vec::new();
    while !reader.rest().is_empty() {
        let length = reader.take(length_bytes)?.iter().fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte));
        let nal = reader.take(length)?;
        types.push(nal.first().ok_or("an empty NAL unit")? & 0x1f);
    }
    Ok(types)
}

/// What a sequence parameter set says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sps {
    pub(super) profile: u8,
    pub(super) compatibility: u8,
    pub(super) level: u8,
    /// 1 is 4:2:0.
    pub(super) chroma: u64,
    pub(super) bits: u64,
    pub(super) references: u64,
    /// Width and height in pixels, after cropping.
    pub(super) size: (u64, u64),
    /// Macroblocks in a picture.
    pub(super) macroblocks: u64,
    pub(super) is_progressive: bool,
    /// Pixel aspect; `None` when nothing is said.
    pub(super) aspect: Option<(u64, u64)>,
    /// Primaries, transfer, matrix; `None` when nothing is said.
    pub(super) colour: Option<(u64, u64, u64)>,
    pub(super) is_full_range: bool,
}

/// Profiles whose sequence parameter set says more about colour.
const HIGH_PROFILES: [u8; 9] = [100, 110, 122, 244, 44, 83, 86, 118, 128];
/// `aspect_ratio_idc` with numbers of its own.
const EXTENDED_ASPECT: u64 = 255;

impl Sps {
    pub(super) fn parse(nal: &[u8]) -> Result<Self, String> {
        let [_, profile, compatibility, level, ..] = *nal else { return Err("the SPS is too short".into()) };
        let payload = without_emulation(&nal[4..]);
        let mut bits = Bits { bytes: &payload, at: 0 };
        bits.exp_golomb()?;
        let (chroma, depth) = colour_format(&mut bits, profile)?;
        bits.exp_golomb()?;
        order_count(&mut bits)?;
        let references = bits.exp_golomb()?;
        bits.take(1)?;
        let wide = bits.exp_golomb()?.min(1 << 16) + 1;
        let high = bits.exp_golomb()?.min(1 << 16) + 1;
        let is_progressive = bits.flag()?;
        if !is_progressive {
            bits.take(1)?;
        }
        bits.take(1)?;
        let fields = if is_progressive { 1 } else { 2 };
        let crop = if bits.flag()? {
            [bits.exp_golomb()?, bits.exp_golomb()?, bits.exp_golomb()?, bits.exp_golomb()?]
        } else {
            [0; 4]
        };
        let (unit_x, unit_y) = (if matches!(chroma, 1 | 2) { 2 } else { 1 }, if chroma == 1 { 2 } else { 1 } * fields);
        let cut = |sum: u64, unit: u64| sum.saturating_mul(unit);
        let size = (
            (wide * 16).saturating_sub(cut(crop[0].saturating_add(crop[1]), unit_x)),
            (high * 16 * fields).saturating_sub(cut(crop[2].saturating_add(crop[3]), unit_y)),
        );
        let mut sps = Self {
            profile,
            compatibility,
            level,
            chroma,
            bits: depth,
            references,
            size,
            macroblocks: wide * high * fields,
            is_progressive,
            aspect: None,
            colour: None,
            is_full_range: false,
        };
        if bits.flag()? {
            sps.read_usability(&mut bits)?;
        }
        Ok(sps)
    }

    fn read_usability(&mut self, bits: &mut Bits<'_>) -> Result<(), String> {
        if bits.flag()? {
            self.aspect = match bits.take(8)? {
                0 => None,
                1 => Some((1, 1)),
                EXTENDED_ASPECT => Some((bits.take(16)?, bits.take(16)?)),
                other => Some((other, 0)),
            };
        }
        if bits.flag()? {
            bits.take(1)?;
        }
        if bits.flag()? {
            bits.take(3)?;
            self.is_full_range = bits.flag()?;
            if bits.flag()? {
                self.colour = Some((bits.take(8)?, bits.take(8)?, bits.take(8)?));
            }
        }
        Ok(())
    }
}

/// Chroma format and bits of a sample.
fn colour_format(bits: &mut Bits<'_>, profile: u8) -> Result<(u64, u64), String> {
    if !HIGH_PROFILES.contains(&profile) {
        return Ok((1, 8));
    }
    let chroma = bits.exp_golomb()?;
    if chroma == 3 {
        bits.take(1)?;
    }
    let depth = bits.exp_golomb()?.min(16) + 8;
    bits.exp_golomb()?;
    bits.take(1)?;
    if bits.flag()? {
        return Err("scaling lists are not read here".into());
    }
    Ok((chroma, depth))
}

fn order_count(bits: &mut Bits<'_>) -> Result<(), String> {
    match bits.exp_golomb()? {
        0 => drop(bits.exp_golomb()?),
        1 => {
            bits.take(1)?;
            bits.exp_golomb()?;
            bits.exp_golomb()?;
            for _ in 0..bits.exp_golomb()?.min(255) {
                bits.exp_golomb()?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The bytes between which an encoder puts a 3 so that no start code appears.
fn without_emulation(bytes: &[u8]) -> Vec<u8> {
    let mut plain: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u64, String> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or("the SPS is too short")?;
            value = value << 1 | u64::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    fn flag(&mut self) -> Result<bool, String> {
        Ok(self.take(1)? == 1)
    }

    /// An Exp-Golomb number without sign. Of a signed one this is the code, which nobody here needs decoded.
    fn exp_golomb(&mut self) -> Result<u64, String> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 32 {
                return Err("a number in the SPS is too long".into());
            }
        }
        Ok((1 << zeros) - 1 + self.take(zeros)?)
    }
}

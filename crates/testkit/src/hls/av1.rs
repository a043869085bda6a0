//! AV1 as far as a player has to know it: the configuration record, and what the units of a sample are.

use super::boxes::Reader;

/// Units that a sample may hold: sequence and frame headers, tile groups, frames.
const OF_A_SAMPLE: [u8; 5] = [1, 3, 4, 6, 7];
const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// `AV1CodecConfigurationRecord` of the AV1 binding to ISO media files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Av1Record {
    pub(super) profile: u8,
    pub(super) level: u8,
    pub(super) is_high_tier: bool,
    pub(super) bits: u8,
    /// 4:2:0, with colour.
    pub(super) is_420: bool,
    /// Profile and level that the sequence header itself says.
    pub(super) coded: Option<(u8, u8)>,
}

impl Av1Record {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(bytes, "av1C");
        if reader.u8()? != 0x81 {
            return Err("av1C has another version".into());
        }
        let (one, two) = (reader.u8()?, reader.u8()?);
        reader.u8()?;
        let headers: Vec<Unit<'_>> = units(reader.rest())?;
        let coded = match headers.as_slice() {
            [only] if only.kind == SEQUENCE_HEADER => coded_level(only.payload),
            _ => None,
        };
        Ok(Self {
            profile: one >> 5,
            level: one & 0x1f,
            is_high_tier: two & 0x80 != 0,
            bits: match two >> 5 & 3 {
                0 => 8,
                2 => 10,
                _ => 12,
            },
            is_420: two & 0b0001_1100 == 0b0000_1100,
            coded,
        })
    }

    /// The codec string, in small letters.
    pub(super) fn codec_string(&self) -> String {
        let tier = if self.is_high_tier { 'h' } else { 'm' };
        format!("av01.{}.{:02}{tier}.{:02}", self.profile, self.level, self.bits)
    }
}

/// A unit with its size.
struct Unit<'a> {
    kind: u8,
    payload: &'a [u8],
}

fn units(bytes: &[u8]) -> Result<Vec<Unit<'_>>, String> {
    let mut reader = Reader::new(bytes, "AV1 units");
    let mut found = Vec::new();
    while !reader.rest().is_empty() {
        let header = reader.u8()?;
        if header & 0x80 != 0 || header & 2 == 0 {
            return Err("an AV1 unit without size".into());
        }
        if header & 4 != 0 {
            reader.u8()?;
        }
        let mut size = 0;
        for place in 0..4 {
            let byte = reader.u8()?;
            size |= usize::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                break;
            }
        }
        found.push(Unit { kind: header >> 3 & 0xf, payload: reader.take(size)? });
    }
    Ok(found)
}

/// Profile and level of a sequence header that says nothing of timing: `seq_profile` in three bits, five flags
/// (still, reduced, timing, display delay among them), one operating point.
fn coded_level(payload: &[u8]) -> Option<(u8, u8)> {
    let bits = u32::from_be_bytes(payload.get(..4)?.try_into().ok()?);
    let take = |from: u32, count: u32| bits << from >> (32 - count);
    let is_plain = take(3, 4) == 0 && take(7, 5) == 0;
    let level = is_plain.then(|| take(24, 5))?;
    Some((u8::try_from(take(0, 3)).ok()?, u8::try_from(level).ok()?))
}

/// Whether a sample is whole, and whether it is a key picture that is shown.
pub(super) fn read_sample(sample: &[u8]) -> Result<bool, String> {
    let found = units(sample)?;
    if let Some(unit) = found.iter().find(|unit| !OF_A_SAMPLE.contains(&unit.kind)) {
        return Err(format!("an AV1 unit of kind {}", unit.kind));
    }
    let first = found.iter().find(|unit| matches!(unit.kind, FRAME | FRAME_HEADER)).ok_or("no picture in it")?;
    // show_existing_frame, frame_type, show_frame
    let head = *first.payload.first().ok_or("an empty picture")?;
    Ok(head >> 4 == 0b0001)
}

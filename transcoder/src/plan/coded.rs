//! The pictures of an H.264 source as they are coded: can they be shown as they are?

use serde::{Deserialize, Serialize};

use super::{Rate, Ratio};

/// Most pictures a picture is coded ahead of what is shown before it.
pub const REORDERED_PICTURES: u64 = 2;
/// More key pictures than this are no use to anybody, and would make the probe's answer long.
const MOST_KEYS: usize = 4096;

/// How NAL units are told apart in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// By start codes, as in Annex B.
    StartCodes,
    /// By lengths of one, two or four bytes, as in MP4.
    Lengths(u8),
}

/// What must be known of a stream to repackage it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamHeader {
    /// The one sequence parameter set.
    pub sps: Vec<u8>,
    /// The one picture parameter set.
    pub pps: Vec<u8>,
    /// How packets are divided.
    pub framing: Framing,
}

/// A stream that may be repackaged as far as its pictures are concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodedVideo {
    /// Parameter sets and framing.
    pub header: StreamHeader,
    /// Pixels shown.
    pub width: u32,
    /// Pixels shown.
    pub height: u32,
    /// Number of pictures, one in every slot of the grid.
    pub pictures: u64,
    /// Where a player can begin.
    pub keys: Vec<KeyPicture>,
}

/// A picture before which nothing is needed, and after which nothing from before it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPicture {
    /// Its slot on the grid, and its position in decoding order.
    pub slot: u64,
    /// Bytes of it and of all pictures up to the next one.
    pub bytes: u64,
}

/// A picture as the demuxer gave it, in decoding order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodedPicture {
    /// When it is shown, if its container says so.
    pub ticks: Option<i64>,
    /// Bytes of its slices.
    pub bytes: u64,
    /// It resets the decoder.
    pub is_key: bool,
}

/// Why the largest rung is encoded although repackaging the source would be cheaper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum WhyEncoded {
    /// It is made later, of another codec or with more effort.
    #[error("a family is made of its own pictures")]
    Family,
    /// Another codec than H.264.
    #[error("the codec is not H.264")]
    Codec,
    /// Something in the stream that we do not understand, or would not pass on.
    #[error("the stream holds something we would not pass on")]
    Stream,
    /// More than one set of parameters, or one that changes.
    #[error("there is not exactly one set of parameters")]
    ParameterSets,
    /// A profile that not every player knows.
    #[error("the profile is none of Constrained Baseline, Main and High")]
    Profile,
    /// Above level 4.2, or more demanding than its level allows.
    #[error("the level is too high, or not kept to")]
    Level,
    /// Not 4:2:0 in eight bits.
    #[error("the picture is not 4:2:0 in eight bits")]
    PixelFormat,
    /// Fields.
    #[error("the picture is made of fields")]
    Interlaced,
    /// Not BT.709 in video range.
    #[error("the colours are not BT.709 in video range")]
    Colour,
    /// Turned, mirrored, or with pixels that are not square.
    #[error("the picture must be turned or stretched")]
    Geometry,
    /// Another size than the largest rung's.
    #[error("the picture has another size than the largest rung")]
    Size,
    /// A rate that the largest rung does not have.
    #[error("the largest rung has another rate")]
    Rate,
    /// Pictures are missing, doubled or without time.
    #[error("the pictures are not even")]
    Uneven,
    /// An edit list leaves out pictures.
    #[error("an edit list leaves out pictures")]
    EditList,
    /// Pictures are coded further ahead than our segments allow for.
    #[error("pictures are too far out of order")]
    Reordered,
    /// Segments of acceptable length cannot begin at the key pictures.
    #[error("the key pictures are too far apart, or needed across")]
    Keys,
    /// More bits than the rung may have.
    #[error("there are more bits than the rung may have")]
    BitRate,
    /// Sound goes on after the last picture.
    #[error("the sound goes on after the last picture")]
    SoundGoesOn,
    /// Decoding the pictures showed what the probe could not see.
    #[error("the pictures could not all be decoded")]
    Decoding,
}

/// The grid that pictures must lie on.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Time of the first picture, in ticks.
    pub start_ticks: i64,
    /// Length of a tick in seconds.
    pub time_base: Ratio,
    /// Pictures a second.
    pub rate: Rate,
}

impl Grid {
    /// The slot nearest to a time.
    pub fn slot(&self, ticks: i64) -> i64 {
        let since = i128::from(ticks) - i128::from(self.start_ticks);
        let numerator = since * i128::from(self.time_base.num) * i128::from(self.rate.num);
        let denominator = i128::from(self.time_base.den) * i128::from(self.rate.den);
        let nearest = (2 * numerator + denominator).div_euclid(2 * denominator);
        i64::try_from(nearest).unwrap_or(if nearest < 0 { i64::MIN } else { i64::MAX })
    }
}

/// The key pictures of a stream whose pictures fill the grid, each slot once.
///
/// A key picture counts where every picture coded before it is shown before it. As no slot is filled twice, that
/// is so exactly when its slot is its position and the highest slot before it is the one before.
///
/// # Errors
/// When the pictures cannot be shown as they are.
pub fn find_keys(pictures: &[CodedPicture], grid: &Grid) -> Result<Vec<KeyPicture>, WhyEncoded> {
    let mut filled = vec![false; pictures.len()];
    let mut keys: Vec<KeyPicture> = Vec::new();
    let mut shown = 0;
    for (position, picture) in (0..).zip(pictures) {
        let slot = picture.ticks.and_then(|ticks| u64::try_from(grid.slot(ticks)).ok()).ok_or(WhyEncoded::Uneven)?;
        match usize::try_from(slot).ok().and_then(|slot| filled.get_mut(slot)) {
            Some(free @ false) => *free = true,
            _ => return Err(WhyEncoded::Uneven),
        }
        if slot + REORDERED_PICTURES < position {
            return Err(WhyEncoded::Reordered);
        }
        if picture.is_key && slot == position && shown == position {
            keys.push(KeyPicture { slot, bytes: 0 });
        }
        shown = shown.max(slot + 1);
        keys.last_mut().ok_or(WhyEncoded::Keys)?.bytes += picture.bytes;
    }
    if keys.is_empty() || keys.len() > MOST_KEYS { Err(WhyEncoded::Keys) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRID: Grid = Grid { start_ticks: 100, time_base: Ratio::new(1, 30), rate: Rate::new(30, 1) };

    /// Pictures shown in these slots, in decoding order; those given as keys are.
    fn coded(slots: &[i64], keys: &[usize]) -> Vec<CodedPicture> {
        let picture = |(position, slot): (usize, &i64)| CodedPicture {
            ticks: Some(100 + slot),
            bytes: 10,
            is_key: keys.contains(&position),
        };
        slots.iter().enumerate().map(picture).collect()
    }

    fn slots_of_keys(slots: &[i64], keys: &[usize]) -> Result<Vec<(u64, u64)>, WhyEncoded> {
        let found = find_keys(&coded(slots, keys), &GRID)?;
        Ok(found.into_iter().map(|key| (key.slot, key.bytes)).collect())
    }

    #[test]
    fn reordered_pictures_between_keys_are_fine() {
        assert_eq!(slots_of_keys(&[0, 2, 1, 3, 6, 5, 4], &[0, 3]), Ok(vec![(0, 30), (3, 40)]));
    }

    #[test]
    fn a_key_that_earlier_pictures_are_shown_after_is_none() {
        assert_eq!(slots_of_keys(&[0, 2, 1, 4, 3], &[0, 3]), Ok(vec![(0, 50)]));
        assert_eq!(slots_of_keys(&[0, 3, 2, 1], &[0, 2]), Ok(vec![(0, 40)]));
    }

    #[test]
    fn what_cannot_be_shown_as_it_is_has_a_reason() {
        assert_eq!(slots_of_keys(&[0, 1, 3], &[0]), Err(WhyEncoded::Uneven));
        assert_eq!(slots_of_keys(&[0, 1, 1], &[0]), Err(WhyEncoded::Uneven));
        assert_eq!(slots_of_keys(&[-1, 0, 1], &[0]), Err(WhyEncoded::Uneven));
        assert_eq!(slots_of_keys(&[0, 4, 3, 2, 1], &[0]), Err(WhyEncoded::Reordered));
        assert_eq!(slots_of_keys(&[0, 1, 2], &[1]), Err(WhyEncoded::Keys));
        assert_eq!(slots_of_keys(&[1, 0, 2], &[0]), Err(WhyEncoded::Keys));
        assert_eq!(slots_of_keys(&[], &[]), Err(WhyEncoded::Keys));
        let timeless = [CodedPicture { ticks: None, bytes: 1, is_key: true }];
        assert_eq!(find_keys(&timeless, &GRID), Err(WhyEncoded::Uneven));
    }

    proptest! {
        #[test]
        fn keys_split_what_is_shown_as_they_split_what_is_coded(
            slots in Just((0i64..12).collect::<Vec<_>>()).prop_shuffle(),
            keys in prop::collection::vec(0usize..12, 0..6),
        ) {
            let Ok(found) = find_keys(&coded(&slots, &keys), &GRID) else { return Ok(()) };
            for key in found {
                let position = usize::try_from(key.slot).expect("small");
                let (before, after) = slots.split_at(position);
                prop_assert!(before.iter().all(|slot| slot < &slots[position]));
                prop_assert!(after.iter().all(|slot| slot >= &slots[position]));
            }
        }

        #[test]
        fn no_times_make_it_panic(times in prop::collection::vec(any::<i64>(), 0..20), start: i64) {
            let pictures: Vec<_> =
                times.iter().map(|ticks| CodedPicture { ticks: Some(*ticks), bytes: 1, is_key: true }).collect();
            let _ = find_keys(&pictures, &Grid { start_ticks: start, ..GRID });
        }
    }
}

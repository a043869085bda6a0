//! A media segment: one movie fragment and its bytes.

use super::{boxes::BoxWriter, init::TRACK_ID};
use crate::plan::{Codec, REORDERED_PICTURES};

/// Flags of a sample that needs no other, and of one that does.
const SYNC: u32 = 0x0200_0000;
const DEPENDENT: u32 = 0x0101_0000;

/// One encoded picture or audio frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Presentation time minus decoding time, in ticks.
    pub shift_ticks: u32,
    /// Needs no other sample. The first of a segment never does; of a source's own pictures others may not either.
    pub is_key: bool,
}

/// How samples follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleOrder {
    /// Sound: every sample can be decoded on its own and is shown when it is decoded.
    Sound,
    /// Pictures that are decoded in another order than they are shown in (H.264).
    Reordered,
    /// Pictures that are shown when they are decoded (AV1, which keeps hidden ones inside of a sample).
    Straight,
}

impl SampleOrder {
    /// How pictures of a codec follow one another.
    pub fn of(codec: Codec) -> Self {
        match codec {
            Codec::Avc => Self::Reordered,
            Codec::Av1 => Self::Straight,
        }
    }

    /// When the `position`-th sample in decoding order is decoded, in ticks.
    pub fn decode_ticks(self, position: u64, sample_ticks: u32) -> u64 {
        match self {
            Self::Reordered => picture_decode_ticks(position, sample_ticks),
            Self::Sound | Self::Straight => position * u64::from(sample_ticks),
        }
    }
}

/// A run of samples that starts with one that needs no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Number of the segment, from one.
    pub sequence: u32,
    /// Position of the first sample in the rendition, in decoding order.
    pub first: u64,
    /// Length of a sample, in ticks.
    pub sample_ticks: u32,
    /// How its samples follow one another.
    pub order: SampleOrder,
    /// The samples in decoding order.
    pub samples: &'a [Sample],
}

/// When the `position`-th picture in decoding order is decoded, in ticks.
///
/// A picture must not be shown before it is decoded, and the first one is shown at zero; so decoding
/// runs [`REORDERED_PICTURES`] ahead of showing, and the first pictures are decoded within the time of
/// one. Players disagree on negative shifts and on edit lists; this needs neither.
pub fn picture_decode_ticks(position: u64, picture_ticks: u32) -> u64 {
    let ticks = u64::from(picture_ticks);
    if position > REORDERED_PICTURES {
        (position - REORDERED_PICTURES) * ticks
    } else {
        position * ticks / (REORDERED_PICTURES + 1)
    }
}

impl Fragment<'_> {
    fn is_sound(&self) -> bool {
        self.order == SampleOrder::Sound
    }

    fn decode_ticks(&self, position: u64) -> u64 {
        self.order.decode_ticks(position, self.sample_ticks)
    }

    /// Pictures inside of the segment need no other either.
    fn has_own_flags(&self) -> bool {
        !self.is_sound() && self.samples.iter().skip(1).any(|sample| sample.is_key)
    }

    /// The first pictures of a clip are not evenly spaced in decoding time, everything else is.
    fn has_own_lengths(&self) -> bool {
        self.order == SampleOrder::Reordered && self.first <= REORDERED_PICTURES
    }
}

/// The bytes of a media segment.
pub fn fragment(fragment: &Fragment<'_>) -> Vec<u8> {
    let mut w = BoxWriter::default();
    let mut offset_at = 0;
    w.boxed(*b"moof", |w| {
        w.full(*b"mfhd", 0, 0, |w| w.u32(fragment.sequence));
        w.boxed(*b"traf", |w| {
            track_fragment_header(w, fragment);
            w.full(*b"tfdt", 1, 0, |w| w.u64(fragment.decode_ticks(fragment.first)));
            offset_at = track_run(w, fragment);
        });
    });
    w.patch_u32(offset_at, w.len() + 8);
    w.boxed(*b"mdat", |w| fragment.samples.iter().for_each(|sample| w.raw(&sample.bytes)));
    w.into_bytes()
}

/// Offsets count from the fragment itself; duration and flags are the same for all samples but the first.
fn track_fragment_header(w: &mut BoxWriter, fragment: &Fragment<'_>) {
    w.full(*b"tfhd", 0, 0x02_0000 | 0x08 | 0x20, |w| {
        w.u32(TRACK_ID);
        w.u32(fragment.sample_ticks);
        w.u32(if fragment.is_sound() { SYNC } else { DEPENDENT });
    });
}

/// Writes the run and returns where its data offset is to be filled in.
fn track_run(w: &mut BoxWriter, fragment: &Fragment<'_>) -> usize {
    let (lengths, flags) = (fragment.has_own_lengths(), fragment.has_own_flags());
    let picture_flags = match (fragment.is_sound(), flags) {
        (true, _) => 0,
        (false, false) => 0x004 | 0x800,
        (false, true) => 0x400 | 0x800,
    };
    let length_flag = if lengths { 0x100 } else { 0 };
    let count = u32::try_from(fragment.samples.len()).expect("a segment has a few hundred samples");
    let mut offset_at = 0;
    w.full(*b"trun", 0, 0x001 | 0x200 | picture_flags | length_flag, |w| {
        w.u32(count);
        offset_at = w.len();
        w.u32(0);
        if !fragment.is_sound() && !flags {
            w.u32(SYNC);
        }
        for (position, sample) in (fragment.first..).zip(fragment.samples) {
            if lengths {
                let length = fragment.decode_ticks(position + 1) - fragment.decode_ticks(position);
                w.u32(u32::try_from(length).expect("a picture's time is a few thousand ticks"));
            }
            w.u32(u32::try_from(sample.bytes.len()).expect("a sample is smaller than four gigabytes"));
            if flags {
                w.u32(if sample.is_key { SYNC } else { DEPENDENT });
            }
            if !fragment.is_sound() {
                w.u32(sample.shift_ticks);
            }
        }
    });
    offset_at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_times_rise_from_zero_and_run_two_pictures_ahead() {
        let times: Vec<u64> = (0..7).map(|position| picture_decode_ticks(position, 1000)).collect();
        assert_eq!(times, [0, 333, 666, 1000, 2000, 3000, 4000]);
    }
}

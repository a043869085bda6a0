//! A media segment: one movie fragment and its bytes.

use super::{boxes::BoxWriter, init::TRACK_ID};

/// Flags of a sample that needs no other, and of one that does.
const SYNC: u32 = 0x0200_0000;
const DEPENDENT: u32 = 0x0101_0000;

/// One encoded picture or audio frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Presentation time minus decoding time, in ticks; negative when pictures are shown before
    /// their turn in decoding order would come.
    pub shift_ticks: i32,
}

/// A run of samples of equal length that starts with one that needs no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Number of the segment, from one.
    pub sequence: u32,
    /// Decoding time of the first sample, in ticks.
    pub start_ticks: u64,
    /// Length of every sample, in ticks.
    pub sample_ticks: u32,
    /// Every sample can be decoded on its own, as in audio.
    pub all_sync: bool,
    /// The samples in decoding order.
    pub samples: &'a [Sample],
}

/// The bytes of a media segment.
pub fn fragment(fragment: &Fragment<'_>) -> Vec<u8> {
    let mut w = BoxWriter::default();
    let mut offset_at = 0;
    w.boxed(*b"moof", |w| {
        w.full(*b"mfhd", 0, 0, |w| w.u32(fragment.sequence));
        w.boxed(*b"traf", |w| {
            track_fragment_header(w, fragment);
            w.full(*b"tfdt", 1, 0, |w| w.u64(fragment.start_ticks));
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
        w.u32(if fragment.all_sync { SYNC } else { DEPENDENT });
    });
}

/// Writes the run and returns where its data offset is to be filled in.
fn track_run(w: &mut BoxWriter, fragment: &Fragment<'_>) -> usize {
    let video_flags = if fragment.all_sync { 0 } else { 0x004 | 0x800 };
    let count = u32::try_from(fragment.samples.len()).expect("a segment has a few hundred samples");
    let mut offset_at = 0;
    w.full(*b"trun", 1, 0x001 | 0x200 | video_flags, |w| {
        w.u32(count);
        offset_at = w.len();
        w.u32(0);
        if !fragment.all_sync {
            w.u32(SYNC);
        }
        for sample in fragment.samples {
            w.u32(u32::try_from(sample.bytes.len()).expect("a sample is smaller than four gigabytes"));
            if !fragment.all_sync {
                w.i32(sample.shift_ticks);
            }
        }
    });
    offset_at
}

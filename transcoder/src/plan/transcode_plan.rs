//! The plan itself: everything the child needs, nothing it has to decide.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{ChunkPlan, Codec, Colour, Grid, Orientation, Preset, Rate, Ratio, StreamHeader, TopRung, plan_chunks};
use crate::loudness::Level;

/// Samples in one AAC frame.
pub const AAC_FRAME_SAMPLES: u64 = 1024;
/// Sample rate of the audio rendition.
pub const AUDIO_RATE_HZ: u32 = 48_000;
/// Bit rate of the audio rendition.
pub const AUDIO_KBPS: u32 = 96;

/// What is made of a source, in the terms of its own pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranscodePlan {
    /// What is read.
    pub source: SourceVideo,
    /// What is done to every picture once, before it is scaled for the rungs.
    pub conversion: Conversion,
    /// The grid: rate of the fastest rung.
    pub rate: Rate,
    /// Pictures on the grid.
    pub total_frames: u64,
    /// First picture of each segment on the grid.
    pub segment_starts: Vec<u64>,
    /// Units of work and resume.
    pub chunks: Vec<ChunkPlan>,
    /// Video renditions, smallest first, at least one.
    pub rungs: Vec<RungPlan>,
    /// Where the pictures of the largest rung come from.
    pub top_rung: TopRung,
    /// The audio rendition that all rungs share.
    pub audio: Option<AudioPlan>,
    /// These are rungs of a family: nothing is made beside them, for that is there already.
    #[serde(default)]
    pub is_family: bool,
    /// Playlists name at least this target duration, in seconds: that of the version a family belongs to.
    #[serde(default)]
    pub least_target_secs: u64,
}

/// The video stream to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceVideo {
    /// Index of the stream.
    pub stream: usize,
    /// Name of the decoder.
    pub decoder: String,
    /// Length of one tick in seconds.
    pub time_base: Ratio,
    /// Time that becomes zero, in ticks.
    pub start_ticks: i64,
    /// Pictures the probe counted.
    pub frames: u64,
    /// Threads of the decoder.
    pub threads: u32,
}

/// From the decoded picture to an upright, square-pixelled, 8-bit BT.709 one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// Weave two fields into one picture.
    pub deinterlace: bool,
    /// How to turn it.
    pub orientation: Orientation,
    /// What the numbers of the source mean.
    pub colour: Colour,
    /// Width after turning: that of the largest rung.
    pub width: u32,
    /// Height after turning.
    pub height: u32,
}

/// One video rendition to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungPlan {
    /// Folder and identity, such as `v540`.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What encodes it.
    #[serde(default)]
    pub codec: Codec,
    /// Every how manieth picture of the grid it shows: 1 or 2.
    pub divisor: u64,
    /// Its own rate.
    pub rate: Rate,
    /// The encoder's constant rate factor, in tenths.
    pub crf_tenths: u32,
    /// Peak kilobits a second.
    pub cap_kbps: u32,
    /// Encoder effort.
    pub preset: Preset,
    /// Encoder threads.
    pub threads: u32,
}

/// The audio rendition to make: AAC-LC, stereo, 48 kHz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// Index of the stream.
    pub stream: usize,
    /// Name of the decoder.
    pub decoder: String,
    /// Channels of the source.
    pub channels: u32,
    /// Time in the source that becomes zero, in microseconds.
    pub origin_us: i64,
    /// What is done to its loudness.
    #[serde(default)]
    pub level: Level,
    /// AAC frames in all.
    pub total_frames: u64,
    /// First AAC frame of each segment.
    pub segment_starts: Vec<u64>,
}

impl SourceVideo {
    /// Time that becomes zero, in microseconds.
    pub fn origin_us(&self) -> i64 {
        let us = i128::from(self.start_ticks) * i128::from(self.time_base.num) * 1_000_000;
        i64::try_from(us / i128::from(self.time_base.den.max(1))).unwrap_or(0)
    }
}

impl RungPlan {
    /// The shorter side.
    pub fn short_edge(&self) -> u32 {
        self.width.min(self.height)
    }

    /// Options of the encoder, by libavcodec's names.
    pub fn encoder_options(&self) -> Vec<(&'static str, String)> {
        match self.codec {
            Codec::Avc => self.x264_options(),
            Codec::Av1 => self.svt_av1_options(),
        }
    }

    /// Pictures of this rung that fall into `slots` of the grid.
    pub fn own_frames(&self, slots: &Range<u64>) -> Range<u64> {
        slots.start.div_ceil(self.divisor)..slots.end.div_ceil(self.divisor)
    }
}

impl TranscodePlan {
    /// Pictures of a segment, on the grid.
    pub fn segment_slots(&self, segment: usize) -> Range<u64> {
        let end = self.segment_starts.get(segment + 1).copied().unwrap_or(self.total_frames);
        self.segment_starts[segment]..end
    }

    /// Pictures of a chunk, on the grid.
    pub fn chunk_slots(&self, chunk: usize) -> Range<u64> {
        let segments = self.chunks[chunk].segment_range();
        let first = self.segment_slots(segments.start);
        let last = self.segment_slots(segments.end - 1);
        first.start..last.end
    }

    /// Length of the clip, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.rate.frame_start_us(self.total_frames).div_ceil(1000)
    }

    /// The largest rung.
    pub fn top(&self) -> &RungPlan {
        self.rungs.last().expect("a plan has at least one rung")
    }

    /// The grid, in the terms of the source.
    pub fn grid(&self) -> Grid {
        Grid { start_ticks: self.source.start_ticks, time_base: self.source.time_base, rate: self.rate }
    }

    /// What the source's packets are like, when the largest rung is made of them.
    pub fn repackaged(&self) -> Option<&StreamHeader> {
        match &self.top_rung {
            TopRung::Repackaged { header } => Some(header),
            TopRung::Encoded { .. } => None,
        }
    }

    /// The rungs whose pictures are encoded, smallest first; none when the only one is repackaged.
    pub fn encoded_rungs(&self) -> &[RungPlan] {
        let repackaged = usize::from(self.repackaged().is_some());
        &self.rungs[..self.rungs.len().saturating_sub(repackaged)]
    }

    /// The longest segment of any rendition, rounded to whole seconds as RFC 8216 compares it: all media
    /// playlists must name the same.
    pub fn target_secs(&self) -> u64 {
        let segments = 0..self.segment_starts.len();
        let pictures = self.rungs.iter().flat_map(|rung| segments.clone().map(|s| self.segment_us(rung, s)));
        let sound = self.audio.iter().flat_map(|audio| segments.clone().map(|s| audio.segment_us(s)));
        let longest = pictures.chain(sound).max().unwrap_or(0);
        ((longest + 500_000) / 1_000_000).max(1).max(self.least_target_secs)
    }

    /// Length of a segment of pictures, in microseconds.
    pub fn segment_us(&self, rung: &RungPlan, segment: usize) -> u64 {
        let frames = rung.own_frames(&self.segment_slots(segment));
        rung.rate.frame_start_us(frames.end) - rung.rate.frame_start_us(frames.start)
    }

    /// True if the stored plan is one that this code could have made: used on plans read back from storage.
    pub fn is_consistent(&self) -> bool {
        let starts_rise = self.segment_starts.windows(2).all(|pair| pair[0] < pair[1]);
        let starts_fit = self.segment_starts.first() == Some(&0)
            && self.segment_starts.last().is_some_and(|last| *last < self.total_frames);
        let audio_fits =
            self.audio.as_ref().is_none_or(|audio| audio.segment_starts.len() == self.segment_starts.len());
        let top_fits = self.repackaged().is_none() || self.rungs.last().is_some_and(|top| top.divisor == 1);
        !self.rungs.is_empty()
            && top_fits
            && self.rungs.iter().all(|rung| matches!(rung.divisor, 1 | 2))
            && starts_rise
            && starts_fit
            && audio_fits
            && self.chunks == plan_chunks(self.segment_starts.len())
    }
}

impl AudioPlan {
    /// AAC frames of a segment.
    pub fn segment_frames(&self, segment: usize) -> Range<u64> {
        let end = self.segment_starts.get(segment + 1).copied().unwrap_or(self.total_frames);
        self.segment_starts[segment]..end
    }

    /// Length of a segment of sound, in microseconds.
    pub fn segment_us(&self, segment: usize) -> u64 {
        let start_us = |frame: u64| frame * AAC_FRAME_SAMPLES * 1_000_000 / u64::from(AUDIO_RATE_HZ);
        let frames = self.segment_frames(segment);
        start_us(frames.end) - start_us(frames.start)
    }
}

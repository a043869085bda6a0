//! What a source may ask of us at most.

use serde::{Deserialize, Serialize};

/// Upper bounds on a source, checked on what is read and decoded rather than on its header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest clip, in milliseconds.
    pub max_duration_ms: u64,
    /// Largest file, in bytes.
    pub max_source_bytes: u64,
    /// Largest picture, in pixels.
    pub max_source_pixels: u64,
    /// Longest side of a picture, in pixels.
    pub max_source_side: u32,
    /// Shortest side of a picture, in pixels.
    pub min_source_side: u32,
    /// Most streams of any kind.
    pub max_streams: u32,
    /// Most video streams; motion photos carry two.
    pub max_video_streams: u32,
    /// Most pictures; 240 a second for the longest clip, and some slack.
    pub max_frames: u64,
    /// Most packets of all streams together.
    pub max_packets: u64,
    /// Pictures a second of a rendition.
    pub max_output_fps: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_duration_ms: 180_000,
            max_source_bytes: 4 << 30,
            max_source_pixels: 36_000_000,
            max_source_side: 16_384,
            min_source_side: 16,
            max_streams: 16,
            max_video_streams: 4,
            max_frames: 45_000,
            max_packets: 400_000,
            max_output_fps: 60,
        }
    }
}

impl Limits {
    /// Grace on the duration: encoders round the last picture up.
    pub const DURATION_GRACE_MS: u64 = 500;
}

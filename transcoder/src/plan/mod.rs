//! What to make of a source: pure functions from what the probe saw to a plan, or to a refusal.
//!
//! Nothing here touches libav, files or clocks, so a plan can be stored as JSON and carried out
//! again after a crash, by another worker, with the same result.

mod adapt;
mod cadence;
mod coded;
mod credible;
mod family;
mod info;
mod ladder;
mod limits;
mod look;
mod make;
mod orientation;
mod ranges;
mod rate;
mod refusal;
mod repackage;
mod stills;
mod svt_av1;
mod timeline;
mod transcode_plan;
mod x264;

pub use adapt::{Adapted, Ladder, adapt};
pub use cadence::{Cadence, Shown};
pub use coded::{
    CodedPicture, CodedVideo, Framing, Grid, KeyPicture, REORDERED_PICTURES, StreamHeader, WhyEncoded, find_keys,
};
pub use family::{Codec, Family};
pub use info::{AudioInfo, Colour, MediaInfo, Ratio, VideoInfo};
pub use ladder::{Preset, RungSize, plan_sizes};
pub use limits::Limits;
pub use look::{Look, LookSample};
pub use make::make_plan;
pub use orientation::Orientation;
pub use ranges::plan_ranges;
pub use rate::{Rate, natural_rate};
pub use refusal::{Refusal, RefusalCode};
pub use repackage::TopRung;
pub use stills::{PREVIEW_FPS, PREVIEW_PICTURES, SHEET_COLUMNS};
pub use timeline::{ChunkPlan, plan_chunks, plan_segments, plan_segments_at};
pub use transcode_plan::{
    AAC_FRAME_SAMPLES, AUDIO_KBPS, AUDIO_RATE_HZ, AudioPlan, Conversion, RungPlan, SourceVideo, TranscodePlan,
};

#[cfg(test)]
pub(crate) use make::tests::{sample_info, sample_plan};

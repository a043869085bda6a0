//! How loud sound is, and how it is brought to where all clips are: pure functions on samples.
//!
//! Everything is stereo at 48 kHz and works on blocks of [`BLOCK`] samples. The child measures
//! the whole sound before it makes anything; what is to be done stands in the plan, so that a run
//! that resumes in the middle does the same.
//!
//! - `meter`: loudness after ITU-R BS.1770 and EBU R 128, and the peaks between samples
//! - `envelope`: how far a limiter turns down, and when
//! - `level`: the gain that is needed
//! - `leveller`: gain and limiter, carried out

mod envelope;
mod level;
mod leveller;
mod meter;

pub use level::{Level, Loudness, TARGET_LUFS, judge};
pub use leveller::Leveller;
pub use meter::{Block, Meter};

/// Samples that are measured and turned down together: 1.3 ms, sixteen to a frame of AAC.
pub const BLOCK: usize = 64;
/// Where peaks are kept: two decibels below what is promised (-1 dBTP), because the AAC encoder
/// changes the waveform. On sudden sounds it was seen to overshoot by one and a half.
pub const CEILING_DBTP: f64 = -3.0;

/// Decibels as a factor.
fn factor(db: f64) -> f64 {
    10f64.powf(db / 20.0)
}

//! What a few pictures of a source say about it.

use serde::{Deserialize, Serialize};

use super::{Rate, RungPlan};

/// Seconds from key picture to key picture in what we make.
const KEYS_APART_SECS: f64 = 2.0;
/// No encoder writes more bits for a pixel than its numbers have in 4:2:0, and a little for what goes with them.
const MOST_BITS_PER_PIXEL: u64 = 16;
/// The largest squared error of brightness, in hundredths.
const MOST_DETAIL: u32 = 255 * 255 * 100;

/// Where nearly the worst squared error is no more than this, in hundredths, pictures that went through the rung below
/// look like those that did not.
const SOFT_DETAIL: u32 = 1000;
/// Where it seems to take this many times its cap, the largest rung starves. A few pictures in a row seem to take half of
/// what a whole clip does: x264 spends more on what many pictures are made from.
const STARVED_CAPS: f64 = 2.0;

/// A look at a source before anything is made of it: short samples spread over the clip, encoded as the largest rung
/// would be if it had no cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// What was seen, in the order of the clip; places without anything to see are left out.
    pub samples: Vec<LookSample>,
}

/// A few pictures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookSample {
    /// Bits of the first picture, which needs no other.
    pub key_bits: u64,
    /// Bits of all that follow.
    pub other_bits: u64,
    /// Pictures of the rung from the first to the last of the sample.
    pub frames: u32,
    /// What the largest rung shows of the first picture that the rung below it cannot: the squared error of brightness,
    /// in hundredths, where it is nearly worst.
    pub detail: u32,
}

impl Look {
    /// Samples in a look.
    pub const MOST_SAMPLES: usize = 3;
    /// Pictures of the rung that a sample may span: those of four seconds at the fastest rate.
    pub const MOST_FRAMES: u32 = 240;

    /// Whether these can be the figures of pictures as large as those of the largest rung. They come from a process
    /// that may have been taken over.
    pub fn is_believable(&self, top: &RungPlan) -> bool {
        let most_bits = u64::from(top.width) * u64::from(top.height) * MOST_BITS_PER_PIXEL;
        self.samples.len() <= Self::MOST_SAMPLES
            && self.samples.iter().all(|sample| {
                (1..=Self::MOST_FRAMES).contains(&sample.frames)
                    && sample.key_bits <= most_bits
                    && sample.other_bits <= most_bits * u64::from(sample.frames)
                    && sample.detail <= MOST_DETAIL
            })
    }

    /// Whether some place of the clip is the better for the largest rung.
    pub fn wants_top(&self, top: &RungPlan) -> bool {
        self.samples.iter().any(|sample| !sample.is_soft() && !sample.is_starved(top))
    }
}

impl LookSample {
    /// The largest rung would show nothing that the rung below it does not.
    pub fn is_soft(&self) -> bool {
        self.detail <= SOFT_DETAIL
    }

    /// So much changes from picture to picture that the largest rung would look worse than the one below it, with the
    /// bits they may have.
    pub fn is_starved(&self, top: &RungPlan) -> bool {
        self.demand_kbps(top.rate) >= f64::from(top.cap_kbps) * STARVED_CAPS
    }

    /// Kilobits a second that the largest rung would take at that rate if it had no cap and all were like this.
    #[expect(clippy::cast_precision_loss, reason = "bits of a few small pictures")]
    pub fn demand_kbps(&self, rate: Rate) -> f64 {
        let others = rate.fps() - 1.0 / KEYS_APART_SECS;
        let key = self.key_bits as f64 / KEYS_APART_SECS;
        let other = self.other_bits as f64 / f64::from(self.frames.max(1)) * others.max(0.0);
        (key + other) / 1000.0
    }
}

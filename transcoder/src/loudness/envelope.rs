//! How far a limiter turns down, at the borders of blocks.

use std::{f32::consts::PI, sync::LazyLock};

/// Blocks before and after a peak over which the limiter moves: 32 ms, too slow to be heard as
/// distortion and too fast to be heard as a dip.
const REACH: usize = 24;
/// Blocks around a border whose peaks it must already heed: those that touch it, and their neighbours,
/// because peaks are found a few samples late.
const TOUCH: usize = 2;

/// A bell whose values add up to 1.
static BELL: LazyLock<[f32; 2 * REACH + 1]> = LazyLock::new(|| {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let bell = |i: usize| 1.0 + (PI * (i as f32 - REACH as f32) / (REACH as f32 + 1.0)).cos();
    let sum: f32 = (0..=2 * REACH).map(bell).sum();
    std::array::from_fn(|i| bell(i) / sum)
});

/// Gains at the borders of blocks: never above what any block nearby allows, and smooth.
///
/// Depends on a limited stretch of the past only, so that a run that resumes comes to the same gains.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    allowed: Vec<f32>,
    held: Vec<f32>,
}

impl Envelope {
    /// Blocks that must be known after a border before its gain is.
    pub(super) const AHEAD: usize = 2 * REACH + TOUCH;

    /// The next block allows this much, at most 1.
    pub(super) fn push(&mut self, allowed: f32) {
        self.allowed.push(allowed);
        if self.allowed.len() >= REACH + TOUCH {
            self.hold();
        }
    }

    /// Nothing more comes: silence allows everything.
    pub(super) fn finish(&mut self) {
        for _ in 0..Self::AHEAD {
            self.push(1.0);
        }
    }

    /// Borders whose gain is known.
    pub(super) fn known(&self) -> usize {
        self.held.len().saturating_sub(REACH)
    }

    /// The gain at the border before block `border`, which must be known.
    pub(super) fn gain(&self, border: usize) -> f32 {
        let held = |i: usize| (border + i).checked_sub(REACH).map_or(self.held[0], |at| self.held[at]);
        if (0..=2 * REACH).all(|i| held(i) >= 1.0) {
            return 1.0;
        }
        BELL.iter().enumerate().map(|(i, weight)| weight * held(i)).sum::<f32>().min(1.0)
    }

    /// The least that is allowed in reach of the next border.
    fn hold(&mut self) {
        let border = self.held.len();
        let nearby = border.saturating_sub(REACH + TOUCH)..(border + REACH + TOUCH).min(self.allowed.len());
        self.held.push(self.allowed[nearby].iter().copied().fold(1.0, f32::min));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gains(allowed: &[f32]) -> Vec<f32> {
        let mut envelope = Envelope::default();
        for allowed in allowed {
            envelope.push(*allowed);
        }
        envelope.finish();
        assert!(envelope.known() > allowed.len());
        (0..=allowed.len()).map(|border| envelope.gain(border)).collect()
    }

    #[test]
    fn quiet_sound_is_left_alone() {
        assert!(gains(&[1.0; 200]).iter().all(|gain| *gain >= 1.0));
    }

    proptest! {
        #[test]
        fn no_block_gets_more_than_it_allows_and_gains_move_slowly(
            allowed in prop::collection::vec(prop_oneof![4 => Just(1.0f32), 1 => 0.05f32..1.0], 1..300)
        ) {
            let gains = gains(&allowed);
            for (block, allowed) in allowed.iter().enumerate() {
                prop_assert!(gains[block] <= allowed + 1e-5 && gains[block + 1] <= allowed + 1e-5);
            }
            for pair in gains.windows(2) {
                prop_assert!((pair[0] - pair[1]).abs() < 0.05, "{pair:?}");
            }
        }

        #[test]
        fn the_distant_past_changes_nothing(
            past in prop::collection::vec(0.05f32..1.0, 0..100),
            recent in prop::collection::vec(0.05f32..1.0, 120..200)
        ) {
            let whole = gains(&[past.clone(), recent.clone()].concat());
            let resumed = gains(&recent);
            for border in 2 * REACH + TOUCH..recent.len() {
                prop_assert_eq!(whole[past.len() + border].to_bits(), resumed[border].to_bits());
            }
        }
    }
}

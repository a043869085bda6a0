//! Which pictures stand for the clip outside of its stream: the storyboard's and the preview's.
//!
//! Both are made chunk by chunk, by whoever makes the chunk, so no worker needs to see the whole clip.

use std::ops::Range;

use super::{Rate, TranscodePlan};

/// Pictures of the storyboard have this short edge.
const TILE_SHORT_EDGE: u32 = 96;
/// No side of a storyboard's picture is longer, however long and thin the clip.
const TILE_LONGEST: u32 = 320;
/// Pictures side by side on one sheet.
pub const SHEET_COLUMNS: u32 = 4;
/// The preview has this short edge.
const PREVIEW_SHORT_EDGE: u32 = 200;
/// No side of the preview is longer.
const PREVIEW_LONGEST: u32 = 480;
/// Pictures a second in the preview.
pub const PREVIEW_FPS: u32 = 8;
/// Pictures in the preview: three seconds of them.
pub const PREVIEW_PICTURES: u64 = 24;

impl TranscodePlan {
    /// Seconds of the clip whose storyboard picture lies in this chunk. Chunks share them out among
    /// themselves: each second is in exactly one. A family has no storyboard.
    pub fn chunk_seconds(&self, chunk: usize) -> Range<u64> {
        if self.is_family {
            return 0..0;
        }
        let slots = self.chunk_slots(chunk);
        self.first_second(slots.start)..self.first_second(slots.end)
    }

    /// Seconds of the clip that have a storyboard picture.
    pub fn total_seconds(&self) -> u64 {
        self.first_second(self.total_frames)
    }

    /// The picture of the grid that stands for a second: the first one that is not before it.
    pub fn second_slot(&self, second: u64) -> u64 {
        nth_slot(self.rate, second, 1)
    }

    /// The picture of the grid that is shown at a moment; the last one after the end.
    pub fn slot_at_ms(&self, at_ms: u64) -> u64 {
        let shown = u128::from(at_ms) * u128::from(self.rate.num) / (u128::from(self.rate.den) * 1000);
        u64::try_from(shown).unwrap_or(u64::MAX).min(self.total_frames.saturating_sub(1))
    }

    /// The first second whose picture is not before `slot`.
    fn first_second(&self, slot: u64) -> u64 {
        let Some(before) = slot.checked_sub(1) else { return 0 };
        before * u64::from(self.rate.den) / u64::from(self.rate.num) + 1
    }

    /// Width and height of a storyboard picture.
    pub fn tile_size(&self) -> (u32, u32) {
        fit((self.top().width, self.top().height), TILE_SHORT_EDGE, TILE_LONGEST)
    }

    /// Width and height of a sheet with that many pictures.
    pub fn sheet_size(&self, pictures: u64) -> (u32, u32) {
        let (width, height) = self.tile_size();
        let pictures = u32::try_from(pictures).unwrap_or(u32::MAX);
        let columns = pictures.min(SHEET_COLUMNS);
        (width * columns, height.saturating_mul(pictures.div_ceil(SHEET_COLUMNS)))
    }

    /// Width and height of the preview.
    pub fn preview_size(&self) -> (u32, u32) {
        fit((self.top().width, self.top().height), PREVIEW_SHORT_EDGE, PREVIEW_LONGEST)
    }

    /// The chunk that the preview is made of: the longer one of the first two, for the first is short.
    /// A family has no preview.
    pub fn preview_chunk(&self) -> Option<usize> {
        if self.is_family {
            return None;
        }
        let length = |chunk: usize| {
            let slots = self.chunk_slots(chunk);
            slots.end - slots.start
        };
        Some(usize::from(self.chunks.len() > 1 && length(1) > length(0)))
    }

    /// Pictures of the grid that the preview shows, in order: of the first seconds of its chunk.
    pub fn preview_slots(&self) -> Vec<u64> {
        let Some(chunk) = self.preview_chunk() else { return Vec::new() };
        let slots = self.chunk_slots(chunk);
        let mut shown: Vec<u64> = (0..PREVIEW_PICTURES)
            .map(|picture| slots.start + nth_slot(self.rate, picture, PREVIEW_FPS))
            .take_while(|slot| *slot < slots.end)
            .collect();
        // A slow clip shows one picture for longer instead.
        shown.dedup();
        shown
    }
}

/// The first slot that is not before `count` steps of which `per_second` last a second.
fn nth_slot(rate: Rate, count: u64, per_second: u32) -> u64 {
    (count * u64::from(rate.num)).div_ceil(u64::from(rate.den) * u64::from(per_second))
}

/// Scaled down to a short edge of `short`, no side longer than `longest`, both sides even.
fn fit((width, height): (u32, u32), short: u32, longest: u32) -> (u32, u32) {
    let (small, large) = (u64::from(width.min(height).max(1)), u64::from(width.max(height).max(1)));
    // The scale as a fraction: the smaller of short ÷ small, longest ÷ large and 1.
    let (num, den) = [(u64::from(short), small), (u64::from(longest), large), (1, 1)]
        .into_iter()
        .min_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)))
        .unwrap_or((1, 1));
    let side = |side: u32| {
        let scaled = (u64::from(side) * num / den).max(2) & !1;
        u32::try_from(scaled).unwrap_or(longest)
    };
    (side(width), side(height))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::sample_plan;

    proptest! {
        #[test]
        fn every_second_has_one_picture_in_one_chunk(
            rate in prop::sample::select(vec![(30, 1), (30_000, 1001), (24_000, 1001), (60, 1), (25, 2)]),
            millis in 200u64..60_000,
        ) {
            let plan = sample_plan(720, 1280, Rate::new(rate.0, rate.1), millis * 1000);
            let mut next = 0;
            for chunk in 0..plan.chunks.len() {
                let (seconds, slots) = (plan.chunk_seconds(chunk), plan.chunk_slots(chunk));
                prop_assert_eq!(seconds.start, next);
                next = seconds.end;
                for second in seconds {
                    prop_assert!(slots.contains(&plan.second_slot(second)));
                }
            }
            prop_assert_eq!(next, plan.total_seconds());
            // The last second may be over before its first picture comes.
            let whole = plan.duration_ms().div_ceil(1000);
            prop_assert!(next == whole || next + 1 == whole, "{next} pictures for {whole} seconds");
        }

        #[test]
        fn the_preview_lies_in_its_chunk(millis in 200u64..60_000) {
            let plan = sample_plan(720, 1280, Rate::new(30, 1), millis * 1000);
            let (slots, chunk) = (plan.preview_slots(), plan.chunk_slots(plan.preview_chunk().expect("it is no family")));
            prop_assert!(!slots.is_empty() && slots.len() as u64 <= PREVIEW_PICTURES);
            prop_assert!(slots.is_sorted() && slots.iter().all(|slot| chunk.contains(slot)));
        }

        #[test]
        fn stills_are_small_and_even(width in 2u32..8192, height in 2u32..8192) {
            let (w, h) = fit((width, height), 96, 320);
            prop_assert!(w >= 2 && h >= 2 && w % 2 == 0 && h % 2 == 0);
            prop_assert!(w.min(h) <= 96 && w.max(h) <= 320);
        }
    }

    #[test]
    fn a_moment_shows_the_picture_that_began_before_it() {
        let plan = sample_plan(1080, 1920, Rate::new(30, 1), 2_000_000);
        let slots = [0, 33, 34, 1000, 1999, 2000, u64::MAX].map(|at_ms| plan.slot_at_ms(at_ms));
        assert_eq!(slots, [0, 0, 1, 30, 59, 59, 59]);
    }

    #[test]
    fn a_portrait_clip_has_portrait_stills() {
        let plan = sample_plan(1080, 1920, Rate::new(30, 1), 14_000_000);
        assert_eq!((plan.tile_size(), plan.preview_size()), ((96, 170), (200, 354)));
        assert_eq!((plan.sheet_size(1), plan.sheet_size(10)), ((96, 170), (384, 510)));
        assert_eq!((plan.preview_chunk(), plan.preview_slots()[..3].to_vec()), (Some(1), vec![30, 34, 38]));
    }
}

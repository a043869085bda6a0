//! Decoded sound laid out on an even line of samples.

use std::collections::VecDeque;

use crate::plan::AAC_FRAME_SAMPLES;

/// Sound that is this many samples early or late is moved to where it belongs (a tenth of a second);
/// less is the rounding of containers and left alone.
const TOLERANCE: i64 = 4800;

/// Takes pieces of sound with their times and gives out frames without gaps.
#[derive(Debug)]
pub(super) struct SoundLine {
    sides: [VecDeque<f32>; 2],
    /// Position of the next sample to come in.
    end: i64,
    /// Position of the next frame to go out.
    start: i64,
    /// Nothing is taken from here on.
    limit: i64,
}

impl SoundLine {
    /// A line from sample `start` to sample `limit`.
    pub(super) fn new(start: i64, limit: i64) -> Self {
        Self { sides: [VecDeque::new(), VecDeque::new()], end: start, start, limit }
    }

    /// Lays down sound that begins at sample `at`: gaps become silence, overlaps are cut.
    pub(super) fn put(&mut self, at: i64, left: &[f32], right: &[f32]) {
        let mut skip = 0;
        if at > self.end + TOLERANCE || (at > self.end && self.end == self.start) {
            self.silence_until(at.min(self.limit));
        } else if at < self.end - TOLERANCE || self.end == self.start {
            skip = usize::try_from(self.end - at).unwrap_or(0);
        }
        let room = usize::try_from(self.limit - self.end).unwrap_or(0);
        let length = left.len().min(right.len());
        let taken = skip.min(length)..length.min(skip.saturating_add(room)).max(skip.min(length));
        self.end += i64::try_from(taken.len()).unwrap_or(0);
        self.sides[0].extend(&left[taken.clone()]);
        self.sides[1].extend(&right[taken]);
    }

    /// Fills the rest with silence, up to the limit.
    pub(super) fn finish(&mut self) {
        self.silence_until(self.limit);
    }

    /// Nothing more is needed.
    pub(super) fn is_full(&self) -> bool {
        self.end >= self.limit
    }

    /// The next whole frame and the position it begins at.
    pub(super) fn take_frame(&mut self) -> Option<(i64, [Vec<f32>; 2])> {
        let length = usize::try_from(AAC_FRAME_SAMPLES).expect("1024 fits");
        if self.sides[0].len() < length {
            return None;
        }
        let at = self.start;
        self.start += i64::try_from(length).expect("1024 fits");
        Some((at, self.sides.each_mut().map(|side| side.drain(..length).collect())))
    }

    fn silence_until(&mut self, position: i64) {
        let count = usize::try_from(position - self.end).unwrap_or(0);
        for side in &mut self.sides {
            side.extend(std::iter::repeat_n(0.0, count));
        }
        self.end = self.end.max(position);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(mut line: SoundLine) -> Vec<f32> {
        line.finish();
        let mut all = Vec::new();
        while let Some((_, [left, right])) = line.take_frame() {
            assert_eq!(left, right);
            all.extend(left);
        }
        all
    }

    fn ones(count: usize) -> Vec<f32> {
        vec![1.0; count]
    }

    #[test]
    fn sound_that_begins_late_is_preceded_by_silence() {
        let mut line = SoundLine::new(0, 2048);
        line.put(100, &ones(1948), &ones(1948));
        let all = whole(line);
        assert_eq!((all[99], all[100], all.len()), (0.0, 1.0, 2048));
    }

    #[test]
    fn sound_before_the_start_is_cut() {
        let mut line = SoundLine::new(0, 1024);
        line.put(-1000, &[vec![0.5; 1000], ones(1024)].concat(), &[vec![0.5; 1000], ones(1024)].concat());
        assert_eq!(whole(line), ones(1024));
    }

    #[test]
    fn small_jitter_is_left_alone_and_large_gaps_are_filled() {
        let mut line = SoundLine::new(0, 20_480);
        line.put(0, &ones(1024), &ones(1024));
        line.put(1030, &ones(1024), &ones(1024));
        line.put(12_048, &ones(1024), &ones(1024));
        let all = whole(line);
        assert!(all[..2048].iter().all(|s| *s > 0.0));
        assert!(all[2048..12_048].iter().all(|s| *s == 0.0));
        assert!(all[12_048] > 0.0 && all.len() == 20_480);
    }

    proptest! {
        #[test]
        fn whatever_comes_in_the_length_is_right(
            pieces in prop::collection::vec((-60_000i64..60_000, 0usize..3000), 0..40), frames in 1i64..40
        ) {
            let limit = frames * 1024;
            let mut line = SoundLine::new(0, limit);
            for (at, length) in pieces {
                line.put(at, &ones(length), &ones(length));
            }
            prop_assert_eq!(i64::try_from(whole(line).len()).expect("short"), limit);
        }
    }
}

//! Where segments and chunks begin.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Rate;

/// Length of the first segment: short, so that playback starts at once.
const FIRST_SEGMENT_SECS: f64 = 1.0;
/// Length of every other segment.
const SEGMENT_SECS: f64 = 2.0;
/// A remainder shorter than this joins the segment before it.
const SHORTEST_TAIL_SECS: f64 = 0.25;
/// Where segments can only begin at the key pictures of a source: the longest first one, …
const LONGEST_FIRST_SECS: f64 = 2.0;
/// … the longest other, …
const LONGEST_SECS: f64 = 4.0;
/// … and the shortest but for the last.
const SHORTEST_AT_KEYS_SECS: f64 = 0.5;
/// Segments in every chunk but the first, about ten seconds.
const SEGMENTS_PER_CHUNK: usize = 5;

/// A run of segments that is made, stored and resumed as a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkPlan {
    /// Index of its first segment.
    pub first_segment: usize,
    /// Number of segments, at least one.
    pub segments: usize,
}

impl ChunkPlan {
    /// The segments of the chunk.
    pub fn segment_range(&self) -> Range<usize> {
        self.first_segment..self.first_segment + self.segments
    }
}

/// First pictures of all segments, in pictures of `rate`, each a multiple of `step`;
/// `total` pictures in all.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of a few hundred pictures, never negative"
)]
pub fn plan_segments(rate: Rate, total: u64, step: u64) -> Vec<u64> {
    let frames = |secs: f64| {
        let coarse = (secs * rate.fps() / step_f64(step)).round() as u64;
        coarse.max(1) * step
    };
    let (first, usual, tail) = (frames(FIRST_SEGMENT_SECS), frames(SEGMENT_SECS), frames(SHORTEST_TAIL_SECS));
    let mut starts = vec![0];
    let mut next = first;
    while next < total && total - next >= tail {
        starts.push(next);
        next += usual;
    }
    starts
}

/// First pictures of all segments where only some pictures can be first: `keys`, rising from zero.
/// Each segment is as near to the usual length as the keys allow; `None` when one would be too long.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of a few hundred pictures, never negative"
)]
pub fn plan_segments_at(keys: &[u64], rate: Rate, total: u64, step: u64) -> Option<Vec<u64>> {
    let frames = |secs: f64| ((secs * rate.fps()).round() as u64).max(1);
    let (shortest, tail) = (frames(SHORTEST_AT_KEYS_SECS), frames(SHORTEST_TAIL_SECS));
    let mut starts = vec![0];
    let (mut start, mut usual, mut longest) = (0, frames(FIRST_SEGMENT_SECS), frames(LONGEST_FIRST_SECS));
    loop {
        let fits = |key: &&u64| {
            let length = **key - start;
            key.is_multiple_of(step) && (shortest..=longest).contains(&length) && **key + tail <= total
        };
        let later = keys.get(keys.partition_point(|key| *key <= start)..)?;
        let next = later.iter().take_while(|key| **key - start <= longest).filter(fits);
        match next.min_by_key(|key| (**key - start).abs_diff(usual)) {
            _ if total - start <= usual + tail => return Some(starts),
            Some(key) => start = *key,
            None if total - start <= longest => return Some(starts),
            None => return None,
        }
        starts.push(start);
        (usual, longest) = (frames(SEGMENT_SECS), frames(LONGEST_SECS));
    }
}

fn step_f64(step: u64) -> f64 {
    f64::from(u32::try_from(step).unwrap_or(u32::MAX))
}

/// Chunks for that many segments: the first alone, the rest in groups.
pub fn plan_chunks(segments: usize) -> Vec<ChunkPlan> {
    let mut chunks = vec![ChunkPlan { first_segment: 0, segments: 1 }];
    let mut next = 1;
    while next < segments {
        let count = SEGMENTS_PER_CHUNK.min(segments - next);
        chunks.push(ChunkPlan { first_segment: next, segments: count });
        next += count;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_segment_is_one_second_and_the_others_two() {
        assert_eq!(plan_segments(Rate::new(30, 1), 240, 1), vec![0, 30, 90, 150, 210]);
        assert_eq!(plan_segments(Rate::new(60, 1), 300, 2), vec![0, 60, 180]);
        assert_eq!(plan_segments(Rate::new(30_000, 1001), 60, 1), vec![0, 30]);
    }

    #[test]
    fn a_tail_of_a_few_pictures_joins_the_segment_before() {
        assert_eq!(plan_segments(Rate::new(30, 1), 93, 1), vec![0, 30]);
        assert_eq!(plan_segments(Rate::new(30, 1), 33, 1), vec![0]);
        assert_eq!(plan_segments(Rate::new(30, 1), 1, 1), vec![0]);
    }

    #[test]
    fn segments_follow_the_keys_of_a_source() {
        let at = |keys: &[u64], total| plan_segments_at(keys, Rate::new(30, 1), total, 1);
        let every = |distance: usize, total: u64| (0..total).step_by(distance).collect::<Vec<_>>();
        assert_eq!(at(&every(30, 240), 240), Some(vec![0, 30, 90, 150, 210]));
        assert_eq!(at(&every(60, 240), 240), Some(vec![0, 60, 120, 180]));
        assert_eq!(at(&every(15, 100), 100), Some(vec![0, 30, 90]));
        assert_eq!(at(&[0, 50, 150], 270), Some(vec![0, 50, 150]));
        assert_eq!(at(&[0], 60), Some(vec![0]));
        assert_eq!(at(&[0, 30], 33), Some(vec![0]));
    }

    #[test]
    fn keys_too_far_apart_give_no_segments() {
        let at = |keys: &[u64], total, step| plan_segments_at(keys, Rate::new(30, 1), total, step);
        assert_eq!(at(&[0, 61], 120, 1), None);
        assert_eq!(at(&[0, 30], 151, 1), None);
        assert_eq!(at(&[0, 5, 66], 200, 1), None);
        assert_eq!(at(&[0, 31, 91], 300, 2), None);
    }

    #[test]
    fn the_first_chunk_is_the_first_segment() {
        let chunks = plan_chunks(8);
        let ranges: Vec<_> = chunks.iter().map(ChunkPlan::segment_range).collect();
        assert_eq!(ranges, vec![0..1, 1..6, 6..8]);
    }

    proptest! {
        #[test]
        fn segments_are_never_longer_than_their_target_rounds_to(
            num in 5u32..61, total in 1u64..4000, step in 1u64..3
        ) {
            let total = total * step;
            let rate = Rate::new(num, 1);
            let starts = plan_segments(rate, total, step);
            let ends = starts.iter().skip(1).copied().chain([total]);
            for (start, end) in starts.iter().zip(ends) {
                prop_assert!(start % step == 0 && end > *start);
                let secs = f64::from(u32::try_from(end - start).expect("small")) / rate.fps();
                prop_assert!(secs < 2.5, "{} s", secs);
            }
        }

        #[test]
        fn segments_at_keys_begin_at_keys_and_are_short(
            gaps in prop::collection::vec(1u64..140, 1..40), num in 5u32..61, step in 1u64..3, rest in 1u64..200,
        ) {
            let keys: Vec<u64> = gaps.iter().scan(0, |at, gap| { let key = *at; *at += gap; Some(key) }).collect();
            let (rate, total) = (Rate::new(num, 1), keys[keys.len() - 1] + rest);
            let Some(starts) = plan_segments_at(&keys, rate, total, step) else { return Ok(()) };
            let ends = starts.iter().skip(1).copied().chain([total]);
            for (index, (start, end)) in starts.iter().zip(ends).enumerate() {
                prop_assert!(keys.contains(start) && start % step == 0 && end > *start);
                let secs = f64::from(u32::try_from(end - start).expect("small")) / rate.fps();
                prop_assert!(secs <= if index == 0 { 2.26 } else { 4.26 }, "{} s", secs);
            }
        }

        #[test]
        fn chunks_cover_all_segments_once(segments in 1usize..200) {
            let covered: Vec<usize> =
                plan_chunks(segments).iter().flat_map(ChunkPlan::segment_range).collect();
            prop_assert_eq!(covered, (0..segments).collect::<Vec<_>>());
        }
    }
}

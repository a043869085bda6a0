//! How the rest of a clip is shared out among workers.

use std::ops::Range;

/// Most chunks in a range, about half a minute: enough that fetching the source once more and
/// seeking does not matter, few enough that the longest clip keeps six workers busy.
const CHUNKS_PER_RANGE: usize = 3;

/// Ranges of consecutive chunks that together are all those of `chunks` that are not stored, in order.
pub fn plan_ranges(chunks: usize, is_stored: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for chunk in (0..chunks).filter(|chunk| !is_stored(*chunk)) {
        match ranges.last_mut() {
            Some(last) if last.end == chunk && last.len() < CHUNKS_PER_RANGE => last.end += 1,
            _ => ranges.push(chunk..chunk + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rest_of_a_long_clip_is_split_and_that_of_a_short_one_is_not() {
        assert_eq!(plan_ranges(4, |chunk| chunk == 0), vec![Range { start: 1, end: 4 }]);
        assert_eq!(plan_ranges(9, |chunk| chunk == 0), [1..4, 4..7, 7..9]);
        assert_eq!(plan_ranges(9, |chunk| matches!(chunk, 0 | 1 | 5)), [2..5, 6..9]);
        assert!(plan_ranges(1, |_| true).is_empty());
    }

    proptest! {
        #[test]
        fn every_missing_chunk_is_in_one_range_and_no_other(stored in prop::collection::vec(any::<bool>(), 0..40)) {
            let ranges = plan_ranges(stored.len(), |chunk| stored[chunk]);
            let covered: Vec<usize> = ranges.iter().cloned().flatten().collect();
            let missing: Vec<usize> = (0..stored.len()).filter(|chunk| !stored[*chunk]).collect();
            prop_assert_eq!(covered, missing);
            prop_assert!(ranges.iter().all(|range| (1..=CHUNKS_PER_RANGE).contains(&range.len())));
        }
    }
}

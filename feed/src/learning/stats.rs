//! What is known of one clip's success, and of clips of like length.

use estrade_domain::Time;

use super::decay::DecayedSum;
use crate::parameters::{COMPLETION_PRIOR_VIEWERS, HALF_LIFE_LATELY_SECS, HALF_LIFE_NOW_SECS};

/// Upper bounds of the length buckets, milliseconds; the last bucket is open.
const BUCKET_BOUNDS_MS: [i32; 5] = [7_000, 15_000, 30_000, 60_000, 120_000];
/// Before anybody watched, this share is expected to reach the end …
const FIRST_RATE: f64 = 0.3;
/// … as if so many viewers had shown it.
const FIRST_RATE_VIEWERS: f64 = 10.0;

/// A clip's success. Every count is of distinct viewers.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClipStats {
    /// Popularity with the short half-life.
    pub now: DecayedSum,
    /// Popularity with the long half-life.
    pub lately: DecayedSum,
    /// Had it on their screen.
    pub impressions: u32,
    /// Watched or skipped it.
    pub judged: u32,
    /// Reached its end.
    pub completions: u32,
    /// Liked, shared or finished it.
    pub positives: u32,
}

impl ClipStats {
    /// Adds to both popularities.
    pub fn reward(&mut self, weight: f64, at: Time) {
        self.now.add(weight, at, HALF_LIFE_NOW_SECS);
        self.lately.add(weight, at, HALF_LIFE_LATELY_SECS);
    }
}

/// Completion by length: short clips are finished more often, which says nothing of how good they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct LengthRates {
    judged: [f64; BUCKET_BOUNDS_MS.len() + 1],
    completions: [f64; BUCKET_BOUNDS_MS.len() + 1],
}

/// The bucket of a length.
pub fn length_bucket(duration_ms: i32) -> usize {
    BUCKET_BOUNDS_MS.iter().position(|&bound| duration_ms <= bound).unwrap_or(BUCKET_BOUNDS_MS.len())
}

impl LengthRates {
    /// Counts one viewer who watched or skipped a clip of this bucket.
    pub fn count_judged(&mut self, bucket: usize) {
        self.judged[bucket] += 1.0;
    }

    /// Counts one viewer who reached the end of a clip of this bucket.
    pub fn count_completion(&mut self, bucket: usize) {
        self.completions[bucket] += 1.0;
    }

    fn expected(&self, bucket: usize) -> f64 {
        (self.completions[bucket] + FIRST_RATE * FIRST_RATE_VIEWERS) / (self.judged[bucket] + FIRST_RATE_VIEWERS)
    }

    /// The share of viewers who reach the clip's end, shrunk towards what its length leads to expect.
    pub fn completion_rate(&self, stats: &ClipStats, bucket: usize) -> f64 {
        let prior = self.expected(bucket) * COMPLETION_PRIOR_VIEWERS;
        (f64::from(stats.completions) + prior) / (f64::from(stats.judged) + COMPLETION_PRIOR_VIEWERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_viewers_move_the_rate_little_and_many_move_it_far() {
        let rates = LengthRates::default();
        let rate =
            |completions, judged| rates.completion_rate(&ClipStats { judged, completions, ..ClipStats::default() }, 0);
        assert!((rate(0, 0) - FIRST_RATE).abs() < 1e-9);
        assert!(rate(2, 2) < 0.4);
        assert!(rate(900, 1000) > 0.85);
    }

    #[test]
    fn a_length_at_a_bound_belongs_below_it() {
        assert_eq!(length_bucket(1), 0);
        assert_eq!(length_bucket(7_000), 0);
        assert_eq!(length_bucket(7_001), 1);
        assert_eq!(length_bucket(180_000), BUCKET_BOUNDS_MS.len());
    }
}

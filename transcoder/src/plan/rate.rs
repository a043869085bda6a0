//! Frame rates: which one a source has, and which one a rendition gets.

use serde::{Deserialize, Serialize};

/// Pictures a second as an exact fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Pictures …
    pub num: u32,
    /// … in this many seconds.
    pub den: u32,
}

/// Rates cameras and editors write.
const COMMON: [Rate; 14] = [
    Rate::new(10, 1),
    Rate::new(12, 1),
    Rate::new(25, 2),
    Rate::new(15, 1),
    Rate::new(20, 1),
    Rate::new(24_000, 1001),
    Rate::new(24, 1),
    Rate::new(25, 1),
    Rate::new(30_000, 1001),
    Rate::new(30, 1),
    Rate::new(48, 1),
    Rate::new(50, 1),
    Rate::new(60_000, 1001),
    Rate::new(60, 1),
];

/// A rate this close to a common one is taken for it.
const SNAP: f64 = 0.0015;
/// The same for uneven pictures, whose shortest distances are shorter than meant.
const UNEVEN_SNAP: f64 = 0.08;
/// Distances between pictures may differ this much from the usual one before the rate counts as variable.
const JITTER: f64 = 0.2;
/// Slowest rate we write: slower sources repeat pictures.
const SLOWEST_FPS: f64 = 5.0;

impl Rate {
    /// `num` pictures in `den` seconds.
    pub const fn new(num: u32, den: u32) -> Self {
        Self { num, den }
    }

    /// Pictures a second.
    pub fn fps(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// Half as many pictures a second.
    #[must_use]
    pub fn halved(self) -> Self {
        self.divided(2)
    }

    /// One picture for every `parts`.
    #[must_use]
    pub fn divided(self, parts: u32) -> Self {
        if self.num.is_multiple_of(parts) {
            Self::new(self.num / parts, self.den)
        } else {
            Self::new(self.num, self.den * parts)
        }
    }

    /// Ticks a second for a container: a whole number of them per picture.
    pub fn timescale(self) -> u32 {
        self.num * self.scale()
    }

    /// Ticks of one picture in [`Self::timescale`].
    pub fn frame_ticks(self) -> u32 {
        self.den * self.scale()
    }

    fn scale(self) -> u32 {
        if self.num < 1000 { 1000 } else { 1 }
    }

    /// Start of picture `index`, in microseconds, rounded down.
    pub fn frame_start_us(self, index: u64) -> u64 {
        index * 1_000_000 * u64::from(self.den) / u64::from(self.num)
    }

    /// How many pictures fill `duration_us`, at least one, rounded to the nearest.
    pub fn frames_in(self, duration_us: u64) -> u64 {
        let scaled = u128::from(duration_us) * u128::from(self.num);
        let unit = 1_000_000 * u128::from(self.den);
        u64::try_from((scaled + unit / 2) / unit).unwrap_or(u64::MAX).max(1)
    }

    /// The nearest common rate, or the rate itself in thousandths.
    pub fn snapped(fps: f64) -> Self {
        let nearest = Self::nearest_common(fps);
        if (nearest.fps() - fps).abs() <= fps * SNAP { nearest } else { Self::in_thousandths(fps) }
    }

    /// The common rate that shows nearly all of `fps` uneven pictures: the nearest one, or else
    /// the slowest that is faster.
    fn common_for_uneven(fps: f64) -> Self {
        let nearest = Self::nearest_common(fps);
        if nearest.fps() >= fps * (1.0 - UNEVEN_SNAP) {
            return nearest;
        }
        COMMON.into_iter().find(|rate| rate.fps() >= fps).unwrap_or(Rate::new(60, 1))
    }

    fn nearest_common(fps: f64) -> Self {
        COMMON
            .into_iter()
            .min_by(|a, b| (a.fps() - fps).abs().total_cmp(&(b.fps() - fps).abs()))
            .expect("the list is not empty")
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 1..=1000 pictures a second before"
    )]
    fn in_thousandths(fps: f64) -> Self {
        Self::new((fps.clamp(1.0, 1000.0) * 1000.0).round() as u32, 1000)
    }
}

/// The rate of a source from the sorted times of its pictures, and whether it varies.
///
/// Evenly spaced pictures keep their own rate. Uneven ones get the slowest common rate that shows
/// nearly all of them, so that a phone's 29.97 with dropped pictures stays 29.97.
#[expect(clippy::cast_precision_loss, reason = "times of a short clip are far below 2^52 microseconds")]
pub fn natural_rate(times_us: &[i64]) -> (Rate, bool) {
    let mut gaps: Vec<i64> = times_us.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0).collect();
    gaps.sort_unstable();
    let (Some(first), Some(last)) = (times_us.first(), times_us.last()) else {
        return (Rate::new(30, 1), false);
    };
    let Some(&median) = gaps.get(gaps.len() / 2) else {
        return (Rate::new(30, 1), false);
    };
    let even = |gap: &i64| (*gap - median).abs() as f64 <= (median as f64 * JITTER).max(1500.0);
    if gaps.iter().all(even) {
        let mean = (last - first) as f64 / gaps.len() as f64;
        return (Rate::snapped((1e6 / mean).max(SLOWEST_FPS)), false);
    }
    let short = gaps[gaps.len() / 10].max(1);
    (Rate::common_for_uneven((1e6 / short as f64).clamp(SLOWEST_FPS, 1000.0)), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(fps: f64, count: u32) -> Vec<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "small test numbers")]
        (0..count).map(|i| (f64::from(i) * 1e6 / fps).round() as i64).collect()
    }

    #[test]
    fn even_sources_keep_their_exact_rate() {
        assert_eq!(natural_rate(&times(30_000.0 / 1001.0, 90)), (Rate::new(30_000, 1001), false));
        assert_eq!(natural_rate(&times(25.0, 50)), (Rate::new(25, 1), false));
        assert_eq!(natural_rate(&times(12.5, 50)), (Rate::new(25, 2), false));
        assert_eq!(natural_rate(&times(17.0, 50)), (Rate::new(17_000, 1000), false));
    }

    #[test]
    fn millisecond_timestamps_do_not_look_variable() {
        let rounded: Vec<i64> = times(60.0, 120).iter().map(|t| (t + 500) / 1000 * 1000).collect();
        assert_eq!(natural_rate(&rounded), (Rate::new(60, 1), false));
    }

    #[test]
    fn a_phone_that_dropped_pictures_keeps_its_rate() {
        let mut dropped = times(30_000.0 / 1001.0, 100);
        dropped.retain(|t| t % 7 != 0);
        assert_eq!(natural_rate(&dropped), (Rate::new(30_000, 1001), true));
    }

    #[test]
    fn uneven_pictures_around_a_rate_get_that_rate() {
        let gaps = [31_000i64, 35_000, 33_000, 67_000, 32_000, 34_000].repeat(10);
        let jittery: Vec<i64> = gaps
            .iter()
            .scan(0, |at, gap| {
                *at += gap;
                Some(*at)
            })
            .collect();
        assert_eq!(natural_rate(&jittery), (Rate::new(30, 1), true));
        let mut dropped = times(30.0, 90);
        dropped.retain(|time| time / 33_333 % 3 != 0);
        assert_eq!(natural_rate(&dropped), (Rate::new(30, 1), true));
    }

    #[test]
    fn one_picture_has_some_rate() {
        assert_eq!(natural_rate(&[0]), (Rate::new(30, 1), false));
        assert_eq!(natural_rate(&[]), (Rate::new(30, 1), false));
    }

    #[test]
    fn ticks_are_whole_numbers_per_picture() {
        for rate in COMMON {
            let seconds = f64::from(rate.frame_ticks()) / f64::from(rate.timescale());
            assert!((seconds * rate.fps() - 1.0).abs() < 1e-12, "{rate:?}");
        }
        assert_eq!(Rate::new(25, 1).halved(), Rate::new(25, 2));
        assert_eq!(Rate::new(60_000, 1001).halved(), Rate::new(30_000, 1001));
    }
}

//! How many bytes more or fewer one ladder needs for the same quality as another: the Bjøntegaard
//! difference, with piecewise cubic curves that do not overshoot.

/// One rendition: bits a second, and quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) bits_per_second: f64,
    pub(super) quality: f64,
}

/// Steps of the integration.
const STEPS: u32 = 1000;

/// Mean difference in bytes at equal quality, as a share: −0.1 is a tenth fewer.
/// `None` where the two do not overlap or a ladder is no curve.
pub(super) fn bd_rate(anchor: &[Point], test: &[Point]) -> Option<f64> {
    let (anchor, test) = (Curve::through(anchor)?, Curve::through(test)?);
    let low = anchor.lowest().max(test.lowest());
    let high = anchor.highest().min(test.highest());
    if high <= low {
        return None;
    }
    let step = (high - low) / f64::from(STEPS);
    let sum: f64 = (0..STEPS)
        .map(|index| low + (f64::from(index) + 0.5) * step)
        .map(|quality| test.log_rate(quality) - anchor.log_rate(quality))
        .sum();
    Some((sum / f64::from(STEPS)).exp() - 1.0)
}

/// Logarithm of the rate over quality, by monotone cubic interpolation (Fritsch and Butland).
struct Curve {
    quality: Vec<f64>,
    log_rate: Vec<f64>,
    slope: Vec<f64>,
}

impl Curve {
    fn through(points: &[Point]) -> Option<Self> {
        let mut sorted = points.to_vec();
        sorted.sort_by(|a, b| a.quality.total_cmp(&b.quality));
        let rises = sorted
            .windows(2)
            .all(|pair| pair[0].quality < pair[1].quality && pair[0].bits_per_second < pair[1].bits_per_second);
        if sorted.len() < 2 || !rises || sorted[0].bits_per_second <= 0.0 {
            return None;
        }
        let quality: Vec<f64> = sorted.iter().map(|point| point.quality).collect();
        let log_rate: Vec<f64> = sorted.iter().map(|point| point.bits_per_second.ln()).collect();
        let slope = slopes(&quality, &log_rate);
        Some(Self { quality, log_rate, slope })
    }

    fn lowest(&self) -> f64 {
        self.quality[0]
    }

    fn highest(&self) -> f64 {
        self.quality[self.quality.len() - 1]
    }

    fn log_rate(&self, quality: f64) -> f64 {
        let last = self.quality.len() - 2;
        let at = self.quality.partition_point(|known| *known <= quality).saturating_sub(1).min(last);
        let width = self.quality[at + 1] - self.quality[at];
        let t = (quality - self.quality[at]) / width;
        let (t2, t3) = (t * t, t * t * t);
        (2.0 * t3 - 3.0 * t2 + 1.0) * self.log_rate[at]
            + (t3 - 2.0 * t2 + t) * width * self.slope[at]
            + (3.0 * t2 - 2.0 * t3) * self.log_rate[at + 1]
            + (t3 - t2) * width * self.slope[at + 1]
    }
}

/// Harmonic means of the neighbouring differences inside, the difference itself at the ends.
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let rises: Vec<f64> = (1..x.len()).map(|i| (y[i] - y[i - 1]) / (x[i] - x[i - 1])).collect();
    let inner = rises.windows(2).map(|pair| 2.0 * pair[0] * pair[1] / (pair[0] + pair[1]));
    let (first, last) = (rises[0], rises[rises.len() - 1]);
    std::iter::once(first).chain(inner).chain(std::iter::once(last)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Point, bd_rate};

    fn ladder(scale: f64) -> Vec<Point> {
        [(6e5, 56.0), (1.2e6, 75.0), (2.2e6, 84.0), (4.6e6, 93.0)]
            .map(|(rate, quality)| Point { bits_per_second: rate * scale, quality })
            .to_vec()
    }

    #[test]
    fn a_fifth_fewer_bytes_at_the_same_quality_are_a_fifth_fewer() {
        let found = bd_rate(&ladder(1.0), &ladder(0.8)).expect("they overlap");
        assert!((found + 0.2).abs() < 1e-9, "{found}");
        assert!(bd_rate(&ladder(1.0), &ladder(1.0)).expect("they overlap").abs() < 1e-9);
    }

    #[test]
    fn better_quality_at_the_same_rates_is_fewer_bytes() {
        let better: Vec<Point> =
            ladder(1.0).into_iter().map(|point| Point { quality: point.quality + 2.0, ..point }).collect();
        let found = bd_rate(&ladder(1.0), &better).expect("they overlap");
        assert!((-0.2..-0.05).contains(&found), "{found}");
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let above: Vec<Point> =
            ladder(1.0).into_iter().map(|point| Point { quality: point.quality + 60.0, ..point }).collect();
        assert_eq!(bd_rate(&ladder(1.0), &above), None);
        let mut falls = ladder(1.0);
        falls[2].quality = 70.0;
        assert_eq!(bd_rate(&ladder(1.0), &falls), None);
        assert_eq!(bd_rate(&ladder(1.0), &ladder(1.0)[..1]), None);
    }
}

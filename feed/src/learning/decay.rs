//! Forward decay: a sum whose parts fade with age, without ever touching it as time passes.
//!
//! Each part is weighed by how late it came instead of how old it is; seen from any later moment
//! that is the same up to one common factor. So the order of arrival does not matter, and two
//! sums compare without knowing the time. Kept as a logarithm, the weights never overflow.

use chrono::DateTime;
use estrade_domain::Time;

/// Times are counted from here: 2024-01-01, to keep the numbers small and the logarithms precise.
const ORIGIN_SECS: i64 = 1_704_067_200;

/// Seconds since the origin; what is before it counts as the origin.
fn seconds(at: Time) -> f64 {
    let origin = DateTime::from_timestamp(ORIGIN_SECS, 0).unwrap_or_default();
    (at - origin).to_std().map(|since| since.as_secs_f64()).unwrap_or_default()
}

/// How much of something from `then` is left at `now`: 1 when it is new, halved each half-life.
pub fn fraction_left(then: Time, now: Time, half_life_secs: f64) -> f64 {
    let age_secs = (seconds(now) - seconds(then)).max(0.0);
    (-age_secs / half_life_secs).exp2()
}

/// A decayed sum: the base-2 logarithm of what it would be worth at the origin.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct DecayedSum(f64);

impl Default for DecayedSum {
    fn default() -> Self {
        Self(f64::NEG_INFINITY)
    }
}

impl DecayedSum {
    /// Adds `weight` (positive) from the moment `at`.
    pub fn add(&mut self, weight: f64, at: Time, half_life_secs: f64) {
        let part = weight.log2() + seconds(at) / half_life_secs;
        let (high, low) = if self.0 >= part { (self.0, part) } else { (part, self.0) };
        self.0 = high + (low - high).exp2().ln_1p() / std::f64::consts::LN_2;
    }

    /// What the sum is worth at `now`.
    pub fn value(self, now: Time, half_life_secs: f64) -> f64 {
        (self.0 - seconds(now) / half_life_secs).exp2()
    }

    /// Orders sums of one half-life, whatever the time.
    pub fn order(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;

    const HALF_LIFE: f64 = 21_600.0;

    fn at(secs: i64) -> Time {
        DateTime::from_timestamp(ORIGIN_SECS + secs, 0).expect("in range")
    }

    fn sum(parts: &[(f64, i64)]) -> DecayedSum {
        let mut sum = DecayedSum::default();
        for &(weight, secs) in parts {
            sum.add(weight, at(secs), HALF_LIFE);
        }
        sum
    }

    #[test]
    fn a_part_is_worth_half_after_a_half_life() {
        let now = at(1_000_000);
        let one = sum(&[(3.0, 1_000_000)]);
        assert!((one.value(now, HALF_LIFE) - 3.0).abs() < 1e-6);
        assert!((one.value(now + Duration::hours(6), HALF_LIFE) - 1.5).abs() < 1e-6);
        assert!(DecayedSum::default().value(now, HALF_LIFE).abs() < f64::MIN_POSITIVE);
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            parts in prop::collection::vec((0.1f64..5.0, 0i64..300_000_000), 1..40),
            rotation in 0usize..40,
        ) {
            let mut other = parts.clone();
            other.rotate_left(rotation % parts.len());
            other.reverse();
            prop_assert!((sum(&parts).order() - sum(&other).order()).abs() < 1e-6);
        }

        #[test]
        fn the_sum_is_what_adding_up_decayed_parts_gives(
            parts in prop::collection::vec((0.1f64..5.0, 0i64..400_000), 1..40),
        ) {
            let now = at(400_000);
            let expected: f64 = parts.iter().map(|&(w, secs)| w * fraction_left(at(secs), now, HALF_LIFE)).sum();
            let actual = sum(&parts).value(now, HALF_LIFE);
            prop_assert!((actual - expected).abs() <= 1e-6 * expected.max(1.0), "{actual} {expected}");
        }

        #[test]
        fn two_sums_keep_their_order_as_time_passes(a in 0i64..9_000_000, b in 0i64..9_000_000, later in 0i64..9_000_000) {
            let (one, two) = (sum(&[(1.0, a)]), sum(&[(2.0, b)]));
            prop_assume!((one.order() - two.order()).abs() > 1e-9);
            let now = at(9_000_000 + later);
            let (x, y) = (one.value(now, HALF_LIFE), two.value(now, HALF_LIFE));
            // Both may fade to nothing; they never swap.
            prop_assert!((one.order() > two.order() && x >= y) || (one.order() < two.order() && x <= y));
        }
    }
}

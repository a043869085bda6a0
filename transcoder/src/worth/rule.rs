//! Benefit ÷ cost of a family.
//!
//! **Benefit** is the bytes that need not be served: predicted watch time, times the bytes a second that viewers
//! get now, times what the family saves, times the share of watch time that can use it. **Cost** is the processor
//! time to make it. A family is ordered when a second of processor time saves at least as many bytes as the
//! operator says it must, the best offer first.
//!
//! **Predicted watch time** is what was watched of late, older watch time counting half for every [`HALF_LIFE`].
//! That is what would yet be watched if interest faded with the same half-life, and it needs one number a clip.

use std::time::Duration;

use crate::plan::Family;

/// Interest in a clip is taken to halve in this time.
pub const HALF_LIFE: Duration = Duration::from_hours(24);
/// How often demand is counted and families are ordered.
pub const ROUND: Duration = Duration::from_mins(5);

/// Share of watch time on players that decode AV1 and take it where it is offered.
const AV1_AUDIENCE: f64 = 0.5;

/// What was watched of a clip, and what it is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Watch time of late, in seconds; see the module.
    pub recent_secs: f64,
    /// Length of the clip, in seconds.
    pub clip_secs: f64,
    /// Bits a second that a viewer gets now.
    pub bits_per_second: f64,
    /// Million pixels a second of all rungs together.
    pub megapixels_per_second: f64,
    /// Families it has or that are being made.
    pub families: Vec<Family>,
}

/// How many bytes one second of processor time must save.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Bytes a second of processor time.
    pub bytes_per_cpu_second: f64,
}

/// A family that a clip could get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer {
    /// Which one.
    pub family: Family,
    /// Bytes that need not be served.
    pub saved_bytes: f64,
    /// Processor time it takes, in seconds.
    pub cpu_secs: f64,
}

impl Offer {
    /// Bytes saved for each second of processor time.
    pub fn bytes_per_cpu_second(&self) -> f64 {
        self.saved_bytes / self.cpu_secs
    }

    /// It pays.
    pub fn is_worth(&self, price: Price) -> bool {
        self.bytes_per_cpu_second() >= price.bytes_per_cpu_second
    }
}

/// Share of the first family's bytes that it saves at equal quality: the lower end of what was measured, see
/// `docs/BENCHMARKS.md`.
fn saves(family: Family) -> f64 {
    match family {
        Family::Av1 => 0.24,
        Family::Slow => 0.09,
    }
}

/// Seconds of processor time for a million pixels, decoding included, measured there too.
fn cpu_secs_per_megapixel(family: Family) -> f64 {
    match family {
        Family::Av1 => 0.20,
        Family::Slow => 0.07,
    }
}

/// Share of all bytes that these families save together: who can takes AV1, everybody else what there is of H.264.
pub(super) fn saved_share(families: &[Family]) -> f64 {
    let has = |family| if families.contains(&family) { saves(family) } else { 0.0 };
    let (av1, slow) = (has(Family::Av1), has(Family::Slow));
    AV1_AUDIENCE * av1.max(slow) + (1.0 - AV1_AUDIENCE) * slow
}

/// What a clip could get, the best first; nothing for a clip that says nothing of itself.
pub fn offers(demand: &Demand) -> Vec<Offer> {
    let saved_with = |family| saved_share(&[demand.families.as_slice(), &[family]].concat());
    let saved = saved_share(&demand.families);
    let missing = Family::ALL.into_iter().filter(|family| !demand.families.contains(family));
    let mut offers: Vec<Offer> = missing
        .map(|family| Offer {
            family,
            saved_bytes: demand.recent_secs * demand.bits_per_second / 8.0 * (saved_with(family) - saved),
            cpu_secs: demand.clip_secs * demand.megapixels_per_second * cpu_secs_per_megapixel(family),
        })
        .filter(|offer| offer.saved_bytes.is_finite() && offer.cpu_secs > 0.0)
        .collect();
    offers.sort_by(|a, b| b.bytes_per_cpu_second().total_cmp(&a.bytes_per_cpu_second()));
    offers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn demand(recent_secs: f64, families: &[Family]) -> Demand {
        Demand {
            recent_secs,
            clip_secs: 20.0,
            bits_per_second: 2_000_000.0,
            megapixels_per_second: 100.0,
            families: families.to_vec(),
        }
    }

    #[test]
    fn a_clip_pays_once_it_is_watched_enough() {
        let price = Price { bytes_per_cpu_second: 4_000_000.0 };
        let pays = |recent_secs| offers(&demand(recent_secs, &[])).iter().any(|offer| offer.is_worth(price));
        assert!(!pays(0.0) && !pays(3_600.0));
        assert!(pays(36_000.0));
    }

    #[test]
    fn what_is_there_is_not_offered_again() {
        let offered = |families: &[Family]| -> Vec<Family> {
            offers(&demand(1000.0, families)).into_iter().map(|offer| offer.family).collect()
        };
        assert_eq!(offered(&[Family::Av1]), [Family::Slow]);
        assert_eq!(offered(&[Family::Av1, Family::Slow]), []);
        assert_eq!(offered(&[]).len(), 2);
    }

    #[test]
    fn those_who_take_av1_have_no_use_for_the_other() {
        let saved = |families: &[Family]| {
            let offers = offers(&demand(1000.0, families));
            offers.into_iter().find(|offer| offer.family == Family::Slow).expect("offered").saved_bytes
        };
        assert!(saved(&[Family::Av1]) < saved(&[]));
    }

    #[test]
    fn a_clip_without_length_is_not_offered_anything() {
        assert!(offers(&Demand { clip_secs: 0.0, ..demand(1000.0, &[]) }).is_empty());
        assert!(offers(&Demand { bits_per_second: f64::NAN, ..demand(1000.0, &[]) }).is_empty());
    }

    proptest! {
        #[test]
        fn offers_taken_one_after_the_other_save_what_all_save(is_av1_first: bool) {
            let mut order = Family::ALL;
            if !is_av1_first {
                order.reverse();
            }
            let saved = |family, has: &[Family]| {
                let offers = offers(&demand(1000.0, has));
                offers.into_iter().find(|offer| offer.family == family).expect("offered").saved_bytes
            };
            let both = saved(order[0], &[]) + saved(order[1], &order[..1]);
            let all = 1000.0 * 2_000_000.0 / 8.0 * saved_share(&Family::ALL);
            prop_assert!((both - all).abs() < 1e-6 * all);
        }

        #[test]
        fn more_watch_time_never_makes_an_offer_worse(less in 0.0..1e9, more in 0.0..1e9) {
            let (less, more) = (f64::min(less, more), f64::max(less, more));
            for (less, more) in offers(&demand(less, &[])).into_iter().zip(offers(&demand(more, &[]))) {
                prop_assert!(less.bytes_per_cpu_second() <= more.bytes_per_cpu_second());
            }
        }
    }
}

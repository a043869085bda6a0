//! The ladder for one clip: what a look at its pictures changes about the plan.

use super::{Look, LookSample, TranscodePlan};

/// A look of fewer samples says too little about a clip.
const ENOUGH_SAMPLES: usize = 2;

/// The largest rung is left out only where the one below it has at least this short edge.
const LOWEST_TOP: u32 = 720;
/// The cap of a rung that becomes the largest, in per cent of what it was; never more than that of the one left out.
const FREED_CAP_PERCENT: u32 = 150;
/// How much more closely x264 keeps to a soft source at the smaller size, in tenths of its rate factor.
const SOFT_CRF_TENTHS: u32 = 30;
/// Shorter clips are not looked at.
const SHORTEST_MS: u64 = 2000;

/// A plan after a look at the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapted {
    /// The plan to carry out.
    pub plan: TranscodePlan,
    /// What became of its ladder.
    pub ladder: Ladder,
}

/// What became of a ladder after a look at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ladder {
    /// Nobody looked, or there was too little to see.
    Unseen,
    /// All rungs are made.
    Whole,
    /// The largest rung is left out: it would show nothing that the rung below it does not.
    Soft,
    /// The largest rung is left out: with the bits it may have it would look worse than the rung below it.
    Starved,
}

impl Ladder {
    /// The name operators read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Whole => "whole",
            Self::Soft => "soft",
            Self::Starved => "starved",
        }
    }
}

/// Leaves out the largest rung where that takes nothing from anybody, and gives some of its bits to the one below.
pub fn adapt(plan: TranscodePlan, look: Option<&Look>) -> Adapted {
    match judge(&plan, look) {
        ladder @ (Ladder::Soft | Ladder::Starved) => Adapted { plan: without_top(plan, ladder), ladder },
        ladder => Adapted { plan, ladder },
    }
}

fn judge(plan: &TranscodePlan, look: Option<&Look>) -> Ladder {
    let (Some(look), [.., below, top]) = (look, plan.rungs.as_slice()) else { return Ladder::Unseen };
    if look.wants_top(top) || below.short_edge() < LOWEST_TOP {
        return Ladder::Whole;
    }
    match look.samples.len() {
        ..ENOUGH_SAMPLES => Ladder::Unseen,
        _ if look.samples.iter().all(LookSample::is_soft) => Ladder::Soft,
        _ => Ladder::Starved,
    }
}

/// The rung below becomes the largest: pictures are brought to its size, and it gets some of the bits that are free now.
fn without_top(mut plan: TranscodePlan, ladder: Ladder) -> TranscodePlan {
    let (Some(left_out), Some(top)) = (plan.rungs.pop(), plan.rungs.last_mut()) else { return plan };
    (plan.conversion.width, plan.conversion.height) = (top.width, top.height);
    top.cap_kbps = (top.cap_kbps.saturating_mul(FREED_CAP_PERCENT) / 100).min(left_out.cap_kbps);
    if ladder == Ladder::Soft {
        top.crf_tenths = top.crf_tenths.saturating_sub(SOFT_CRF_TENTHS);
    }
    plan
}

impl TranscodePlan {
    /// Whether a look at the source can change this plan: the largest rung must be encoded and have one of
    /// [`LOWEST_TOP`] below it; a look does not weave fields, and would take longer than it saves with a very short clip.
    pub fn is_worth_a_look(&self) -> bool {
        self.repackaged().is_none()
            && matches!(self.rungs.as_slice(), [.., below, _] if below.short_edge() >= LOWEST_TOP)
            && !self.conversion.deinterlace
            && self.duration_ms() >= SHORTEST_MS
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{Rate, sample_plan};

    const SHARP: LookSample = LookSample { key_bits: 1_300_000, other_bits: 680_000, frames: 4, detail: 5000 };
    const SOFT: LookSample = LookSample { detail: 80, ..SHARP };
    const RESTLESS: LookSample = LookSample { key_bits: 1_400_000, other_bits: 2_000_000, ..SHARP };

    fn plan() -> TranscodePlan {
        sample_plan(1080, 1920, Rate::new(30, 1), 8_000_000)
    }

    fn adapted(plan: TranscodePlan, samples: &[LookSample]) -> Adapted {
        adapt(plan, Some(&Look { samples: samples.to_vec() }))
    }

    #[test]
    fn one_place_that_is_worth_it_keeps_the_largest_rung() {
        for samples in [&[SHARP][..], &[SOFT, SOFT, SHARP], &[RESTLESS, SHARP], &[SHARP, SOFT, SOFT]] {
            assert_eq!(adapted(plan(), samples), Adapted { plan: plan(), ladder: Ladder::Whole }, "{samples:?}");
        }
    }

    #[test]
    fn a_soft_source_is_made_smaller_and_with_more_care() {
        let Adapted { plan, ladder } = adapted(plan(), &[SOFT, SOFT, SOFT]);
        assert_eq!((ladder, plan.rungs.len()), (Ladder::Soft, 3));
        assert_eq!((plan.top().name.as_str(), plan.top().cap_kbps, plan.top().crf_tenths), ("v720", 3600, 205));
        assert_eq!((plan.conversion.width, plan.conversion.height), (720, 1280));
    }

    #[test]
    fn a_restless_source_is_made_smaller_with_more_bits() {
        for samples in [&[RESTLESS, RESTLESS][..], &[RESTLESS, SOFT, RESTLESS]] {
            let Adapted { plan, ladder } = adapted(plan(), samples);
            assert_eq!((ladder, plan.top().name.as_str()), (Ladder::Starved, "v720"), "{samples:?}");
            assert_eq!((plan.top().cap_kbps, plan.top().crf_tenths), (3600, 235));
        }
    }

    #[test]
    fn a_source_of_more_pictures_a_second_may_take_more() {
        let restless_at_30 = LookSample { other_bits: 1_250_000, ..RESTLESS };
        assert!(restless_at_30.is_starved(plan().top()));
        let calm = LookSample { other_bits: 800_000, ..RESTLESS };
        let fast = sample_plan(1080, 1920, Rate::new(60, 1), 8_000_000);
        assert!(!calm.is_starved(fast.top()) && restless_at_30.is_starved(fast.top()));
    }

    #[test]
    fn too_little_to_see_changes_nothing() {
        let unseen = Adapted { plan: plan(), ladder: Ladder::Unseen };
        assert_eq!(adapt(plan(), None), unseen);
        assert_eq!(adapted(plan(), &[]), unseen);
        assert_eq!(adapted(plan(), &[SOFT]), unseen);
    }

    #[test]
    fn nothing_is_left_out_that_would_make_720_small() {
        for (width, height) in [(720, 1280), (750, 1334), (640, 480), (320, 568), (100, 4000)] {
            let plan = sample_plan(width, height, Rate::new(30, 1), 8_000_000);
            assert!(!plan.is_worth_a_look(), "{width}x{height}");
            assert_eq!(adapted(plan.clone(), &[SOFT, SOFT]).plan, plan);
        }
        assert!(sample_plan(800, 1424, Rate::new(60, 1), 8_000_000).is_worth_a_look());
        assert!(!sample_plan(1080, 1920, Rate::new(30, 1), 1_900_000).is_worth_a_look(), "too short");
    }

    #[test]
    fn what_no_pictures_can_have_is_not_believed() {
        let plan = plan();
        let believed = |samples: &[LookSample]| Look { samples: samples.to_vec() }.is_believable(plan.top());
        assert!(believed(&[]) && believed(&[SHARP, SOFT, RESTLESS]));
        assert!(!believed(&[SHARP; 4]));
        for lie in [
            LookSample { frames: 0, ..SHARP },
            LookSample { frames: u32::MAX, ..SHARP },
            LookSample { key_bits: u64::MAX, ..SHARP },
            LookSample { other_bits: u64::MAX, ..SHARP },
            LookSample { detail: u32::MAX, ..SHARP },
        ] {
            assert!(!believed(&[lie]), "{lie:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_seen_the_plan_stays_whole(
            side in 16u32..4000, long in 16u32..4000, fps in 5u32..120, secs in 1u64..60,
            samples in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()), 0..5),
        ) {
            let plan = sample_plan(side, long, Rate::new(fps, 1), secs * 1_000_000);
            let samples = samples
                .into_iter()
                .map(|(key_bits, other_bits, frames, detail)| LookSample { key_bits, other_bits, frames, detail })
                .collect();
            let Adapted { plan: adapted, ladder } = adapt(plan.clone(), Some(&Look { samples }));
            let is_smaller = matches!(ladder, Ladder::Soft | Ladder::Starved);
            prop_assert!(adapted.is_consistent());
            prop_assert_eq!((adapted.conversion.width, adapted.conversion.height), (adapted.top().width, adapted.top().height));
            prop_assert_eq!(adapted.rungs.len(), plan.rungs.len() - usize::from(is_smaller));
            prop_assert_eq!(adapted.rate, plan.rate);
            prop_assert!(adapted.rungs.iter().any(|rung| rung.divisor == 1));
            if is_smaller {
                prop_assert!(adapted.top().short_edge() >= LOWEST_TOP);
                prop_assert!(adapted.top().cap_kbps <= plan.top().cap_kbps);
                prop_assert!((100..=300).contains(&adapted.top().crf_tenths));
            } else {
                prop_assert_eq!(adapted, plan);
            }
        }
    }
}

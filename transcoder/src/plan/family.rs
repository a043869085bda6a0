//! Second families: the same pictures in another codec, or with more effort.

use serde::{Deserialize, Serialize};

use super::{Preset, RungPlan, RungSize, TopRung, TranscodePlan, WhyEncoded};

/// What encodes a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// H.264 by x264: every player has it.
    #[default]
    Avc,
    /// AV1 by SVT-AV1: for a good third fewer bytes, for players that have it.
    Av1,
}

/// With more effort the same rate factor looks better and takes about as many bytes: this much more takes fewer
/// and looks as good.
const MEDIUM_CRF_TENTHS: u32 = 15;

/// A set of renditions that is made later, where the watch time of a clip pays for it. The first family, H.264
/// made at once, always stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// AV1, beside the first family.
    Av1,
    /// H.264 with more effort, in place of the first family's rungs of the same size.
    Slow,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Av1, Self::Slow];

    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Av1 => "av1",
            Self::Slow => "slow",
        }
    }

    /// The family of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == name)
    }

    /// The rung of this family that looks like `rung` of the first one.
    fn rung(self, rung: &RungPlan) -> RungPlan {
        let short_edge = rung.short_edge();
        match self {
            Self::Av1 => RungPlan {
                name: format!("a{short_edge}"),
                codec: Codec::Av1,
                crf_tenths: rung.av1_crf_tenths(),
                ..rung.clone()
            },
            Self::Slow => RungPlan {
                name: format!("s{short_edge}"),
                preset: Preset::Medium,
                crf_tenths: rung.crf_tenths + MEDIUM_CRF_TENTHS,
                ..rung.clone()
            },
        }
    }
}

impl TranscodePlan {
    /// The plan of a family: the pictures, segments and chunks of this one, rungs of its own, and nothing beside
    /// them; sound is shared.
    #[must_use]
    pub fn of_family(&self, family: Family) -> Self {
        let mut rungs: Vec<RungPlan> = self.rungs.iter().map(|rung| family.rung(rung)).collect();
        if self.repackaged().is_some()
            && let Some(top) = rungs.last_mut()
        {
            // It has the cap of the source's own pictures, and is encoded now.
            top.cap_kbps = RungSize { width: top.width, height: top.height }.cap_kbps(top.rate.fps()).min(top.cap_kbps);
        }
        Self {
            rungs,
            top_rung: TopRung::Encoded { why: WhyEncoded::Family },
            audio: None,
            is_family: true,
            least_target_secs: self.target_secs(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Rate, sample_plan};

    #[test]
    fn a_family_has_the_same_pictures_and_names_of_its_own() {
        let plan = sample_plan(1080, 1920, Rate::new(60, 1), 14_000_000);
        for (family, first) in [(Family::Av1, "a360"), (Family::Slow, "s360")] {
            let made = plan.of_family(family);
            assert!(made.is_consistent() && made.is_family && made.audio.is_none());
            assert_eq!((&made.segment_starts, &made.chunks), (&plan.segment_starts, &plan.chunks));
            assert_eq!(made.rungs[0].name, first);
            for (rung, like) in made.rungs.iter().zip(&plan.rungs) {
                assert_eq!((rung.width, rung.height, rung.rate), (like.width, like.height, like.rate));
                assert!(rung.cap_kbps <= like.cap_kbps);
            }
        }
    }

    #[test]
    fn what_a_look_has_changed_is_kept() {
        let mut plan = sample_plan(720, 1280, Rate::new(30, 1), 4_000_000);
        let usual = plan.of_family(Family::Av1).top().crf_tenths;
        let top = plan.rungs.last_mut().expect("a rung");
        (top.cap_kbps, top.crf_tenths) = (3600, top.crf_tenths - 30);
        for family in Family::ALL {
            assert_eq!(plan.of_family(family).top().cap_kbps, 3600);
        }
        assert!(plan.of_family(Family::Av1).top().crf_tenths < usual);
    }

    #[test]
    fn families_are_found_by_name() {
        for family in Family::ALL {
            assert_eq!(Family::from_name(family.as_str()), Some(family));
        }
        assert_eq!(Family::from_name("base"), None);
    }
}

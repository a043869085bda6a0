//! How SVT-AV1 is asked to encode a rung.

use super::{RungPlan, RungSize};

/// SVT-AV1's effort, from 0 (most) to 13.
const PRESET: u32 = 8;
/// Quality, in tenths, at which rungs look at least as good as x264's do at theirs, and take clearly fewer bytes.
const USUAL_CRF_TENTHS: u32 = 430;
/// The worst there is.
const MOST_CRF_TENTHS: u32 = 630;
/// Pictures between key pictures if nobody asked for one: more than any segment has.
const KEY_DISTANCE: u32 = 600;

impl RungPlan {
    /// The rate factor of AV1 that looks like this rung. One that differs from what is usual for its size differs as
    /// much in AV1, on a scale that goes to 63 instead of 51.
    pub(super) fn av1_crf_tenths(&self) -> u32 {
        let size = RungSize { width: self.width, height: self.height };
        let (usual, own) = (size.crf_tenths(), self.crf_tenths);
        let shift = own.abs_diff(usual) * 63 / 51;
        if own < usual {
            USUAL_CRF_TENTHS.saturating_sub(shift)
        } else {
            (USUAL_CRF_TENTHS + shift).min(MOST_CRF_TENTHS)
        }
    }

    /// Options of libavcodec's `libsvtav1`, by name.
    pub(super) fn svt_av1_options(&self) -> Vec<(&'static str, String)> {
        vec![
            ("preset", PRESET.to_string()),
            ("crf", (self.crf_tenths / 10).to_string()),
            ("g", KEY_DISTANCE.to_string()),
            // With more it starts threads by the dozen, each of which claims address space, and hangs where there is
            // no more of it; rungs are encoded side by side anyway.
            ("svtav1-params", "lp=1".to_owned()),
        ]
    }
}

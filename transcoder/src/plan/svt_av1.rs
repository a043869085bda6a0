//! How SVT-AV1 is asked to encode a rung.

use super::{RungPlan, RungSize};

/// SVT-AV1's effort, from 0 (most) to 13.
const PRESET: u32 = 8;
/// Pictures between key pictures if nobody asked for one: more than any segment has.
const KEY_DISTANCE: u32 = 600;

impl RungSize {
    /// SVT-AV1's quality at which this size looks like x264's does at its own.
    pub fn av1_crf(self) -> u32 {
        if self.short_edge() > 720 { 39 } else { 38 }
    }
}

impl RungPlan {
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

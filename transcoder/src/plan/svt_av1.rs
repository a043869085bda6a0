//! How SVT-AV1 is asked to encode a rung.

use super::{RungPlan, RungSize};

/// SVT-AV1's effort, from 0 (most) to 13.
const PRESET: u32 = 8;
/// Pictures between key pictures if nobody asked for one: more than any segment has.
const KEY_DISTANCE: u32 = 600;

impl RungSize {
    /// SVT-AV1's quality, in tenths, at which this size looks like x264's does at its own.
    fn av1_crf_tenths(self) -> u32 {
        if self.short_edge() > 720 { 390 } else { 380 }
    }
}

impl RungPlan {
    /// The rate factor of AV1 that looks like this rung. One that differs from what is usual for its size differs as
    /// much in AV1, on a scale that goes to 63 instead of 51.
    pub(super) fn av1_crf_tenths(&self) -> u32 {
        let size = RungSize { width: self.width, height: self.height };
        let (usual, own) = (size.crf_tenths(), self.crf_tenths);
        let shift = own.abs_diff(usual) * 63 / 51;
        let tenths = size.av1_crf_tenths();
        if own < usual { tenths.saturating_sub(shift) } else { (tenths + shift).min(630) }
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

//! Which sizes are made, and with how many bits.

use serde::{Deserialize, Serialize};

/// Short edges of the ladder.
const RUNGS: [u32; 4] = [360, 540, 720, 1080];
/// A source at most this much (per mille) above a rung replaces it instead of joining it.
const REPLACES_PER_MILLE: u32 = 1050;
/// Longest edge of a rendition; more elongated pictures are scaled down to fit.
const LONGEST_EDGE: u32 = 4096;

/// Pixels and peak kilobits a second at 30 pictures a second: the points between which caps are interpolated.
const CAPS: [(u64, u64); 4] = [(360 * 640, 600), (540 * 960, 1300), (720 * 1280, 2400), (1080 * 1920, 4800)];
/// No cap is lower than this many kilobits a second.
const LOWEST_CAP_KBPS: u64 = 150;

/// x264's effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// For the largest rung, whose cost dominates.
    Veryfast,
    /// For all others.
    Faster,
    /// For families that are made later.
    Medium,
}

impl Preset {
    /// The name x264 knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Medium => "medium",
        }
    }
}

/// Size of one rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RungSize {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
}

impl RungSize {
    /// The shorter side, by which rungs are named.
    pub fn short_edge(self) -> u32 {
        self.width.min(self.height)
    }

    /// Pixels of a picture.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// x264's quality: bigger pictures are looked at more closely. In tenths of CRF.
    pub fn crf_tenths(self) -> u32 {
        match self.short_edge() {
            0..=360 => 250,
            361..=540 => 240,
            541..=720 => 235,
            _ => 230,
        }
    }

    /// Peak kilobits a second; fast motion gets two fifths more.
    pub fn cap_kbps(self, fps: f64) -> u32 {
        let cap = interpolate_cap(self.pixels());
        let cap = if fps > 30.5 { cap * 14 / 10 } else { cap };
        u32::try_from(cap).unwrap_or(u32::MAX)
    }

    /// x264's effort for this size.
    pub fn preset(self) -> Preset {
        if self.short_edge() >= 1000 { Preset::Veryfast } else { Preset::Faster }
    }

    /// Encoder threads, fixed so that the same source always gives the same bytes.
    pub fn threads(self) -> u32 {
        if self.short_edge() >= 1000 { 2 } else { 1 }
    }
}

fn interpolate_cap(pixels: u64) -> u64 {
    let (low_pixels, low_cap) = CAPS[0];
    if pixels <= low_pixels {
        return (low_cap * pixels / low_pixels).max(LOWEST_CAP_KBPS);
    }
    for pair in CAPS.windows(2) {
        let ((p0, c0), (p1, c1)) = (pair[0], pair[1]);
        if pixels <= p1 {
            return c0 + (c1 - c0) * (pixels - p0) / (p1 - p0);
        }
    }
    let (top_pixels, top_cap) = CAPS[3];
    top_cap * pixels / top_pixels
}

/// Sizes for a picture of `width` × `height` square pixels, smallest first.
///
/// Rungs below the source's short edge, then the source's own size if that is
/// below the top rung; never larger than the source.
pub fn plan_sizes(width: u32, height: u32) -> Vec<RungSize> {
    let short = width.min(height);
    let top = short.min(RUNGS[3]);
    let mut edges: Vec<u32> = RUNGS.into_iter().filter(|rung| rung * REPLACES_PER_MILLE / 1000 < top).collect();
    edges.push(top);
    let mut sizes: Vec<RungSize> = edges.into_iter().map(|edge| scale_to(width, height, edge)).collect();
    sizes.dedup();
    sizes
}

/// The picture scaled so that its short edge is `edge`, both sides even.
fn scale_to(width: u32, height: u32, edge: u32) -> RungSize {
    let (short, long) = (width.min(height).max(1), width.max(height));
    let scaled_long = u64::from(long) * u64::from(edge) / u64::from(short);
    let (short_out, long_out) = if scaled_long > u64::from(LONGEST_EDGE) {
        (u64::from(short) * u64::from(LONGEST_EDGE) / u64::from(long), u64::from(LONGEST_EDGE))
    } else {
        (u64::from(edge), nearest(u64::from(long) * u64::from(edge), u64::from(short)))
    };
    let (short_out, long_out) = (even(short_out), even(long_out));
    if width <= height {
        RungSize { width: short_out, height: long_out }
    } else {
        RungSize { width: long_out, height: short_out }
    }
}

fn nearest(numerator: u64, denominator: u64) -> u64 {
    (numerator + denominator / 2) / denominator
}

/// Down to an even number, at least two.
fn even(side: u64) -> u32 {
    u32::try_from(side & !1).unwrap_or(u32::MAX - 1).max(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(width: u32, height: u32) -> Vec<(u32, u32)> {
        plan_sizes(width, height).into_iter().map(|s| (s.width, s.height)).collect()
    }

    #[test]
    fn full_ladder_for_portrait_and_landscape() {
        assert_eq!(sizes(1080, 1920), vec![(360, 640), (540, 960), (720, 1280), (1080, 1920)]);
        assert_eq!(sizes(3840, 2160), vec![(640, 360), (960, 540), (1280, 720), (1920, 1080)]);
    }

    #[test]
    fn a_source_between_rungs_tops_out_at_its_own_even_size() {
        assert_eq!(sizes(601, 1067), vec![(360, 638), (540, 958), (600, 1066)]);
        assert_eq!(sizes(768, 432), vec![(640, 360), (768, 432)]);
    }

    #[test]
    fn below_the_ladder_there_is_one_rung_at_its_own_size() {
        assert_eq!(sizes(320, 568), vec![(320, 568)]);
        assert_eq!(sizes(161, 121), vec![(160, 120)]);
    }

    #[test]
    fn a_source_just_above_a_rung_replaces_it() {
        assert_eq!(sizes(544, 960), vec![(360, 634), (544, 960)]);
    }

    #[test]
    fn a_ribbon_is_scaled_down_to_fit() {
        assert_eq!(sizes(100, 12_500), vec![(32, 4096)]);
    }

    #[test]
    fn caps_follow_the_table_and_grow_with_the_rate() {
        let top = RungSize { width: 1080, height: 1920 };
        assert_eq!(top.cap_kbps(30.0), 4800);
        assert_eq!(top.cap_kbps(60.0), 6720);
        assert_eq!(RungSize { width: 360, height: 640 }.cap_kbps(30.0), 600);
        assert_eq!(RungSize { width: 100, height: 100 }.cap_kbps(30.0), 150);
    }

    proptest! {
        #[test]
        fn sizes_are_even_rising_and_never_upscaled(width in 16u32..8000, height in 16u32..8000) {
            let sizes = plan_sizes(width, height);
            prop_assert!((1..=4).contains(&sizes.len()));
            for size in &sizes {
                prop_assert!(size.width % 2 == 0 && size.height % 2 == 0);
                prop_assert!(size.width <= width && size.height <= height);
                prop_assert!(size.width.max(size.height) <= LONGEST_EDGE);
            }
            prop_assert!(sizes.windows(2).all(|pair| pair[0].pixels() < pair[1].pixels()));
        }

        #[test]
        fn caps_rise_with_the_picture(a in 256u64..9_000_000, b in 256u64..9_000_000) {
            prop_assert!(interpolate_cap(a.min(b)) <= interpolate_cap(a.max(b)));
        }
    }
}

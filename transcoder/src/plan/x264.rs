//! How x264 is asked to encode a rung: the one place that the encoder, and whoever compares it
//! with something else, take its options from.

use super::{Preset, RungPlan};

/// Pictures between key pictures if nobody asked for one: more than any segment has, so that
/// key pictures are exactly where segments begin, on every rung.
const KEY_DISTANCE: u32 = 600;
/// Pictures x264 looks ahead; each is held in memory by every rung.
const LOOK_AHEAD: u32 = 20;

/// Pictures between two that others refer to.
const REORDERED: u32 = 3;
/// Up to this many pictures a second none are reordered. The first pictures that are decoded have a short time, and of so
/// few in the first segment one of them could be the last one shown: a gap would follow it.
pub(super) const IN_ORDER_FPS: f64 = 7.0;

impl RungPlan {
    /// Options of libavcodec's `libx264`, by name.
    pub fn x264_options(&self) -> Vec<(&'static str, String)> {
        let cap = self.cap_kbps;
        let mut options = vec![
            ("preset", self.preset.as_str().to_owned()),
            ("profile", "high".to_owned()),
            ("crf", format!("{}.{}", self.crf_tenths / 10, self.crf_tenths % 10)),
            ("maxrate", format!("{cap}k")),
            ("bufsize", format!("{}k", 2 * cap)),
            ("rc_init_occupancy", (cap * 1000).to_string()),
            ("threads", self.threads.to_string()),
            // A thread for the look-ahead would hold more pictures, and the rungs keep all processors busy.
            ("x264-params", "sync-lookahead=0".to_owned()),
        ];
        options.extend(self.effort());
        options.extend([
            ("bf", if self.rate.fps() > IN_ORDER_FPS { REORDERED } else { 0 }.to_string()),
            ("b-pyramid", "normal".to_owned()),
            ("g", KEY_DISTANCE.to_string()),
            ("keyint_min", (KEY_DISTANCE / 2).to_string()),
            ("forced-idr", "1".to_owned()),
            ("a53cc", "0".to_owned()),
        ]);
        options
    }

    /// What differs from the preset. At once, what saves most for what it costs: inter blocks are 16x16 only, one
    /// reference; and what gives most for what it costs: trellis, and a look ahead that serves mbtree.
    fn effort(&self) -> Vec<(&'static str, String)> {
        let look_ahead = ("rc-lookahead", LOOK_AHEAD.to_string());
        match self.preset {
            Preset::Veryfast | Preset::Faster => vec![
                ("partitions", "i8x8+i4x4".to_owned()),
                ("refs", "1".to_owned()),
                ("trellis", "1".to_owned()),
                look_ahead,
            ],
            Preset::Medium => vec![look_ahead],
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::{Codec, Preset, Rate, RungPlan};

    #[test]
    fn an_ordinary_rung_is_asked_for_like_this() {
        let rung = RungPlan {
            name: "v540".into(),
            codec: Codec::Avc,
            width: 540,
            height: 960,
            divisor: 1,
            rate: Rate::new(30, 1),
            crf_tenths: 235,
            cap_kbps: 1300,
            preset: Preset::Veryfast,
            threads: 1,
        };
        let options: Vec<String> =
            rung.x264_options().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        insta::assert_snapshot!(options.join(" "), @"preset=veryfast profile=high crf=23.5 maxrate=1300k bufsize=2600k rc_init_occupancy=1300000 threads=1 x264-params=sync-lookahead=0 partitions=i8x8+i4x4 refs=1 trellis=1 rc-lookahead=20 bf=3 b-pyramid=normal g=600 keyint_min=300 forced-idr=1 a53cc=0");
    }
}

//! Whether the probe's facts can be those of a file at all.
//!
//! They come from the child, which has handled a hostile file: what no demuxer could have measured is not planned with,
//! because sums and divisions are made of it. What is merely unwelcome is the limits' business.

use std::ops::RangeInclusive;

use super::{AudioInfo, CodedVideo, Framing, MediaInfo, Rate, Ratio, StreamHeader, VideoInfo};
use crate::loudness::Loudness;

/// Pictures a second that [`super::natural_rate`] can find.
const RATES_FPS: RangeInclusive<f64> = 0.9..=1001.0;
/// Parts of a rate: thousandths, and 1001 at most.
const MOST_RATE_NUM: u32 = 1_001_000;
const MOST_RATE_DEN: u32 = 10_000;
/// Longest name of a codec, a format or a colour.
const MOST_NAME_BYTES: usize = 64;
/// Longest parameter set of a stream that is repackaged.
const MOST_SET_BYTES: usize = 256;
/// Most pictures and bytes of a stream: far beyond what the limits let through, far below where sums overflow.
const MOST_PICTURES: u64 = 1 << 32;
const MOST_BYTES: u64 = 1 << 40;
/// Largest part of a fraction of libav's.
const MOST_PART: i64 = i32::MAX as i64;
/// Loudest and quietest anything can be, in hundredths of a decibel.
const DECIBELS: RangeInclusive<i32> = -100_000..=100_000;

impl MediaInfo {
    /// These could be the facts of a file.
    pub fn is_credible(&self) -> bool {
        is_name(&self.container)
            && self.video.as_ref().is_none_or(VideoInfo::is_credible)
            && self.audio.as_ref().is_none_or(AudioInfo::is_credible)
    }
}

impl VideoInfo {
    fn is_credible(&self) -> bool {
        let Ratio { num, den } = self.sample_aspect;
        let colour = &self.colour;
        let names = [&self.codec, &colour.pixel_format, &colour.primaries, &colour.transfer, &colour.matrix];
        names.into_iter().chain(&self.decoder).all(|name| is_name(name))
            && [num, den].into_iter().all(|part| i32::try_from(part).is_ok())
            && is_time_base(self.time_base)
            && is_rate(self.rate)
            && self.frames <= MOST_PICTURES
            && self.coded.as_ref().map_or(true, CodedVideo::is_credible)
    }
}

impl CodedVideo {
    fn is_credible(&self) -> bool {
        let StreamHeader { sps, pps, framing } = &self.header;
        let is_framed = matches!(framing, Framing::StartCodes | Framing::Lengths(1 | 2 | 4));
        let rise = self.keys.windows(2).all(|pair| pair[0].slot < pair[1].slot);
        let fit = self.keys.iter().all(|key| key.slot < self.pictures && key.bytes <= MOST_BYTES);
        sps.len().max(pps.len()) <= MOST_SET_BYTES && is_framed && self.pictures <= MOST_PICTURES && rise && fit
    }
}

impl AudioInfo {
    fn is_credible(&self) -> bool {
        let is_loudness = |loudness: &Loudness| {
            let Loudness { integrated_cdb, peak_cdb, level } = loudness;
            [*integrated_cdb, *peak_cdb, level.gain_cdb].iter().all(|value| DECIBELS.contains(value))
        };
        std::iter::once(&self.codec).chain(&self.decoder).all(|name| is_name(name))
            && is_time_base(self.time_base)
            && self.loudness.as_ref().is_none_or(is_loudness)
    }
}

/// Names end in rows, logs and filters.
fn is_name(name: &str) -> bool {
    name.len() <= MOST_NAME_BYTES && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_time_base(base: Ratio) -> bool {
    (1..=MOST_PART).contains(&base.num) && (1..=MOST_PART).contains(&base.den)
}

fn is_rate(rate: Rate) -> bool {
    let parts = (1..=MOST_RATE_NUM).contains(&rate.num) && (1..=MOST_RATE_DEN).contains(&rate.den);
    parts && RATES_FPS.contains(&rate.fps())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::plan::{KeyPicture, Limits, make_plan, sample_info};

    /// A number that somebody would try who wants sums to overflow, or a name that does not belong there.
    fn extreme() -> impl Strategy<Value = Value> {
        let numbers =
            [0, 1, 2, 1023, 1 << 16, u64::from(u32::MAX), (1 << 31) - 1, 1 << 40, 1 << 62, u64::MAX - 1, u64::MAX];
        let negatives = [-1, i64::from(i32::MIN), i64::MIN, i64::MIN + 1];
        prop_oneof![
            prop::sample::select(numbers.to_vec()).prop_map(Value::from),
            prop::sample::select(negatives.to_vec()).prop_map(Value::from),
            any::<u32>().prop_map(Value::from),
            "\\PC{0,90}".prop_map(Value::from),
            Just(Value::from("a\u{0}b")),
            Just(Value::Null),
        ]
    }

    /// All values that hold no others.
    fn leaves<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
        match value {
            Value::Array(inner) => inner.iter_mut().for_each(|inner| leaves(inner, found)),
            Value::Object(inner) => inner.values_mut().for_each(|inner| leaves(inner, found)),
            leaf => found.push(leaf),
        }
    }

    /// Facts of a source that could be repackaged.
    fn ready_made() -> MediaInfo {
        let mut info = sample_info(1080, 1920, Rate::new(30, 1), 8_000_000);
        let video = info.video.as_mut().expect("video");
        video.coded = Ok(CodedVideo {
            header: StreamHeader { sps: vec![0x67], pps: vec![0x68], framing: Framing::Lengths(4) },
            width: 1080,
            height: 1920,
            pictures: 240,
            keys: (0..8).map(|second| KeyPicture { slot: second * 30, bytes: 500_000 }).collect(),
        });
        info
    }

    #[test]
    fn facts_of_files_are_credible_and_impossible_ones_are_not() {
        assert!(ready_made().is_credible());
        let broken = |change: fn(&mut VideoInfo)| {
            let mut info = ready_made();
            change(info.video.as_mut().expect("video"));
            info.is_credible()
        };
        assert!(!broken(|video| video.rate = Rate::new(0, 1)));
        assert!(!broken(|video| video.rate = Rate::new(30, 0)));
        assert!(!broken(|video| video.rate = Rate::new(u32::MAX, 1)));
        assert!(!broken(|video| video.time_base = Ratio::new(1, 0)));
        assert!(!broken(|video| video.sample_aspect = Ratio::new(i64::MAX, 1)));
        assert!(!broken(|video| video.codec = "h264\n".into()));
        assert!(!broken(|video| video.coded.as_mut().expect("coded").keys.reverse()));
        assert!(!broken(|video| video.coded.as_mut().expect("coded").pictures = u64::MAX));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_the_child_says_planning_comes_to_an_end(
            changes in prop::collection::vec((any::<prop::sample::Index>(), extreme()), 1..4)
        ) {
            let mut value = serde_json::to_value(ready_made()).expect("serialises");
            for (at, extreme) in changes {
                let mut found = Vec::new();
                leaves(&mut value, &mut found);
                let at = at.index(found.len());
                *found.swap_remove(at) = extreme;
            }
            let Ok(info) = serde_json::from_value::<MediaInfo>(value) else { return Ok(()) };
            if info.is_credible() && let Ok(plan) = make_plan(&info, &Limits::default()) {
                prop_assert!(plan.is_consistent());
                prop_assert!(plan.rate.fps() <= 60.5 && plan.total_frames < 100_000);
            }
        }
    }
}

//! Whether the largest rung can be the source's own pictures, and where its segments begin then.

use serde::{Deserialize, Serialize};

use super::{
    CodedVideo, Orientation, Rate, RungPlan, StreamHeader, VideoInfo, WhyEncoded, plan_segments_at, x264::IN_ORDER_FPS,
};

/// A segment may have this many per cent of the cap, as one of an encoder whose buffer was full may.
const PEAK_PERCENT: u64 = 130;
/// Segments shorter than this say nothing about the peak.
const SHORTEST_PEAK_US: u64 = 500_000;

/// Where the pictures of the largest rung come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopRung {
    /// They are encoded like those of the others.
    Encoded {
        /// Why, for operators.
        why: WhyEncoded,
    },
    /// They are the source's own, in other boxes.
    Repackaged {
        /// What the stream's packets are like.
        header: StreamHeader,
    },
}

/// The largest rung made of the source's own pictures.
pub(super) struct Repackaging {
    pub(super) header: StreamHeader,
    pub(super) total_frames: u64,
    pub(super) segment_starts: Vec<u64>,
    /// Peak kilobits a second, measured.
    pub(super) peak_kbps: u32,
}

/// Compares what the probe measured with what the largest rung would be.
/// `wanted_frames` is the length of the clip on the grid; segments begin at multiples of `step`.
pub(super) fn plan_repackaging(
    video: &VideoInfo,
    top: &RungPlan,
    wanted_frames: u64,
    step: u64,
) -> Result<Repackaging, WhyEncoded> {
    let coded = video.coded.as_ref().map_err(|why| *why)?;
    check_picture(video, coded, top)?;
    // Of so few pictures a second none may be out of order, and ours are not.
    if top.divisor != 1 || top.rate != video.rate || top.rate.fps() <= IN_ORDER_FPS {
        return Err(WhyEncoded::Rate);
    }
    let total_frames = coded.pictures;
    if wanted_frames > total_frames + 1 {
        return Err(WhyEncoded::SoundGoesOn);
    }
    if video.variable_rate || wanted_frames + 1 < total_frames {
        return Err(WhyEncoded::Uneven);
    }
    let keys: Vec<u64> = coded.keys.iter().map(|key| key.slot).collect();
    let segment_starts = plan_segments_at(&keys, top.rate, total_frames, step).ok_or(WhyEncoded::Keys)?;
    let peak_kbps = measure_bits(coded, &segment_starts, top)?;
    Ok(Repackaging { header: coded.header.clone(), total_frames, segment_starts, peak_kbps })
}

fn check_picture(video: &VideoInfo, coded: &CodedVideo, top: &RungPlan) -> Result<(), WhyEncoded> {
    let colour = &video.colour;
    let is_bt709 = [&colour.primaries, &colour.transfer, &colour.matrix].into_iter().all(|name| name == "bt709");
    if !is_bt709 || colour.full_range {
        return Err(WhyEncoded::Colour);
    }
    if colour.pixel_format != "yuv420p" || colour.bit_depth != 8 {
        return Err(WhyEncoded::PixelFormat);
    }
    if video.interlaced {
        return Err(WhyEncoded::Interlaced);
    }
    if video.orientation != Orientation::Upright || video.sample_aspect.num != video.sample_aspect.den {
        return Err(WhyEncoded::Geometry);
    }
    let sizes = [(video.width, video.height), (coded.width, coded.height)];
    if sizes.iter().any(|size| *size != (top.width, top.height)) {
        return Err(WhyEncoded::Size);
    }
    Ok(())
}

/// The peak of the segments, in kilobits a second, when it and the mean are those of the rung.
fn measure_bits(coded: &CodedVideo, starts: &[u64], top: &RungPlan) -> Result<u32, WhyEncoded> {
    let ends = starts.iter().skip(1).copied().chain([coded.pictures]);
    let mut peak = 0;
    for (start, end) in starts.iter().zip(ends) {
        let bytes = coded.keys.iter().filter(|key| (*start..end).contains(&key.slot)).map(|key| key.bytes).sum();
        let length_us = length_us(top.rate, *start, end);
        if length_us >= SHORTEST_PEAK_US {
            peak = peak.max(kilobits(bytes, length_us));
        }
    }
    let mean = kilobits(coded.keys.iter().map(|key| key.bytes).sum(), length_us(top.rate, 0, coded.pictures));
    let (peak, cap) = (peak.max(mean), u64::from(top.cap_kbps));
    if mean > cap || peak * 100 > cap * PEAK_PERCENT {
        return Err(WhyEncoded::BitRate);
    }
    Ok(u32::try_from(peak).unwrap_or(u32::MAX))
}

fn length_us(rate: Rate, start: u64, end: u64) -> u64 {
    rate.frame_start_us(end) - rate.frame_start_us(start)
}

/// Kilobits a second, rounded up.
fn kilobits(bytes: u64, length_us: u64) -> u64 {
    (bytes.saturating_mul(8000)).div_ceil(length_us.max(1))
}

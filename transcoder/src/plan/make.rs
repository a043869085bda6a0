//! From the probe's facts to a plan or a refusal.

use super::{
    AAC_FRAME_SAMPLES, AUDIO_RATE_HZ, AudioInfo, AudioPlan, Codec, Conversion, Limits, MediaInfo, Rate, Ratio, Refusal,
    RefusalCode, RungPlan, RungSize, SourceVideo, TopRung, TranscodePlan, VideoInfo, plan_chunks, plan_segments,
    plan_sizes,
    repackage::{Repackaging, plan_repackaging},
};
use crate::loudness::Level;

/// Above this many pictures a second the small rungs get every second one.
const CALM_FPS: f64 = 30.5;
/// No rung gets every second picture where fewer than this would be left: it would stutter.
const SMOOTH_FPS: f64 = 23.9;
/// Rungs up to this short edge are limited to [`CALM_FPS`].
const CALM_SHORT_EDGE: u32 = 540;
/// Sound that outlasts the picture by more than this holds the last picture.
const SOUND_MAY_OUTLAST_US: i64 = 500_000;
/// Above this many pixels the decoder gets one thread, because every thread holds pictures.
const ONE_THREAD_PIXELS: u64 = 9_000_000;
/// Sample aspect ratios beyond this factor are mistakes.
const WILDEST_ASPECT: i64 = 4;

/// Decides what is made of a source.
///
/// # Errors
/// A refusal when the source is none we can or want to make a clip of.
pub fn make_plan(info: &MediaInfo, limits: &Limits) -> Result<TranscodePlan, Refusal> {
    check_container(info, limits)?;
    let Some(video) = &info.video else {
        return refuse(RefusalCode::NoVideoStream, format!("{} streams", info.streams));
    };
    check_video(video, limits)?;
    let (width, height) = upright_size(video);
    let sizes = plan_sizes(width, height);
    let natural = limited_rate(video.rate, limits.max_output_fps);
    let (rate, mut rungs) = plan_rungs(&sizes, natural);
    let duration_us = clip_duration_us(video, info.audio.as_ref());
    check_duration(duration_us, limits)?;
    let Timeline { total_frames, segment_starts, top_rung } =
        lay_out(video, &mut rungs, rate, rate.frames_in(duration_us));
    let audio = info.audio.as_ref().and_then(|audio| plan_audio(audio, video, rate, total_frames, &segment_starts));
    let top = sizes.last().expect("there is always one size");
    Ok(TranscodePlan {
        source: plan_source(video)?,
        conversion: Conversion {
            deinterlace: video.interlaced,
            orientation: video.orientation,
            colour: video.colour.clone(),
            width: top.width,
            height: top.height,
        },
        rate,
        total_frames,
        chunks: plan_chunks(segment_starts.len()),
        segment_starts,
        rungs,
        top_rung,
        audio,
        is_family: false,
        least_target_secs: 0,
    })
}

/// Length and segments of a clip.
struct Timeline {
    total_frames: u64,
    segment_starts: Vec<u64>,
    top_rung: TopRung,
}

/// Segments of our own choice, or where the source's key pictures are when the largest rung is repackaged.
fn lay_out(video: &VideoInfo, rungs: &mut [RungPlan], rate: Rate, wanted_frames: u64) -> Timeline {
    let step = rungs.iter().map(|rung| rung.divisor).max().unwrap_or(1);
    let top = rungs.last_mut().expect("a plan has at least one rung");
    match plan_repackaging(video, top, wanted_frames, step) {
        Ok(Repackaging { header, total_frames, segment_starts, peak_kbps }) => {
            top.cap_kbps = top.cap_kbps.max(peak_kbps);
            Timeline { total_frames, segment_starts, top_rung: TopRung::Repackaged { header } }
        }
        Err(why) => {
            let total_frames = wanted_frames.next_multiple_of(step);
            let segment_starts = plan_segments(rate, total_frames, step);
            Timeline { total_frames, segment_starts, top_rung: TopRung::Encoded { why } }
        }
    }
}

fn refuse<T>(code: RefusalCode, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(code, detail))
}

fn check_container(info: &MediaInfo, limits: &Limits) -> Result<(), Refusal> {
    if info.size_bytes == 0 {
        return refuse(RefusalCode::Empty, "0 bytes");
    }
    if info.size_bytes > limits.max_source_bytes {
        return refuse(RefusalCode::FileTooLarge, format!("{} bytes", info.size_bytes));
    }
    if info.streams > limits.max_streams || info.video_streams > limits.max_video_streams {
        let detail = format!("{} streams, {} of video", info.streams, info.video_streams);
        return refuse(RefusalCode::TooManyStreams, detail);
    }
    if info.encrypted {
        return refuse(RefusalCode::Encrypted, info.container.clone());
    }
    if info.truncated {
        return refuse(RefusalCode::Damaged, "the index points beyond the end of the file");
    }
    Ok(())
}

fn check_video(video: &VideoInfo, limits: &Limits) -> Result<(), Refusal> {
    if video.decoder.is_none() {
        return refuse(RefusalCode::UnsupportedCodec, video.codec.clone());
    }
    let size = format!("{}x{}", video.width, video.height);
    let pixels = u64::from(video.width) * u64::from(video.height);
    if pixels > limits.max_source_pixels || video.width.max(video.height) > limits.max_source_side {
        return refuse(RefusalCode::TooLarge, size);
    }
    if video.frames == 0 || !video.decodable || pixels == 0 {
        return refuse(RefusalCode::Damaged, "no picture could be decoded");
    }
    if video.width.min(video.height) < limits.min_source_side {
        return refuse(RefusalCode::TooSmall, size);
    }
    if video.frames > limits.max_frames {
        return refuse(RefusalCode::TooManyFrames, format!("{} pictures", video.frames));
    }
    Ok(())
}

fn check_duration(duration_us: u64, limits: &Limits) -> Result<(), Refusal> {
    let most_us = (limits.max_duration_ms + Limits::DURATION_GRACE_MS) * 1000;
    if duration_us > most_us {
        return refuse(RefusalCode::TooLong, format!("{} ms", duration_us / 1000));
    }
    Ok(())
}

/// Size with square pixels, standing upright. Pixels are made square by changing the width.
fn upright_size(video: &VideoInfo) -> (u32, u32) {
    let Ratio { num, den } = video.sample_aspect;
    let sane = num > 0 && den > 0 && num <= den * WILDEST_ASPECT && den <= num * WILDEST_ASPECT;
    let width = if sane {
        let stretched = (i64::from(video.width) * num + den / 2) / den;
        u32::try_from(stretched).unwrap_or(video.width).max(2)
    } else {
        video.width
    };
    if video.orientation.swaps_sides() { (video.height, width) } else { (width, video.height) }
}

/// The source's rate, or as large a part of it as we write. A part that would leave the small rungs with too few
/// pictures is passed over: of 90 a second all rungs show 30, rather than the large ones 45 and the small ones 22.5.
fn limited_rate(rate: Rate, max_fps: u32) -> Rate {
    let at_most = |fps: f64| (1..=1000).map(|parts| rate.divided(parts)).find(|rate| rate.fps() <= fps).unwrap_or(rate);
    let limited = at_most(f64::from(max_fps) + 0.5);
    if limited == rate || limited.fps() <= CALM_FPS || limited.halved().fps() >= SMOOTH_FPS {
        limited
    } else {
        at_most(CALM_FPS)
    }
}

/// The rungs, and the grid they share: the rate of the fastest.
fn plan_rungs(sizes: &[RungSize], natural: Rate) -> (Rate, Vec<RungPlan>) {
    let fast = natural.fps() > CALM_FPS && natural.halved().fps() >= SMOOTH_FPS;
    let is_calm = |size: &RungSize| fast && size.short_edge() <= CALM_SHORT_EDGE;
    let grid = if sizes.iter().all(is_calm) { natural.halved() } else { natural };
    let rungs = sizes
        .iter()
        .map(|size| {
            let rate = if is_calm(size) { natural.halved() } else { natural };
            let divisor = if rate == grid { 1 } else { 2 };
            plan_rung(*size, rate, divisor)
        })
        .collect();
    (grid, rungs)
}

fn plan_rung(size: RungSize, rate: Rate, divisor: u64) -> RungPlan {
    RungPlan {
        name: format!("v{}", size.short_edge()),
        codec: Codec::Avc,
        width: size.width,
        height: size.height,
        divisor,
        rate,
        crf_tenths: size.crf_tenths(),
        cap_kbps: size.cap_kbps(rate.fps()),
        preset: size.preset(),
        threads: size.threads(),
    }
}

fn plan_source(video: &VideoInfo) -> Result<SourceVideo, Refusal> {
    let Some(decoder) = video.decoder.clone() else {
        return refuse(RefusalCode::UnsupportedCodec, video.codec.clone());
    };
    let pixels = u64::from(video.width) * u64::from(video.height);
    Ok(SourceVideo {
        stream: video.stream,
        decoder,
        time_base: video.time_base,
        start_ticks: video.start_ticks,
        frames: video.frames,
        threads: if pixels > ONE_THREAD_PIXELS { 1 } else { 2 },
    })
}

/// Length of the clip: that of the picture, unless the sound goes on much longer.
fn clip_duration_us(video: &VideoInfo, audio: Option<&AudioInfo>) -> u64 {
    let Some(audio) = audio else { return video.duration_us };
    let audio_start = ticks_to_us(audio.start_ticks, audio.time_base);
    let audio_len = i64::try_from(audio.duration_us).unwrap_or(i64::MAX);
    let audio_end = audio_start.saturating_add(audio_len).saturating_sub(origin_us(video));
    let video_len = i64::try_from(video.duration_us).unwrap_or(i64::MAX);
    if audio_end.saturating_sub(video_len) > SOUND_MAY_OUTLAST_US {
        u64::try_from(audio_end).unwrap_or(video.duration_us)
    } else {
        video.duration_us
    }
}

fn origin_us(video: &VideoInfo) -> i64 {
    ticks_to_us(video.start_ticks, video.time_base)
}

fn ticks_to_us(ticks: i64, base: Ratio) -> i64 {
    let us = i128::from(ticks) * i128::from(base.num) * 1_000_000 / i128::from(base.den.max(1));
    i64::try_from(us).unwrap_or(if us < 0 { i64::MIN / 4 } else { i64::MAX / 4 })
}

fn plan_audio(
    audio: &AudioInfo,
    video: &VideoInfo,
    rate: Rate,
    total_frames: u64,
    segment_starts: &[u64],
) -> Option<AudioPlan> {
    let decoder = audio.decoder.clone()?;
    if audio.packets == 0 || audio.channels == 0 {
        return None;
    }
    Some(AudioPlan {
        stream: audio.stream,
        decoder,
        channels: audio.channels,
        origin_us: origin_us(video),
        level: audio.loudness.map_or_else(Level::default, |loudness| loudness.level),
        total_frames: aac_frames_before(total_frames, rate),
        segment_starts: segment_starts.iter().map(|s| aac_frames_before(*s, rate)).collect(),
    })
}

/// AAC frames that begin before picture `frame` does.
fn aac_frames_before(frame: u64, rate: Rate) -> u64 {
    let samples = u128::from(frame) * u128::from(rate.den) * u128::from(AUDIO_RATE_HZ);
    let per_frame = u128::from(rate.num) * u128::from(AAC_FRAME_SAMPLES);
    u64::try_from(samples.div_ceil(per_frame)).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;

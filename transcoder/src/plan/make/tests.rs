use proptest::prelude::*;

use super::*;
use crate::plan::{Colour, Orientation};

fn colour() -> Colour {
    Colour {
        pixel_format: "yuv420p".into(),
        bit_depth: 8,
        full_range: false,
        primaries: "bt709".into(),
        transfer: "bt709".into(),
        matrix: "bt709".into(),
        peak_nits: 1000,
    }
}

fn video(width: u32, height: u32, rate: Rate, duration_us: u64) -> VideoInfo {
    VideoInfo {
        stream: 0,
        codec: "h264".into(),
        decoder: Some("h264".into()),
        width,
        height,
        sample_aspect: Ratio::new(1, 1),
        orientation: Orientation::Upright,
        time_base: Ratio::new(1, 90_000),
        start_ticks: 0,
        duration_us,
        frames: rate.frames_in(duration_us),
        rate,
        variable_rate: false,
        interlaced: false,
        decodable: true,
        colour: colour(),
    }
}

fn audio(duration_us: u64) -> AudioInfo {
    AudioInfo {
        stream: 1,
        codec: "aac".into(),
        decoder: Some("aac".into()),
        sample_rate_hz: 44_100,
        channels: 2,
        time_base: Ratio::new(1, 44_100),
        start_ticks: 0,
        duration_us,
        packets: 100,
        loudness: None,
    }
}

fn info(video: Option<VideoInfo>, audio: Option<AudioInfo>) -> MediaInfo {
    MediaInfo {
        container: "mov".into(),
        size_bytes: 1_000_000,
        streams: 2,
        video_streams: 1,
        encrypted: false,
        truncated: false,
        video,
        audio,
    }
}

fn plan(video: VideoInfo) -> TranscodePlan {
    make_plan(&info(Some(video), Some(audio(8_000_000))), &Limits::default()).expect("a plan")
}

fn refused(change: impl FnOnce(&mut MediaInfo)) -> RefusalCode {
    let source = video(1080, 1920, Rate::new(30, 1), 8_000_000);
    let mut info = info(Some(source), None);
    change(&mut info);
    make_plan(&info, &Limits::default()).expect_err("a refusal").code
}

fn video_of(info: &mut MediaInfo) -> &mut VideoInfo {
    info.video.as_mut().expect("video")
}

#[test]
fn an_ordinary_portrait_clip_gets_the_whole_ladder() {
    insta::assert_json_snapshot!(plan(video(1080, 1920, Rate::new(30, 1), 8_000_000)));
}

#[test]
fn fast_sources_keep_their_rate_only_on_the_large_rungs() {
    let plan = plan(video(1080, 1920, Rate::new(60, 1), 8_000_000));
    let rates: Vec<_> = plan.rungs.iter().map(|r| (r.short_edge(), r.rate.num, r.divisor)).collect();
    assert_eq!(rates, vec![(360, 30, 2), (540, 30, 2), (720, 60, 1), (1080, 60, 1)]);
    assert_eq!(plan.segment_starts, vec![0, 60, 180, 300, 420]);
}

#[test]
fn a_fast_but_small_source_needs_no_fast_grid() {
    let plan = plan(video(540, 960, Rate::new(60, 1), 8_000_000));
    assert_eq!(plan.rate, Rate::new(30, 1));
    assert!(plan.rungs.iter().all(|rung| rung.divisor == 1));
}

#[test]
fn slow_motion_rates_are_halved_until_they_fit() {
    assert_eq!(plan(video(720, 1280, Rate::new(240, 1), 8_000_000)).rate, Rate::new(60, 1));
    assert_eq!(plan(video(720, 1280, Rate::new(100, 1), 8_000_000)).rate, Rate::new(50, 1));
}

#[test]
fn a_turned_source_is_planned_upright_and_square() {
    let mut turned = video(1920, 1080, Rate::new(30, 1), 8_000_000);
    turned.orientation = Orientation::QuarterTurn;
    assert_eq!((plan(turned.clone()).conversion.width, plan(turned).conversion.height), (1080, 1920));
    let mut wide = video(640, 360, Rate::new(30, 1), 8_000_000);
    wide.sample_aspect = Ratio::new(2, 1);
    assert_eq!((plan(wide.clone()).conversion.width, plan(wide).conversion.height), (1280, 360));
}

#[test]
fn sound_that_goes_on_holds_the_last_picture() {
    let source = video(360, 640, Rate::new(30, 1), 1_000_000);
    let info = info(Some(source), Some(audio(5_000_000)));
    let plan = make_plan(&info, &Limits::default()).expect("a plan");
    assert_eq!(plan.duration_ms(), 5000);
}

#[test]
fn audio_and_video_segments_begin_within_one_audio_frame() {
    let plan = plan(video(720, 1280, Rate::new(30_000, 1001), 8_000_000));
    let audio = plan.audio.as_ref().expect("audio");
    for (frame, aac) in plan.segment_starts.iter().zip(&audio.segment_starts) {
        let video_us = plan.rate.frame_start_us(*frame);
        let audio_us = aac * AAC_FRAME_SAMPLES * 1_000_000 / u64::from(AUDIO_RATE_HZ);
        assert!(audio_us + 1 >= video_us && audio_us - video_us.min(audio_us) < 21_334);
    }
}

#[test]
fn each_broken_limit_has_its_own_code() {
    assert_eq!(refused(|i| i.size_bytes = 0), RefusalCode::Empty);
    assert_eq!(refused(|i| i.size_bytes = 5 << 30), RefusalCode::FileTooLarge);
    assert_eq!(refused(|i| i.streams = 17), RefusalCode::TooManyStreams);
    assert_eq!(refused(|i| i.video_streams = 5), RefusalCode::TooManyStreams);
    assert_eq!(refused(|i| i.encrypted = true), RefusalCode::Encrypted);
    assert_eq!(refused(|i| i.truncated = true), RefusalCode::Damaged);
    assert_eq!(refused(|i| i.video = None), RefusalCode::NoVideoStream);
    assert_eq!(refused(|i| video_of(i).decoder = None), RefusalCode::UnsupportedCodec);
    assert_eq!(refused(|i| video_of(i).decodable = false), RefusalCode::Damaged);
    assert_eq!(refused(|i| video_of(i).width = 34_000), RefusalCode::TooLarge);
    assert_eq!(refused(|i| video_of(i).width = 8), RefusalCode::TooSmall);
    assert_eq!(refused(|i| video_of(i).frames = 100_000), RefusalCode::TooManyFrames);
    assert_eq!(refused(|i| video_of(i).duration_us = 180_600_000), RefusalCode::TooLong);
}

#[test]
fn the_longest_clip_is_still_taken() {
    let longest = video(360, 640, Rate::new(30, 1), 180_400_000);
    assert_eq!(plan(longest).duration_ms(), 180_400);
}

#[test]
fn a_plan_survives_storage() {
    let plan = plan(video(1080, 1920, Rate::new(60, 1), 23_456_000));
    let json = serde_json::to_string(&plan).expect("serialises");
    let back: TranscodePlan = serde_json::from_str(&json).expect("deserialises");
    assert!(back == plan && back.is_consistent());
}

#[test]
fn a_tampered_plan_is_noticed() {
    let good = plan(video(1080, 1920, Rate::new(60, 1), 23_456_000));
    let mut bad = good.clone();
    bad.segment_starts[1] = bad.total_frames + 1;
    assert!(!bad.is_consistent());
    let mut bad = good.clone();
    bad.chunks.pop();
    assert!(!bad.is_consistent());
    let mut bad = good;
    bad.rungs.clear();
    assert!(!bad.is_consistent());
}

proptest! {
    #[test]
    fn any_accepted_source_gives_a_consistent_plan(
        width in 16u32..4000, height in 16u32..4000, fps in 1u32..240, duration_ms in 10u64..180_000
    ) {
        let source = video(width, height, Rate::new(fps, 1), duration_ms * 1000);
        if let Ok(plan) = make_plan(&info(Some(source), Some(audio(duration_ms * 1000))), &Limits::default()) {
            prop_assert!(plan.is_consistent());
            prop_assert!(plan.rate.fps() <= 60.5);
            for rung in &plan.rungs {
                let frames = rung.own_frames(&(0..plan.total_frames));
                prop_assert_eq!(frames.end * rung.divisor, plan.total_frames);
                for start in &plan.segment_starts {
                    prop_assert_eq!(start % rung.divisor, 0);
                }
            }
        }
    }
}

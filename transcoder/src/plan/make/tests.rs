use proptest::prelude::*;

use super::*;
use crate::plan::{CodedVideo, Colour, Framing, KeyPicture, Orientation, StreamHeader, WhyEncoded};

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
        coded: Err(WhyEncoded::Codec),
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

/// An ordinary source with sound, for tests of what is made of one.
pub(crate) fn sample_info(width: u32, height: u32, rate: Rate, duration_us: u64) -> MediaInfo {
    info(Some(video(width, height, rate, duration_us)), Some(audio(duration_us)))
}

/// The plan of an ordinary source with sound, for tests of what is made of plans.
pub(crate) fn sample_plan(width: u32, height: u32, rate: Rate, duration_us: u64) -> TranscodePlan {
    make_plan(&sample_info(width, height, rate, duration_us), &Limits::default()).expect("a plan")
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
fn of_fast_rates_the_largest_part_is_made_that_leaves_small_rungs_smooth() {
    for (source, large, small) in [
        (Rate::new(240, 1), 60.0, 30.0),
        (Rate::new(100, 1), 50.0, 25.0),
        (Rate::new(144, 1), 48.0, 24.0),
        (Rate::new(120_000, 1001), 59.94, 29.97),
        (Rate::new(90, 1), 30.0, 30.0),
        (Rate::new(75, 1), 25.0, 25.0),
        (Rate::new(72, 1), 24.0, 24.0),
        (Rate::new(1000, 1), 58.82, 29.41),
        // What is no faster than we write stays what it is.
        (Rate::new(48, 1), 48.0, 24.0),
        (Rate::new(40, 1), 40.0, 40.0),
    ] {
        let plan = plan(video(720, 1280, source, 8_000_000));
        let [first, .., last] = plan.rungs.as_slice() else { panic!("a ladder") };
        for (rung, expected) in [(last, large), (first, small)] {
            assert!((rung.rate.fps() - expected).abs() < 0.01, "{source:?}: {} of {}", rung.rate.fps(), rung.name);
        }
    }
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

/// A source whose pictures could be shown as they are: a key picture every second, `kbps` in all.
fn ready_made(width: u32, height: u32, fps: u32, secs: u64, kbps: u64) -> VideoInfo {
    let mut video = video(width, height, Rate::new(fps, 1), secs * 1_000_000);
    let key = |second: u64| KeyPicture { slot: second * u64::from(fps), bytes: kbps * 1000 / 8 };
    video.coded = Ok(CodedVideo {
        header: StreamHeader { sps: vec![0x67], pps: vec![0x68], framing: Framing::Lengths(4) },
        width,
        height,
        pictures: secs * u64::from(fps),
        keys: (0..secs).map(key).collect(),
    });
    video
}

fn why(change: impl FnOnce(&mut VideoInfo)) -> WhyEncoded {
    let mut video = ready_made(1080, 1920, 30, 8, 4000);
    change(&mut video);
    match plan(video).top_rung {
        TopRung::Encoded { why } => why,
        TopRung::Repackaged { .. } => panic!("is repackaged"),
    }
}

fn coded_of(video: &mut VideoInfo) -> &mut CodedVideo {
    video.coded.as_mut().expect("coded")
}

#[test]
fn a_source_that_fits_the_largest_rung_is_repackaged_at_its_own_keys() {
    let made = plan(ready_made(1080, 1920, 30, 8, 4000));
    assert!(made.repackaged().is_some() && made.is_consistent());
    assert_eq!(made.encoded_rungs().len(), 3);
    assert_eq!(made.segment_starts, vec![0, 30, 90, 150, 210]);
    assert_eq!(made.top().cap_kbps, 4800);
    let mut sparse = ready_made(1080, 1920, 30, 8, 4000);
    coded_of(&mut sparse).keys = [(0, 50), (50, 100), (150, 90)]
        .into_iter()
        .map(|(slot, frames)| KeyPicture { slot, bytes: frames * 16_000 })
        .collect();
    assert_eq!(plan(sparse).segment_starts, vec![0, 50, 150]);
}

#[test]
fn the_cap_of_a_repackaged_rung_is_at_least_what_was_measured() {
    let mut bursts = ready_made(1080, 1920, 30, 8, 4000);
    coded_of(&mut bursts).keys[0].bytes = 750_000;
    let made = plan(bursts);
    assert!(made.repackaged().is_some());
    assert_eq!(made.top().cap_kbps, 6000);
}

#[test]
fn a_single_rung_may_be_repackaged() {
    let small = ready_made(360, 640, 30, 8, 500);
    let made = plan(small);
    assert!(made.repackaged().is_some() && made.encoded_rungs().is_empty() && made.is_consistent());
}

#[test]
fn an_odd_number_of_fast_pictures_is_repackaged_whole() {
    let mut odd = ready_made(720, 1280, 60, 8, 2000);
    coded_of(&mut odd).pictures = 479;
    let made = plan(odd);
    assert!(made.repackaged().is_some());
    assert_eq!(made.total_frames, 479);
    assert_eq!(made.rungs[0].own_frames(&(0..479)), 0..240);
}

#[test]
fn each_thing_that_keeps_a_source_from_being_repackaged_is_named() {
    assert_eq!(why(|v| v.coded = Err(WhyEncoded::Profile)), WhyEncoded::Profile);
    assert_eq!(why(|v| v.colour.matrix = "smpte170m".into()), WhyEncoded::Colour);
    assert_eq!(why(|v| v.colour.full_range = true), WhyEncoded::Colour);
    assert_eq!(why(|v| v.colour.pixel_format = "yuv422p".into()), WhyEncoded::PixelFormat);
    assert_eq!(why(|v| v.colour.bit_depth = 10), WhyEncoded::PixelFormat);
    assert_eq!(why(|v| v.interlaced = true), WhyEncoded::Interlaced);
    assert_eq!(why(|v| v.orientation = Orientation::HalfTurn), WhyEncoded::Geometry);
    assert_eq!(why(|v| v.orientation = Orientation::FlipHorizontal), WhyEncoded::Geometry);
    assert_eq!(why(|v| v.sample_aspect = Ratio::new(4, 3)), WhyEncoded::Geometry);
    assert_eq!(why(|v| (v.width, v.height) = (1440, 2560)), WhyEncoded::Size);
    assert_eq!(why(|v| coded_of(v).height = 1088), WhyEncoded::Size);
    assert_eq!(why(|v| v.rate = Rate::new(120, 1)), WhyEncoded::Rate);
    assert_eq!(why(|v| v.variable_rate = true), WhyEncoded::Uneven);
    assert_eq!(why(|v| coded_of(v).pictures = 300), WhyEncoded::Uneven);
    assert_eq!(why(|v| coded_of(v).pictures = 200), WhyEncoded::SoundGoesOn);
    assert_eq!(why(|v| coded_of(v).keys.truncate(3)), WhyEncoded::Keys);
    assert_eq!(why(|v| coded_of(v).keys.iter_mut().for_each(|k| k.bytes = 700_000)), WhyEncoded::BitRate);
    assert_eq!(why(|v| coded_of(v).keys[0].bytes = 850_000), WhyEncoded::BitRate);
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

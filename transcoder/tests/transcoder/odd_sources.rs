//! Sources at the edge of what is taken: very many pixels, very many pictures, very uneven times.

use estrade_transcoder::plan::Rate;

use crate::{
    Case,
    good_input::{count_frames, seconds, tone_and_pattern},
    media::{loudness_db, make, picture},
    run::{Run, transcode},
};

pub const CASES: &[Case] = &[
    ("pictures_of_33_megapixels_become_a_ladder", pictures_of_33_megapixels_become_a_ladder),
    ("sixty_pictures_a_second_of_8_megapixels_become_a_ladder", sixty_pictures_a_second_of_8_megapixels),
    ("a_long_source_takes_no_more_memory_than_a_short_one", a_long_source_takes_no_more_memory),
    ("a_source_may_begin_at_any_time", a_source_may_begin_at_any_time),
    ("sound_of_many_channels_is_heard", sound_of_many_channels_is_heard),
    ("few_pictures_a_second_leave_no_gap_between_segments", few_pictures_a_second_leave_no_gap),
    ("pictures_a_millisecond_and_seconds_apart_are_shown_at_their_times", pictures_a_millisecond_and_seconds_apart),
    ("the_last_of_uneven_pictures_is_shown_as_long_as_the_one_before", the_last_of_uneven_pictures_is_shown),
];

/// What a child may have resident for so few pictures, which do not fill the encoders' look-ahead; `docs/OPERATIONS.md`
/// has figures of longer clips.
const MOST_BYTES: u64 = 500 << 20;
/// The same where the decoder refers back to four pictures of 50 megabytes.
const MOST_BYTES_8K: u64 = 700 << 20;
/// Longer than a picture at 25 a second and a frame of sound, which ends may be apart.
const A_FRAME_SECS: f64 = 0.04 + 1024.0 / 48_000.0;

/// Sound and pictures of every rung end together.
fn check_ends(run: &Run) {
    let sound = seconds(run, "audio");
    for rung in run.rungs() {
        let pictures = seconds(run, rung);
        assert!((pictures - sound).abs() < A_FRAME_SECS, "{rung} ends at {pictures}, sound at {sound}");
    }
}

fn peak_bytes(run: &Run) -> u64 {
    run.outcome.usage.expect("the child lived to the end").peak_memory_bytes
}

fn check_memory(run: &Run, most: u64) {
    let peak = peak_bytes(run);
    assert!(peak < most, "{} MiB", peak >> 20);
}

fn pictures_of_33_megapixels_become_a_ladder() {
    let run = transcode(&tone_and_pattern("8k.mp4", "7680x4320", "25", "0.24", "-threads 2 -refs 4 -bf 2"));
    assert_eq!((run.outcome.width, run.outcome.height), (1920, 1080));
    assert_eq!(run.plan.source.threads, 1, "every thread holds pictures, which shows in longer clips");
    assert_eq!(run.rungs(), ["v360", "v540", "v720", "v1080"]);
    for rung in run.rungs() {
        assert_eq!(count_frames(&run, rung), 6, "{rung}");
    }
    check_ends(&run);
    check_memory(&run, MOST_BYTES_8K);
}

fn sixty_pictures_a_second_of_8_megapixels() {
    let run = transcode(&tone_and_pattern("4k60.mp4", "3840x2160", "60", "0.4", "-threads 2"));
    assert_eq!((run.outcome.width, run.outcome.height, run.outcome.duration_ms), (1920, 1080, 400));
    let pictures: Vec<u64> = run.rungs().into_iter().map(|rung| count_frames(&run, rung)).collect();
    assert_eq!(pictures, [12, 12, 24, 24], "the small rungs have half of them");
    check_ends(&run);
    check_memory(&run, MOST_BYTES);
}

/// What was read of a source is given back: of a hundred megabytes nothing is held that is not held of ten.
fn a_long_source_takes_no_more_memory() {
    let [few, many] = ["1", "8"].map(|seconds| {
        let made = make(
            "wide.mov",
            &format!(
                "-f lavfi -i testsrc2=size=160x120:rate=25 -f s32le -ar 48000 -ac 64 -i /dev/zero -t {seconds} -c:v libx264 \
                 -preset ultrafast -pix_fmt yuv420p -c:a pcm_s32le"
            ),
        );
        peak_bytes(&transcode(&made))
    });
    assert!(many < few + 40_000_000, "{few} bytes of memory became {many}");
}

/// Some recorders count from 1970.
fn a_source_may_begin_at_any_time() {
    for offset in ["1764316800", "1099511627"] {
        let run = transcode(&make(
            "late.mkv",
            &format!(
                "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -f lavfi -i sine=duration=1 -c:v libx264 \
                 -preset ultrafast -pix_fmt yuv420p -c:a aac -output_ts_offset {offset} -avoid_negative_ts disabled"
            ),
        ));
        assert_eq!(run.outcome.stats.shown_frames, 25, "{offset}");
        assert!(loudness_db(&run.playlist("audio"), "anull") > -40.0, "{offset}: there is sound");
    }
}

/// Nobody says how so many are to be mixed; the first two are what there is in any case.
fn sound_of_many_channels_is_heard() {
    for channels in [9, 17, 24, 64] {
        let tones = vec!["0.3*sin(2*PI*440*t)"; channels].join("|");
        let run = transcode(&make(
            "many.mov",
            &format!(
                "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -f lavfi -i aevalsrc=exprs={tones}:duration=1 \
                 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a pcm_s16le"
            ),
        ));
        assert!(loudness_db(&run.playlist("audio"), "anull") > -40.0, "{channels}: there is sound");
    }
}

fn few_pictures_a_second_leave_no_gap() {
    for rate in ["3", "5", "6", "7", "8"] {
        // What is valid includes that every segment lasts until the next one begins.
        let run = transcode(&make(
            "slides.mp4",
            &format!(
                "-f lavfi -i mandelbrot=size=640x360:rate={rate} -f lavfi -i sine=duration=3 -t 3 -c:v libx264 \
                 -preset ultrafast -pix_fmt yuv420p -c:a aac"
            ),
        ));
        assert!(run.plan.segment_starts.len() > 1, "{rate}");
    }
    // Such a source would be repackaged if it had more pictures a second.
    for rate in [5, 10] {
        let run = transcode(&make(
            "slides_of_ours.mp4",
            &format!(
                "-f lavfi -i mandelbrot=size=320x180:rate={rate} -t 3 -c:v libx264 -preset veryfast -b_strategy 0 -bf 3 \
                 -g {rate} -crf 40 -sc_threshold 0 -pix_fmt yuv420p -color_primaries bt709 -color_trc bt709 \
                 -colorspace bt709 -color_range tv"
            ),
        ));
        assert_eq!(run.plan.repackaged().is_some(), rate > 7, "{rate}: {:?}", run.plan.top_rung);
    }
}

/// Nine pictures, each a little brighter than the one before: four within four milliseconds, two a second later, one a
/// second and a half after that, and two at four seconds. Ticks of 1/57600 s, as some screen recorders write.
const UNEVEN: &str = "-f lavfi -i color=black:size=320x180:rate=30:duration=0.3 \
     -f lavfi -i sine=frequency=440:sample_rate=44100:duration=5 \
     -filter_complex [0]geq=lum='16+24*N':cb=128:cr=128,settb=1/57600,\
setpts='if(lt(N,4),N*80,if(lt(N,6),57600+(N-4)*80,if(lt(N,7),144000,230400+(N-7)*80)))'[v] -map [v] -map 1:a \
     -vsync passthrough -enc_time_base 1:57600 -video_track_timescale 57600 -c:v libx264 -preset ultrafast -bf 0 \
     -pix_fmt yuv420p -c:a aac";

fn pictures_a_millisecond_and_seconds_apart() {
    let run = transcode(&make("recorded.mp4", UNEVEN));
    assert_eq!(run.plan.rate, Rate::new(30, 1), "the even rate of a small rung");
    assert_eq!(count_frames(&run, "v180"), 150, "the last picture is held while the sound goes on");
    check_ends(&run);
    for (secs, number) in [(0.5, 3), (0.95, 3), (1.05, 5), (2.4, 5), (2.55, 6), (3.95, 6), (4.05, 8), (4.8, 8)] {
        let [grey, ..] = picture(&run.playlist("v180"), secs, 4, 4)[5];
        let expected = f64::from(24 * number) * 255.0 / 219.0;
        assert!((f64::from(grey) - expected).abs() < 8.0, "at {secs} s there is {grey}, not {expected}");
    }
}

/// Twelve pictures, each brighter than the one before, 58 or 91 ticks of 1/600 s apart: the last one begins at 902. They
/// are out of order, and then libav takes a tick for the length of each.
const OUT_OF_ORDER: &str = "-f lavfi -i color=black:size=320x180:rate=30:duration=0.4 \
     -filter_complex [0]geq=lum='16+18*N':cb=128:cr=128,settb=1/600,setpts=N*80+11*mod(N\\,3)[v] -map [v] \
     -vsync passthrough -enc_time_base 1:600 -video_track_timescale 600 -c:v libx264 -preset ultrafast -bf 2 \
     -b_strategy 0 -pix_fmt yuv420p";

fn the_last_of_uneven_pictures_is_shown() {
    let made = make("thermal.mp4", OUT_OF_ORDER);
    let run = transcode(&made);
    assert_eq!((run.plan.rate, run.outcome.duration_ms), (Rate::new(10, 1), 1700));
    let [grey, ..] = picture(&run.playlist("v180"), 1.6, 4, 4)[5];
    assert!(grey > 222, "the brightest is the last: {grey}");
}

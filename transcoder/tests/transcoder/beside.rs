//! What people look at beside the stream: storyboard, preview, posters, key pictures, the file to share.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use estrade_transcoder::{
    Options, Resume, make_poster,
    package::{
        INIT_FILE, MovieTrack, check_jpeg, check_webp, movie_head, read_segment, read_track, segment_file, sheet_file,
    },
    plan::Limits,
};
use image::{AnimationDecoder, codecs::webp::WebPDecoder};

use crate::{
    Case,
    media::{Made, decoded, ffprobe, make, picture},
    run::{Run, options, runtime, transcode, try_go_on},
};

pub const CASES: &[Case] = &[
    ("the_storyboard_shows_every_second", the_storyboard_shows_every_second),
    ("the_preview_moves_and_shows_its_seconds", the_preview_moves_and_shows_its_seconds),
    ("a_clip_in_which_nothing_moves_has_a_preview_too", a_clip_in_which_nothing_moves_has_a_preview_too),
    ("a_second_attempt_makes_the_sheets_that_are_missing", a_second_attempt_makes_the_sheets_that_are_missing),
    ("each_key_range_is_one_whole_picture", each_key_range_is_one_whole_picture),
    ("sound_without_pictures_comes_last", sound_without_pictures_comes_last),
    ("a_picked_moment_becomes_a_poster", a_picked_moment_becomes_a_poster),
    ("a_fade_from_black_is_over_in_the_poster", a_fade_from_black_is_over_in_the_poster),
    ("a_later_attempt_makes_a_poster_only_if_it_is_better", a_later_attempt_makes_a_poster_only_if_it_is_better),
    ("a_blurred_start_is_not_the_poster", a_blurred_start_is_not_the_poster),
    ("the_file_to_share_has_every_picture_and_all_sound", the_file_to_share_has_every_picture_and_all_sound),
];

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const YELLOW: [u8; 3] = [255, 255, 0];

/// A second each of red, green, blue and yellow.
fn colours() -> Made {
    let second = |colour: &str| format!("color=c={colour}:s=360x640:r=30:d=1");
    let [a, b, c, d] = ["red", "lime", "blue", "yellow"].map(second);
    make(
        "colours.mp4",
        &format!(
            "-f lavfi -i {a}[a];{b}[b];{c}[c];{d}[d];[a][b][c][d]concat=n=4 \
             -f lavfi -i sine=frequency=440:sample_rate=48000:duration=4 \
             -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac"
        ),
    )
}

#[track_caller]
fn assert_colour(found: [u8; 3], expected: [u8; 3]) {
    let near = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) < 40);
    assert!(near, "{found:?} instead of {expected:?}");
}

fn sheet(run: &Run, chunk: usize) -> std::path::PathBuf {
    run.work.join("storyboard").join(sheet_file(chunk))
}

fn the_storyboard_shows_every_second() {
    let run = transcode(&colours());
    let index = run.outcome.package.storyboard.as_deref().expect("an index");
    let cues: Vec<&str> = index.lines().filter(|line| line.contains("#xywh=")).collect();
    assert_eq!(
        cues,
        [
            "s00000.jpg#xywh=0,0,96,170",
            "s00001.jpg#xywh=0,0,96,170",
            "s00001.jpg#xywh=96,0,96,170",
            "s00001.jpg#xywh=192,0,96,170"
        ]
    );
    assert!(index.contains("00:00:03.000 --> 00:00:04.000"), "{index}");
    assert_eq!(check_jpeg(&fs::read(sheet(&run, 1)).expect("a sheet")), Ok((3 * 96, 170)));
    assert_colour(picture(&sheet(&run, 0), 0.0, 1, 1)[0], RED);
    let second = picture(&sheet(&run, 1), 0.0, 3, 1);
    for (found, expected) in second.into_iter().zip([GREEN, BLUE, YELLOW]) {
        assert_colour(found, expected);
    }
    let stored: Vec<&str> = run.chunks.iter().flat_map(|chunk| &chunk.files).map(|file| file.name.as_str()).collect();
    assert!(stored.contains(&"storyboard/s00001.jpg") && stored.contains(&"preview.webp"), "{stored:?}");
}

fn the_preview_moves_and_shows_its_seconds() {
    let run = transcode(&colours());
    let bytes = fs::read(run.work.join("preview.webp")).expect("a preview");
    assert_eq!(check_webp(&bytes), Ok((200, 354)));
    assert!(bytes.len() < 300_000, "{} bytes", bytes.len());
    let decoder = WebPDecoder::new(Cursor::new(bytes)).expect("a WebP");
    assert!(decoder.has_animation());
    let frames: Vec<image::Frame> = decoder.into_frames().collect_frames().expect("pictures");
    let shown_ms: u32 = frames.iter().map(|frame| frame.delay().numer_denom_ms().0).sum();
    assert!((2900..=3100).contains(&shown_ms), "{shown_ms} ms");
    let colour = |frame: &image::Frame| {
        let [red, green, blue, _] = frame.buffer().get_pixel(100, 177).0;
        [red, green, blue]
    };
    // It shows the chunk after the first second.
    assert_colour(colour(frames.first().expect("a picture")), GREEN);
    assert_colour(colour(frames.last().expect("a picture")), YELLOW);
    assert!(frames.iter().map(colour).any(|found| found[2] > 200 && found[0] < 60), "blue is between them");
}

fn a_clip_in_which_nothing_moves_has_a_preview_too() {
    for (name, secs) in [("still.mp4", "2"), ("moment.mp4", "0.04")] {
        let source = format!("color=c=red:s=360x640:r=25:d={secs}");
        let made = make(name, &format!("-f lavfi -i {source} -c:v libx264 -preset ultrafast -pix_fmt yuv420p"));
        let run = transcode(&made);
        let bytes = fs::read(run.work.join("preview.webp")).expect("a preview");
        assert_eq!(check_webp(&bytes), Ok((200, 354)), "{name}");
        assert!(run.outcome.package.storyboard.is_some(), "{name}");
    }
}

fn a_second_attempt_makes_the_sheets_that_are_missing() {
    let made = colours();
    let first = transcode(&made);
    let mut resumed = options();
    resumed.resume = Some(first.resume_after(1));
    let second = try_go_on(&made, &resumed, &first.facts(1)).expect("a clip");
    assert!(!sheet(&second, 0).exists() && sheet(&second, 1).exists());
    assert_eq!(second.outcome.package.storyboard, first.outcome.package.storyboard);
    assert_colour(picture(&sheet(&second, 1), 0.0, 3, 1)[1], BLUE);
}

fn each_key_range_is_one_whole_picture() {
    let run = transcode(&colours());
    let rendition = run.outcome.package.renditions.iter().find(|rendition| rendition.name == "v360").expect("v360");
    let playlist = rendition.keys_playlist.as_deref().expect("key pictures");
    assert!(playlist.contains("#EXT-X-I-FRAMES-ONLY\n") && playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
    let ranges: Vec<usize> = playlist
        .lines()
        .filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:")?.strip_suffix("@0")?.parse().ok())
        .collect();
    assert_eq!(ranges.len(), rendition.segments.len());
    let folder = run.work.join("v360");
    let init = fs::read(folder.join(INIT_FILE)).expect("an init segment");
    for (segment, length) in ranges.into_iter().enumerate() {
        let bytes = fs::read(folder.join(segment_file(segment))).expect("a segment");
        let one = run.work.join("one.mp4");
        fs::write(&one, [init.as_slice(), &bytes[..length]].concat()).expect("written");
        // Exactly one picture's bytes are there, and they are all there.
        assert_eq!(decoded(&one).len(), 360 * 640 * 3 / 2, "segment {segment}");
        fs::write(&one, [init.as_slice(), &bytes[..length - 1]].concat()).expect("written");
        let packets = ffprobe(&one, "-show_entries packet=size");
        let whole: usize = packets.first().and_then(|size| size.parse().ok()).unwrap_or(0);
        assert!(whole < length, "a byte less is less than the picture");
    }
    let line = run.outcome.package.multivariant.lines().find(|line| line.starts_with("#EXT-X-I-FRAME-STREAM-INF"));
    assert!(line.is_some_and(|line| line.contains("URI=\"v360/keys.m3u8\"")), "{line:?}");
}

fn sound_without_pictures_comes_last() {
    let run = transcode(&colours());
    let multivariant = &run.outcome.package.multivariant;
    let addresses: Vec<&str> = multivariant.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(addresses, ["v360/index.m3u8", "audio/index.m3u8"]);
    let sound = multivariant.lines().rfind(|line| line.starts_with("#EXT-X-STREAM-INF")).expect("a variant");
    assert!(sound.contains("CODECS=\"mp4a.40.2\"") && !sound.contains("RESOLUTION"), "{sound}");
}

/// The poster of a moment, as one point of colour.
fn poster_colour(run: &Run, made: &Made, at_ms: u64) -> [u8; 3] {
    let folder = tempfile::tempdir().expect("a work folder");
    let limits = Limits::default();
    let command = options().command;
    let making = make_poster(folder.path(), &made.source, &command, &limits, &run.plan, at_ms);
    let (bytes, report) = runtime().block_on(making).expect("a poster");
    let file = folder.path().join("made.jpg");
    fs::write(&file, bytes).expect("written");
    assert_eq!((report.width, report.height), (360, 640));
    assert!(!report.thumbhash.is_empty());
    picture(&file, 0.0, 1, 1)[0]
}

fn a_picked_moment_becomes_a_poster() {
    let made = colours();
    let run = transcode(&made);
    for (at_ms, expected) in [(0, RED), (999, RED), (1000, GREEN), (2500, BLUE), (3999, YELLOW), (99_000, YELLOW)] {
        assert_colour(poster_colour(&run, &made, at_ms), expected);
    }
}

/// Mean brightness of a picture, and how much neighbouring points of a row differ.
fn light_and_sharpness(file: &Path) -> (f64, f64) {
    let (width, height) = (180, 320);
    let grey: Vec<f64> = picture(file, 0.0, width, height)
        .iter()
        .map(|rgb| rgb.iter().map(|value| f64::from(*value)).sum::<f64>() / 3.0)
        .collect();
    let count = f64::from(u32::try_from(grey.len()).expect("few"));
    let edges: f64 =
        grey.chunks_exact(width).flat_map(|row| row.windows(2)).map(|pair| (pair[0] - pair[1]).abs()).sum();
    (grey.iter().sum::<f64>() / count, edges / count)
}

fn patterned(name: &str, filter: &str) -> Made {
    make(
        name,
        &format!(
            "-f lavfi -i testsrc2=size=360x640:rate=30:duration=6 -vf {filter} \
             -c:v libx264 -preset ultrafast -pix_fmt yuv420p"
        ),
    )
}

fn a_fade_from_black_is_over_in_the_poster() {
    let plain = transcode(&patterned("plain.mp4", "null"));
    let faded = transcode(&patterned("faded.mp4", "fade=in:0:75"));
    let (light, _) = light_and_sharpness(&poster(&plain));
    let (at_once, _) = light_and_sharpness(&faded.work.join("poster.jpg"));
    let (in_the_end, _) = light_and_sharpness(&poster(&faded));
    assert!(at_once < light * 0.7, "the first chunk has the best of a bad lot: {at_once} of {light}");
    assert!(in_the_end > light * 0.9, "{in_the_end} of {light}");
}

/// The poster in the end.
fn poster(run: &Run) -> PathBuf {
    run.work.join(&run.outcome.poster.as_ref().expect("a poster").file)
}

fn a_later_attempt_makes_a_poster_only_if_it_is_better() {
    let made = patterned("opening.mp4", "drawbox=c=black:t=fill:enable='lt(t,1.2)'");
    let run = transcode(&made);
    let better = run.outcome.poster.as_ref().expect("a poster");
    let resumed = |over| {
        let resume = Resume { poster_over: over, ..run.resume_after(1) };
        let options = Options { resume: Some(resume), ..options() };
        let earlier = [run.chunks[0].facts.clone()];
        try_go_on(&made, &options, &earlier).expect("a clip").outcome.poster
    };
    assert_eq!(resumed(Some(1)).map(|poster| poster.file), Some("poster2.jpg".to_owned()));
    assert_eq!((resumed(Some(better.rank)), resumed(None)), (None, None));
}

fn a_blurred_start_is_not_the_poster() {
    let all = transcode(&patterned("all.mp4", "gblur=sigma=24:steps=3"));
    let start = transcode(&patterned("start.mp4", "gblur=sigma=24:steps=3:enable='lt(t,1.5)'"));
    let (_, all) = light_and_sharpness(&poster(&all));
    let (_, start) = light_and_sharpness(&poster(&start));
    assert!(start > all * 1.3, "{start}, and {all} where everything is blurred");
}

fn the_file_to_share_has_every_picture_and_all_sound() {
    let run = transcode(&colours());
    let names = [("v360", false), ("audio", true)];
    let mut tracks: Vec<MovieTrack> = names
        .iter()
        .map(|(name, is_sound)| {
            let init = fs::read(run.work.join(name).join(INIT_FILE)).expect("an init segment");
            MovieTrack::new(read_track(&init).expect("a track"), *is_sound)
        })
        .collect();
    let mut data = Vec::new();
    for segment in 0..run.plan.segment_starts.len() {
        for ((name, _), track) in names.iter().zip(&mut tracks) {
            let bytes = fs::read(run.work.join(name).join(segment_file(segment))).expect("a segment");
            let read = read_segment(&bytes).expect("samples");
            assert!(track.add(&read, data.len() as u64), "{name} goes on");
            data.extend_from_slice(&bytes[read.data]);
        }
    }
    let head = movie_head(tracks, data.len() as u64).expect("a head");
    let file = run.work.join("clip.mp4");
    fs::write(&file, [head, data].concat()).expect("written");

    assert!(decoded(&file) == decoded(&run.playlist("v360")), "the same pictures in the same order");
    let entries = "-count_frames -show_entries stream=codec_name,nb_read_frames,duration";
    let streams = ffprobe(&file, entries);
    assert_eq!(streams.len(), 2, "{streams:?}");
    assert!(streams[0].starts_with("h264,4.000000,120"), "{streams:?}");
    let sound = ffprobe(&run.playlist("audio"), "-count_frames -show_entries stream=nb_read_frames");
    assert!(streams[1].starts_with("aac,4.0") && streams[1].ends_with(&sound[0]), "{streams:?} {sound:?}");
    let times = |file: &Path| ffprobe(file, "-select_streams v -show_entries packet=pts_time");
    assert_eq!(times(&file), times(&run.playlist("v360")));
}

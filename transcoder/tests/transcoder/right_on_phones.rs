//! What phones do to pictures and times, undone.

use std::path::Path;

use crate::{
    Case,
    good_input::{count_frames, seconds, tone_and_pattern},
    media::{Made, decoded, ffmpeg, ffprobe, make, picture, tone_starts_at},
    run::{Run, options, transcode, try_go_on},
};

pub const CASES: &[Case] = &[
    ("turned_pictures_stand_upright", turned_pictures_stand_upright),
    ("bright_pictures_are_toned_down", bright_pictures_are_toned_down),
    ("full_range_becomes_video_range", full_range_becomes_video_range),
    ("standard_definition_colours_are_kept", standard_definition_colours_are_kept),
    ("the_wide_colours_of_a_screen_are_converted", the_wide_colours_of_a_screen_are_converted),
    ("uneven_times_become_an_even_grid_without_drift", uneven_times_become_an_even_grid),
    ("fast_clips_are_fast_on_large_rungs_only", fast_clips_are_fast_on_large_rungs_only),
    ("fields_are_woven_into_pictures", fields_are_woven_into_pictures),
    ("sound_and_picture_stay_together", sound_and_picture_stay_together),
    ("a_size_that_changes_in_the_middle_is_no_obstacle", a_size_that_changes_in_the_middle),
    ("work_resumes_at_the_first_chunk_not_stored", work_resumes_at_the_first_chunk_not_stored),
];

/// Red, green, blue and white quarters, in reading order.
const QUARTERS: &str = "-f lavfi -i color=red:size=80x60:rate=25:duration=1 \
     -f lavfi -i color=lime:size=80x60:rate=25:duration=1 \
     -f lavfi -i color=blue:size=80x60:rate=25:duration=1 \
     -f lavfi -i color=white:size=80x60:rate=25:duration=1";
const STACKED: &str = "[0][1]hstack[t];[2][3]hstack[b];[t][b]vstack";

/// The colours of the four quarters in reading order, as letters.
pub fn quarters(file: &Path) -> String {
    let at = if file.extension().is_some_and(|kind| kind == "jpg") { 0.0 } else { 0.2 };
    let pixels = picture(file, at, 4, 4);
    [0, 3, 12, 15].into_iter().map(|at| letter(pixels[at])).collect()
}

fn letter([red, green, blue]: [u8; 3]) -> char {
    let most = red.max(green).max(blue);
    let is_strong = |part: u8| part > 64 && u32::from(part) * 10 > u32::from(most) * 7;
    match (is_strong(red), is_strong(green), is_strong(blue)) {
        (true, true, true) => 'W',
        (true, false, false) => 'R',
        (false, true, false) => 'G',
        (false, false, true) => 'B',
        _ => '?',
    }
}

pub fn four_quarters(name: &str, more: &str) -> Made {
    make(name, &format!("{QUARTERS} -filter_complex {STACKED}{more}"))
}

fn turned_pictures_stand_upright() {
    let plain = four_quarters("plain.mp4", " -c:v libx264 -preset ultrafast -pix_fmt yuv420p");
    for (turn, expected, size) in [
        ("0", "RGBW", (160, 120)),
        ("90", "GWRB", (120, 160)),
        ("180", "WBGR", (160, 120)),
        ("270", "BRWG", (120, 160)),
    ] {
        let source = plain.folder.path().join(format!("turned{turn}.mp4"));
        let input = plain.source.display();
        ffmpeg(&format!("-i {input} -c copy -metadata:s:v rotate={turn}"), &source);
        // The command line turns pictures when it reads them: another opinion on what is upright.
        assert_eq!(quarters(&source), expected, "{turn} as others see it");
        let run = transcode(&Made { folder: tempfile::tempdir().expect("a folder"), source });
        assert_eq!((run.outcome.width, run.outcome.height), size, "{turn}");
        assert_eq!(quarters(&run.playlist("v120")), expected, "{turn}");
    }
}

/// A second of four columns, each of one colour: luma and both chromas in ten bits, coded without loss.
fn columns(name: &str, transfer: &str, colours: [[u16; 3]; 4]) -> Made {
    let folder = tempfile::tempdir().expect("a folder");
    let raw = folder.path().join("raw.yuv");
    let row = |plane: usize, width: usize| {
        let row: Vec<u8> = colours.iter().flat_map(|colour| colour[plane].to_le_bytes().repeat(width)).collect();
        row
    };
    let planes = [row(0, 40).repeat(120), row(1, 20).repeat(60), row(2, 20).repeat(60)].concat();
    std::fs::write(&raw, planes.repeat(25)).expect("written");
    let source = folder.path().join(name);
    ffmpeg(
        &format!(
            "-f rawvideo -pix_fmt yuv420p10le -video_size 160x120 -framerate 25 -i {} -c:v libx265 -preset ultrafast \
             -color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc -tag:v hvc1 -x265-params \
             log-level=none:lossless=1:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc",
            raw.display()
        ),
        &source,
    );
    Made { folder, source }
}

/// The columns of a picture in the middle of a rendition, in eight bits.
fn shown_columns(run: &Run) -> [[u8; 3]; 4] {
    let pictures = decoded(&run.playlist("v120"));
    let (luma, chroma) = (160 * 120, 80 * 60);
    let picture = &pictures[12 * (luma + 2 * chroma)..][..luma + 2 * chroma];
    std::array::from_fn(|column| {
        let small = luma + 30 * 80 + 10 + 20 * column;
        [picture[60 * 160 + 20 + 40 * column], picture[small], picture[small + chroma]]
    })
}

fn bright_pictures_are_toned_down() {
    // The grey card (26 cd/m2, shown at 38 %), reference white (203 cd/m2, at 76 %), the brightest light there is
    // (1000 cd/m2, at 100 %) and a red, as decision 6 has them. Ordinary video of the same numbers would show the red
    // and the white of PQ elsewhere, and of HLG the red.
    let red = [600, 440, 580];
    for (name, transfer, greys, shown_red) in [
        ("hlg.mp4", "arib-std-b67", [397, 721, 940], [134, 111, 160]),
        ("pq.mp4", "smpte2084", [397, 573, 723], [131, 93, 195]),
    ] {
        let [card, white, most] = greys.map(|luma| [luma, 512, 512]);
        let run = transcode(&columns(name, transfer, [card, white, most, red]));
        assert_eq!(run.plan.conversion.colour.transfer, transfer);
        let entries =
            "-select_streams v -show_entries stream=pix_fmt,color_range,color_space,color_transfer,color_primaries";
        let tags = ffprobe(&run.playlist("v120"), entries);
        assert_eq!(tags, ["yuv420p,tv,bt709,bt709,bt709"], "{name}");
        let shown = shown_columns(&run);
        let expected = [[99, 128, 128], [182, 128, 128], [235, 128, 128], shown_red];
        let is_close = shown.as_flattened().iter().zip(expected.as_flattened()).all(|(a, b)| a.abs_diff(*b) <= 3);
        assert!(is_close, "{name}: {shown:?} instead of {expected:?}");
    }
}

fn full_range_becomes_video_range() {
    let made = make(
        "full.mp4",
        "-f lavfi -i color=white:size=160x120:rate=25:duration=1 -vf scale=out_range=full,format=yuvj420p \
         -c:v libx264 -preset ultrafast -color_range pc",
    );
    let run = transcode(&made);
    assert!(run.plan.conversion.colour.full_range);
    let range = ffprobe(&run.playlist("v120"), "-select_streams v -show_entries stream=color_range");
    assert_eq!(range, ["tv"]);
    let white = picture(&run.playlist("v120"), 0.2, 4, 4)[5];
    assert!(white.iter().all(|value| *value >= 250), "{white:?}");
}

fn standard_definition_colours_are_kept() {
    let made = four_quarters(
        "sd.mp4",
        ",scale=out_color_matrix=smpte170m -c:v libx264 -preset ultrafast -pix_fmt yuv420p -colorspace smpte170m",
    );
    let run = transcode(&made);
    assert_eq!(run.plan.conversion.colour.matrix, "smpte170m");
    let green = picture(&run.playlist("v120"), 0.2, 4, 4)[3];
    assert!(green[0] < 12 && green[1] > 243 && green[2] < 12, "{green:?}");
}

/// What phones record of their own screens has the primaries of Display P3: the same numbers mean richer colours.
fn the_wide_colours_of_a_screen_are_converted() {
    let made = make(
        "screen.mp4",
        "-f lavfi -i color=0xb45a46:size=160x120:rate=25:duration=1 -vf format=rgb24,scale=out_color_matrix=bt709 -c:v libx264 \
         -preset ultrafast -pix_fmt yuv420p -color_primaries smpte432 -color_trc bt709 -colorspace bt709",
    );
    let run = transcode(&made);
    // From the chromaticities of SMPTE EG 432-1 and ITU-R BT.709, by the transfer of BT.709: (180, 90, 70) in P3.
    let found = picture(&run.playlist("v120"), 0.2, 4, 4)[5];
    let apart = found.into_iter().zip([194, 84, 64]).map(|(found, expected)| found.abs_diff(expected)).max();
    // The way there and back costs up to 4; taken for BT.709, red would be 16 apart.
    assert!(apart <= Some(8), "{found:?}");
}

fn uneven_times_become_an_even_grid() {
    // Every third picture is missing, and the picture turns white at three seconds.
    let made = make(
        "uneven.mp4",
        "-f lavfi -i color=black:size=160x120:rate=30:duration=3 -f lavfi -i color=white:size=160x120:rate=30:duration=2 \
         -filter_complex [0][1]concat,select='mod(n,3)' -vsync vfr -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let run = transcode(&made);
    assert_eq!((run.plan.rate.num, run.plan.rate.den), (30, 1));
    let times = ffprobe(&run.playlist("v120"), "-select_streams v -show_entries frame=pts_time");
    let times: Vec<f64> = times.iter().filter_map(|time| time.parse().ok()).collect();
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 1.0 / 30.0).abs() < 0.001), "{times:?}");
    let is_white = |at: f64| picture(&run.playlist("v120"), at, 2, 2)[0][0] > 128;
    assert!(!is_white(2.9) && is_white(3.1));
}

fn fast_clips_are_fast_on_large_rungs_only() {
    let made = tone_and_pattern("fast.mp4", "720x1280", "60", "1", "-an");
    let run = transcode(&made);
    let counts: Vec<u64> = run.rungs().iter().map(|rung| count_frames(&run, rung)).collect();
    assert_eq!((run.rungs(), counts), (vec!["v360", "v540", "v720"], vec![30, 30, 60]));
}

fn fields_are_woven_into_pictures() {
    let made = make(
        "fields.ts",
        "-f lavfi -i testsrc2=size=160x120:rate=50:duration=2 -vf tinterlace=interleave_top,setfield=tff \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p -flags +ilme+ildct -x264-params tff=1",
    );
    let run = transcode(&made);
    assert!(run.plan.conversion.deinterlace);
    assert_eq!(count_frames(&run, "v120"), 50);
}

fn sound_and_picture_stay_together() {
    // The picture turns white and the tone begins at the same moment, however the file tells its times.
    let whole = make(
        "clap.mkv",
        "-f lavfi -i color=black:size=160x120:rate=30:duration=3 -f lavfi -i color=white:size=160x120:rate=30:duration=2 \
         -f lavfi -i aevalsrc='if(gte(t\\,3)\\,0.5*sin(2*PI*1000*t)\\,0)':sample_rate=44100:duration=5 \
         -filter_complex [0][1]concat[v] -map [v] -map 2 -c:v libx264 -preset ultrafast -g 15 -pix_fmt yuv420p -c:a aac",
    );
    let variants = [
        ("copy.mkv", "-c copy"),
        ("offset.ts", "-c copy -output_ts_offset 7"),
        ("cut.mp4", "-ss 1.1 -c copy"),
        ("late.mp4", "-ss 0.3 -c:v copy -c:a aac -af adelay=0"),
    ];
    for (name, how) in variants {
        let source = whole.folder.path().join(name);
        ffmpeg(&format!("-i {} {how}", whole.source.display()), &source);
        let run = transcode(&Made { folder: tempfile::tempdir().expect("a folder"), source });
        let white = white_from(&run);
        let tone = tone_starts_at(&run.playlist("audio"));
        assert!((white - tone).abs() < 0.045, "{name}: white at {white}, tone at {tone}");
        let (video, audio) = (seconds(&run, "v120"), seconds(&run, "audio"));
        assert!((video - audio).abs() < 0.034, "{name}: ends at {video} and {audio}");
    }
}

/// When the picture turns white.
fn white_from(run: &Run) -> f64 {
    let lines = ffprobe_brightness(run);
    lines.into_iter().find(|(_, mean)| *mean > 128.0).map_or(f64::NAN, |(at, _)| at)
}

/// Times and mean brightness of all pictures.
fn ffprobe_brightness(run: &Run) -> Vec<(f64, f64)> {
    let path = run.playlist("v120");
    let source = format!("movie={},signalstats", path.display());
    let entries = "-f lavfi -show_entries frame=pts_time:frame_tags=lavfi.signalstats.YAVG";
    ffprobe(Path::new(&source), entries)
        .iter()
        .filter_map(|line| {
            let (at, mean) = line.split_once(',')?;
            Some((at.parse().ok()?, mean.parse().ok()?))
        })
        .collect()
}

fn a_size_that_changes_in_the_middle() {
    let first = tone_and_pattern("first.ts", "160x120", "25", "1", "-an");
    let second = tone_and_pattern("second.ts", "320x240", "25", "1", "-an -output_ts_offset 1");
    let both = [&first, &second].map(|made| std::fs::read(&made.source).expect("readable")).concat();
    let run = transcode(&crate::media::bytes("both.ts", &both));
    assert_eq!((run.outcome.width, run.outcome.height), (160, 120));
    assert_eq!(count_frames(&run, "v120"), 50);
}

fn work_resumes_at_the_first_chunk_not_stored() {
    let made = tone_and_pattern("long.mp4", "160x120", "25", "13", "-g 40 -bf 2");
    let whole = transcode(&made);
    assert_eq!(whole.plan.chunks.len(), 3);
    for stored in 1..3 {
        let mut options = options();
        options.resume = Some(whole.resume_after(stored));
        let resumed = try_go_on(&made, &options, &whole.facts(stored)).expect("a resumed clip");
        assert_eq!(resumed.chunks.len(), 3 - stored);
        assert_eq!(resumed.chunks[0].facts.index, stored);
        assert_eq!(resumed.outcome.duration_ms, whole.outcome.duration_ms);
        let (expected, got) = (decoded(&whole.alone("v120", 6)), decoded(&resumed.alone("v120", 6)));
        let difference: u64 = expected.iter().zip(&got).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = difference / expected.len() as u64;
        assert!(expected.len() == got.len() && mean < 4, "{stored} chunks stored: {mean} apart");
    }
}

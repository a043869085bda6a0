//! Every way a file can say how its pictures are to be turned, and which of its pictures are meant.

use crate::{
    Case,
    good_input::{count_frames, tone_and_pattern},
    media::{Made, bytes, ffmpeg, make},
    right_on_phones::{four_quarters, quarters},
    run::transcode,
};

pub const CASES: &[Case] = &[
    ("all_eight_display_matrices_are_undone", all_eight_display_matrices_are_undone),
    ("notes_of_old_files_turn_pictures", notes_of_old_files_turn_pictures),
    ("what_the_codec_says_turns_pictures", what_the_codec_says_turns_pictures),
    ("bright_pictures_are_turned_and_toned_down", bright_pictures_are_turned_and_toned_down),
    ("the_still_of_a_motion_photo_is_not_the_clip", the_still_of_a_motion_photo_is_not_the_clip),
    ("the_default_of_two_video_tracks_is_the_clip", the_default_of_two_video_tracks_is_the_clip),
];

const H264: &str = " -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
const ONE: i32 = 1 << 16;

/// The file with another display matrix in its track header.
fn with_matrix(made: &Made, [a, b, c, d]: [i32; 4]) -> Made {
    let mut file = std::fs::read(&made.source).expect("readable");
    let header = file.windows(4).position(|four| four == b"tkhd").expect("a track header");
    // After name, version, times, track, duration, layer and volume.
    for (cell, value) in [a, b, 0, c, d, 0, 0, 0, 1 << 30].into_iter().enumerate() {
        file[header + 44 + 4 * cell..][..4].copy_from_slice(&value.to_be_bytes());
    }
    bytes("turned.mp4", &file)
}

fn all_eight_display_matrices_are_undone() {
    let plain = four_quarters("plain.mp4", H264);
    for (matrix, expected) in [
        ([ONE, 0, 0, ONE], "RGBW"),
        ([-ONE, 0, 0, ONE], "GRWB"),
        ([ONE, 0, 0, -ONE], "BWRG"),
        ([-ONE, 0, 0, -ONE], "WBGR"),
        ([0, ONE, -ONE, 0], "BRWG"),
        ([0, -ONE, ONE, 0], "GWRB"),
        ([0, ONE, ONE, 0], "RBGW"),
        ([0, -ONE, -ONE, 0], "WGBR"),
    ] {
        let run = transcode(&with_matrix(&plain, matrix));
        assert_eq!(quarters(&run.playlist("v120")), expected, "{matrix:?}");
        assert_eq!(quarters(&run.work.join("poster.jpg")), expected, "{matrix:?} on the poster");
        let size = if matrix[0] == 0 { (120, 160) } else { (160, 120) };
        assert_eq!((run.outcome.width, run.outcome.height), size, "{matrix:?}");
    }
}

fn notes_of_old_files_turn_pictures() {
    let plain = four_quarters("plain.mp4", H264);
    for (note, expected) in [("90", "BRWG"), ("180", "WBGR"), ("270", "GWRB"), ("-90", "GWRB"), ("17", "RGBW")] {
        let source = plain.folder.path().join(format!("noted{note}.mkv"));
        // The command line would turn the note itself into something newer.
        ffmpeg(&format!("-i {} -c copy -metadata:s:v rotatx={note}", plain.source.display()), &source);
        let mut file = std::fs::read(&source).expect("readable");
        let name = file.windows(6).position(|six| six.eq_ignore_ascii_case(b"rotatx")).expect("a note");
        file[name..name + 6].copy_from_slice(b"ROTATE");
        let run = transcode(&bytes("noted.mkv", &file));
        assert_eq!(quarters(&run.playlist("v120")), expected, "{note}");
    }
}

fn what_the_codec_says_turns_pictures() {
    let plain = four_quarters("plain.mp4", H264);
    for (turn, expected) in [("rotate=90", "GWRB"), ("rotate=180", "WBGR"), ("flip=horizontal", "GRWB")] {
        let source = plain.folder.path().join(format!("{}.mp4", turn.replace('=', "")));
        let input = plain.source.display();
        ffmpeg(&format!("-i {input} -c copy -bsf:v h264_metadata=display_orientation=insert:{turn}"), &source);
        let run = transcode(&Made { folder: tempfile::tempdir().expect("a folder"), source });
        assert_eq!(quarters(&run.playlist("v120")), expected, "{turn}");
    }
}

fn bright_pictures_are_turned_and_toned_down() {
    let bright = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc";
    let plain = four_quarters(
        "bright.mp4",
        &format!(
            ",hue=s=0.7,scale=out_color_matrix=bt2020nc:out_range=tv,format=yuv420p10le -c:v libx265 -preset ultrafast \
             -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc \
             -x265-params log-level=none:{bright} -tag:v hvc1"
        ),
    );
    let run = transcode(&with_matrix(&plain, [0, ONE, -ONE, 0]));
    assert_eq!(quarters(&run.playlist("v120")), "BRWG");
    assert_eq!((run.outcome.width, run.outcome.height), (120, 160));
}

fn the_still_of_a_motion_photo_is_not_the_clip() {
    // A large still as a second video track with a picture or two, as phones write it.
    let made = make(
        "motion_photo.mp4",
        "-f lavfi -i color=blue:size=320x240:rate=1:duration=2 -f lavfi -i testsrc2=size=160x120:rate=25:duration=2 \
         -map 0 -map 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let run = transcode(&made);
    assert_eq!((run.outcome.width, run.outcome.height), (160, 120));
    assert_eq!(count_frames(&run, "v120"), 50);
}

fn the_default_of_two_video_tracks_is_the_clip() {
    let small = tone_and_pattern("small.mp4", "160x120", "25", "1", "-an");
    let source = small.folder.path().join("two.mkv");
    ffmpeg(
        &format!(
            "-f lavfi -i testsrc=size=320x240:rate=25:duration=1 -i {} -map 0 -map 1 -c:v libx264 -preset ultrafast \
             -pix_fmt yuv420p -disposition:v:0 0 -disposition:v:1 default",
            small.source.display()
        ),
        &source,
    );
    let run = transcode(&Made { folder: tempfile::tempdir().expect("a folder"), source });
    assert_eq!((run.outcome.width, run.outcome.height), (160, 120));
}

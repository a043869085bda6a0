//! Sources that must not become clips, each with its reason.

use crate::{
    Case,
    good_input::tone_and_pattern,
    media::{bytes, make},
    run::{options, refuse, transcode, try_transcode},
};

pub const CASES: &[Case] = &[
    ("files_that_are_no_videos_are_refused", files_that_are_no_videos_are_refused),
    ("a_playlist_is_not_a_video_whatever_its_name", a_playlist_is_not_a_video),
    ("a_photo_is_not_a_video", a_photo_is_not_a_video),
    ("sound_alone_is_not_a_video", sound_alone_is_not_a_video),
    ("a_cut_file_is_damaged", a_cut_file_is_damaged),
    ("noise_in_the_pictures_is_damage", noise_in_the_pictures_is_damage),
    ("a_long_stretch_without_pictures_is_damage", a_long_stretch_without_pictures_is_damage),
    ("packets_beyond_all_memory_are_not_our_failure", packets_beyond_all_memory_are_not_our_failure),
    ("long_clips_are_refused", long_clips_are_refused),
    ("a_gap_of_hours_is_refused_at_once", a_gap_of_hours_is_refused_at_once),
    ("a_false_duration_in_the_header_is_not_believed", a_false_duration_is_not_believed),
    ("exotic_codecs_are_refused", exotic_codecs_are_refused),
    ("protected_files_are_refused", protected_files_are_refused),
    ("too_many_streams_are_refused", too_many_streams_are_refused),
    ("pictures_beyond_the_limit_are_refused", pictures_beyond_the_limit_are_refused),
];

fn files_that_are_no_videos_are_refused() {
    assert_eq!(refuse(&bytes("clip.mp4", b"")).code(), "empty");
    assert_eq!(refuse(&bytes("clip.mp4", b"this is not a video at all")).code(), "not_a_video");
    assert_eq!(refuse(&bytes("clip.mp4", &[0; 10_000])).code(), "not_a_video");
    assert_eq!(refuse(&bytes("clip.mp4", b"PK\x03\x04zipzipzipzipzipzip")).code(), "not_a_video");
}

fn a_playlist_is_not_a_video() {
    let itself = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsource\n#EXT-X-ENDLIST\n";
    assert_eq!(refuse(&bytes("clip.mp4", itself)).code(), "not_a_video");
    assert_eq!(refuse(&bytes("clip.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n")).code(), "not_a_video");
}

fn a_photo_is_not_a_video() {
    for name in ["photo.png", "photo.jpg"] {
        let made = make(name, "-f lavfi -i testsrc2=size=160x120 -frames:v 1");
        assert_eq!(refuse(&made).code(), "not_a_video", "{name}");
    }
}

fn sound_alone_is_not_a_video() {
    let made = make("sound.mp4", "-f lavfi -i sine=duration=1 -c:a aac");
    assert_eq!(refuse(&made).code(), "no_video_stream");
}

fn a_cut_file_is_damaged() {
    // With the index at the end nothing can be read, with the index at the start much is missing.
    for more in ["", "-movflags +faststart"] {
        let made = tone_and_pattern("whole.mp4", "160x120", "25", "3", more);
        let whole = std::fs::read(&made.source).expect("readable");
        let error = refuse(&bytes("cut.mp4", &whole[..whole.len() / 2]));
        assert_eq!(error.code(), "damaged", "{more}");
        assert!(!error.is_retryable() && error.message().ends_with('.'));
    }
}

fn noise_in_the_pictures_is_damage() {
    let made = tone_and_pattern("whole.mp4", "160x120", "25", "2", "-an");
    let mut noisy = std::fs::read(&made.source).expect("readable");
    let data = noisy.windows(4).position(|four| four == b"mdat").expect("media data") + 4;
    let end = noisy.windows(4).rposition(|four| four == b"moov").expect("an index") - 4;
    noisy[data..end].fill(0x55);
    assert_eq!(refuse(&bytes("noisy.mp4", &noisy)).code(), "damaged");
}

/// More than four fifths can be decoded, but for eleven seconds the picture would stand still.
fn a_long_stretch_without_pictures_is_damage() {
    let made = make("long.mp4", "-f lavfi -i testsrc2=size=64x48:rate=25:duration=80 -c:v libx264 -preset ultrafast");
    let mut noisy = std::fs::read(&made.source).expect("readable");
    let data = noisy.windows(4).position(|four| four == b"mdat").expect("media data") + 4;
    let end = noisy.windows(4).rposition(|four| four == b"moov").expect("an index") - 4;
    let at = |per_cent: usize| data + (end - data) * per_cent / 100;
    noisy[at(46)..at(60)].fill(0x55);
    let error = refuse(&bytes("noisy.mp4", &noisy));
    assert_eq!(error.code(), "damaged");
    assert!(error.to_string().contains(" of 300 pictures"), "{error}");
}

/// Sound whose every sample has half a gigabyte, as its table says: nobody has the memory, and nobody needs it.
fn packets_beyond_all_memory_are_not_our_failure() {
    let clip = tone_and_pattern("clip.mp4", "160x120", "25", "1", "");
    let mut file = std::fs::read(&clip.source).expect("readable");
    let table = file.windows(4).rposition(|four| four == b"stsz").expect("a table of sizes");
    file[table + 8] = 0x20;
    match try_transcode(&bytes("clip.mp4", &file), &options()) {
        Ok(run) => assert_eq!(run.outcome.duration_ms, 1000),
        Err(error) => assert_eq!(error.code(), "damaged", "{error}"),
    }
}

fn long_clips_are_refused() {
    let made = make(
        "long.mp4",
        "-f lavfi -i color=red:size=32x32:rate=2:duration=190 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    assert_eq!(refuse(&made).code(), "too_long");
}

fn a_gap_of_hours_is_refused_at_once() {
    let made = make(
        "gap.mkv",
        "-f lavfi -i color=red:size=32x32:rate=2:duration=4 -vf setpts='if(gt(N\\,3)\\,PTS+100000/TB\\,PTS)' \
         -vsync vfr -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    assert_eq!(refuse(&made).code(), "too_long");
}

fn a_false_duration_is_not_believed() {
    let made = tone_and_pattern("true.mp4", "160x120", "25", "1", "-an");
    let mut false_header = std::fs::read(&made.source).expect("readable");
    for kind in [b"mvhd", b"tkhd", b"mdhd"] {
        let at = false_header.windows(4).position(|four| four == kind).expect("a header");
        // After the name: version and flags, two times, then scale and duration; `tkhd` has its
        // track and a reserved word instead of the scale.
        let duration = if kind == b"tkhd" { at + 24 } else { at + 20 };
        false_header[duration..duration + 4].copy_from_slice(&0x7000_0000u32.to_be_bytes());
    }
    let run = transcode(&bytes("false.mp4", &false_header));
    assert_eq!(run.outcome.duration_ms, 1000);
}

fn exotic_codecs_are_refused() {
    let made = make("exotic.mkv", "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -c:v ffv1");
    let error = refuse(&made);
    assert_eq!(error.code(), "unsupported_codec");
    assert!(error.to_string().contains("ffv1"), "{error}");
}

fn protected_files_are_refused() {
    let made = tone_and_pattern(
        "protected.mp4",
        "160x120",
        "25",
        "1",
        "-an -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb \
         -encryption_kid a7e61c373e219033c21091fa607bf3b8",
    );
    assert_eq!(refuse(&made).code(), "encrypted");
}

fn too_many_streams_are_refused() {
    let maps = "-map 0 ".repeat(20);
    let made = make(
        "many.mkv",
        &format!("-f lavfi -i sine=duration=1 -f lavfi -i color=red:size=32x32:duration=1 {maps} -map 1 -c:a aac"),
    );
    assert_eq!(refuse(&made).code(), "too_many_streams");
}

fn pictures_beyond_the_limit_are_refused() {
    let made = make(
        "huge.mp4",
        "-f lavfi -i color=red:size=8192x8192:rate=1:duration=1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    assert_eq!(refuse(&made).code(), "too_large");
}

//! Sources that must become clips, and right ones.

use estrade_transcoder::package::assemble;

use crate::{
    Case,
    media::{Made, bytes_of, ffprobe, loudness_db, make, picture},
    run::{Run, transcode},
};

pub const CASES: &[Case] = &[
    ("an_ordinary_clip_becomes_a_ladder_with_sound", an_ordinary_clip_becomes_a_ladder_with_sound),
    ("key_pictures_are_where_segments_begin_on_every_rung", key_pictures_are_where_segments_begin),
    ("a_tiny_clip_gets_one_rung_of_its_own_size", a_tiny_clip_gets_one_rung_of_its_own_size),
    ("odd_sides_become_even", odd_sides_become_even),
    ("wide_pixels_become_square", wide_pixels_become_square),
    ("silent_clips_have_no_audio_rendition", silent_clips_have_no_audio_rendition),
    ("one_channel_is_heard_on_both_sides", one_channel_is_heard_on_both_sides),
    ("surround_sound_becomes_stereo", surround_sound_becomes_stereo),
    ("pictures_in_another_codec_are_taken", pictures_in_another_codec_are_taken),
    ("a_clip_of_a_few_pictures_is_a_clip", a_clip_of_a_few_pictures_is_a_clip),
    ("cover_art_is_not_the_clip", cover_art_is_not_the_clip),
    ("nothing_of_the_metadata_survives", nothing_of_the_metadata_survives),
    ("the_poster_is_not_the_first_black_picture", the_poster_is_not_the_first_black_picture),
];

/// A small source with a moving picture and a tone.
pub fn tone_and_pattern(name: &str, size: &str, rate: &str, secs: &str, more: &str) -> Made {
    make(
        name,
        &format!(
            "-f lavfi -i testsrc2=size={size}:rate={rate}:duration={secs} \
             -f lavfi -i sine=frequency=440:sample_rate=44100:duration={secs} \
             -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac {more}"
        ),
    )
}

pub fn count_frames(run: &Run, rung: &str) -> u64 {
    let lines = ffprobe(&run.playlist(rung), "-count_frames -select_streams v -show_entries stream=nb_read_frames");
    lines[0].parse().expect("a number of pictures")
}

pub fn seconds(run: &Run, rendition: &str) -> f64 {
    let entries = "-show_entries packet=pts_time,duration_time";
    ffprobe(&run.playlist(rendition), entries)
        .iter()
        .map(|line| line.split(',').filter_map(|field| field.parse::<f64>().ok()).sum())
        .fold(0.0, f64::max)
}

fn an_ordinary_clip_becomes_a_ladder_with_sound() {
    let run = transcode(&tone_and_pattern("clip.mp4", "540x960", "30", "3.5", ""));
    assert_eq!(run.rungs(), ["v360", "v540"]);
    assert_eq!((run.outcome.width, run.outcome.height, run.outcome.duration_ms), (540, 960, 3500));
    assert!(run.outcome.has_audio && run.outcome.package.complete);
    for rung in run.rungs() {
        assert_eq!(count_frames(&run, rung), 105, "{rung}");
    }
    for rendition in &run.outcome.package.renditions {
        assert!(rendition.init_bytes <= 1024, "{} init", rendition.name);
        assert_eq!(rendition.segments.len(), 3);
        assert!(rendition.playlist.ends_with("#EXT-X-ENDLIST\n"));
    }
    assert!((seconds(&run, "audio") - 3.5).abs() < 0.0214, "{}", seconds(&run, "audio"));
    let first = assemble(&run.plan, &run.facts(1)).expect("the first chunk can be published");
    assert!(!first.complete);
    assert!(first.multivariant.contains("v540") && first.multivariant.contains("v360"));
    let codecs = ffprobe(&run.work.join("index.m3u8"), "-show_entries stream=codec_name,sample_rate,channels");
    assert!(codecs.contains(&"aac,48000,2".to_owned()) && codecs.contains(&"h264".to_owned()), "{codecs:?}");
}

fn key_pictures_are_where_segments_begin() {
    // A picture that changes completely every half second tempts the encoder to more key pictures.
    let made = make(
        "cuts.mp4",
        "-f lavfi -i testsrc2=size=406x720:rate=60:duration=4 -vf hue=h='360*floor(2*t)/3' \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let run = transcode(&made);
    assert_eq!(run.rungs(), ["v360", "v406"]);
    for rung in run.rungs() {
        let keys: Vec<String> = ffprobe(&run.playlist(rung), "-select_streams v -show_entries packet=pts_time,flags")
            .into_iter()
            .filter(|line| line.contains('K'))
            .map(|line| line.split(',').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(keys, ["0.000000", "1.000000", "3.000000"], "{rung}");
    }
}

fn a_tiny_clip_gets_one_rung_of_its_own_size() {
    let run = transcode(&tone_and_pattern("tiny.mp4", "120x200", "25", "1", ""));
    assert_eq!(run.rungs(), ["v120"]);
    assert_eq!((run.outcome.width, run.outcome.height), (120, 200));
}

fn odd_sides_become_even() {
    let made = make(
        "odd.webm",
        "-f lavfi -i testsrc2=size=161x121:rate=25:duration=1 -c:v libvpx-vp9 -deadline realtime -cpu-used 8",
    );
    let run = transcode(&made);
    assert_eq!((run.outcome.width, run.outcome.height), (160, 120));
    assert_eq!(count_frames(&run, "v120"), 25);
}

fn wide_pixels_become_square() {
    let run = transcode(&tone_and_pattern("wide.mp4", "120x120", "25", "1", "-vf setsar=2/1"));
    assert_eq!((run.outcome.width, run.outcome.height), (240, 120));
    let aspect = ffprobe(&run.playlist("v120"), "-select_streams v -show_entries stream=sample_aspect_ratio");
    assert_eq!(aspect, ["1:1"]);
}

fn silent_clips_have_no_audio_rendition() {
    let run = transcode(&tone_and_pattern("silent.mp4", "160x120", "25", "1", "-an"));
    assert!(!run.outcome.has_audio && !run.outcome.package.multivariant.contains("AUDIO"));
    assert!(!run.outcome.package.multivariant.contains("mp4a"));
}

fn one_channel_is_heard_on_both_sides() {
    let made = tone_and_pattern("mono.mp4", "160x120", "25", "2", "-ac 1");
    let run = transcode(&made);
    let [left, right] = ["c0", "c1"].map(|side| loudness_db(&run.playlist("audio"), &format!("pan=mono|c0={side}")));
    assert!(left > -20.0 && (left - right).abs() < 0.1, "{left} and {right} dB");
}

fn surround_sound_becomes_stereo() {
    // Six tones, of which the centre must be heard on both sides.
    let made = make(
        "surround.mkv",
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2 \
         -f lavfi -i aevalsrc=0|0|0.5*sin(2*PI*440*t)|0|0|0:channel_layout=5.1:duration=2 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a ac3",
    );
    let run = transcode(&made);
    assert_eq!(ffprobe(&run.playlist("audio"), "-show_entries stream=channels"), ["2"]);
    for side in ["c0", "c1"] {
        let heard = loudness_db(&run.playlist("audio"), &format!("pan=mono|c0={side}"));
        assert!(heard > -25.0, "{side}: {heard} dB");
    }
}

fn pictures_in_another_codec_are_taken() {
    // The command line's AVI has an empty slot after its first picture, which is filled.
    let sources = [
        ("hevc.mp4", 25, "-c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1"),
        ("vp8.webm", 25, "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis"),
        ("av1.mp4", 25, "-c:v libsvtav1 -preset 12"),
        ("mpeg4.avi", 26, "-c:v mpeg4 -c:a libmp3lame"),
        ("clip.ts", 25, "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -bf 2"),
    ];
    for (name, frames, codec) in sources {
        let made = make(
            name,
            &format!(
                "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 \
                 -f lavfi -i sine=frequency=440:duration=1 {codec}"
            ),
        );
        let run = transcode(&made);
        assert_eq!(count_frames(&run, "v120"), frames, "{name}");
        assert!(run.outcome.has_audio, "{name}");
    }
}

fn a_clip_of_a_few_pictures_is_a_clip() {
    let run = transcode(&tone_and_pattern("short.mp4", "160x120", "25", "0.12", "-an"));
    assert_eq!(count_frames(&run, "v120"), 3);
    assert_eq!(run.outcome.duration_ms, 120);
}

fn cover_art_is_not_the_clip() {
    let made = make(
        "cover.mp4",
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -f lavfi -i color=red:size=640x640:rate=25:duration=0.04 \
         -map 0 -map 1 -c:v:0 libx264 -preset ultrafast -pix_fmt yuv420p -c:v:1 mjpeg \
         -disposition:v:1 attached_pic",
    );
    let run = transcode(&made);
    assert_eq!((run.outcome.width, run.outcome.height), (160, 120));
}

fn nothing_of_the_metadata_survives() {
    let made = tone_and_pattern(
        "tagged.mov",
        "160x120",
        "25",
        "1.5",
        "-movflags use_metadata_tags -metadata com.apple.quicktime.location.ISO6709=+48.8584+002.2945+035/ \
         -metadata location=+48.8584+002.2945/ -metadata make=Phonemaker -metadata title=Secrettitle",
    );
    let source = std::fs::read(&made.source).expect("readable");
    let run = transcode(&made);
    let outputs = bytes_of(&run.work, &["source"]);
    assert!(outputs.len() >= 8, "{} files", outputs.len());
    for needle in ["+48.8584", "Phonemaker", "Secrettitle"] {
        assert!(contains(&source, needle), "the source lacks {needle}");
        assert!(outputs.iter().all(|(_, bytes)| !contains(bytes, needle)), "{needle} survived");
    }
    for needle in ["x264", "Lavc", "Lavf"] {
        assert!(outputs.iter().all(|(_, bytes)| !contains(bytes, needle)), "{needle} is named");
    }
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn the_poster_is_not_the_first_black_picture() {
    let made = make(
        "fade.mp4",
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -vf fade=in:st=1.5:d=1 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let run = transcode(&made);
    let poster = run.outcome.poster.as_ref().expect("a poster");
    assert_eq!((poster.width, poster.height), (160, 120));
    assert!((5..=40).contains(&poster.thumbhash.len()));
    let pixels = picture(&run.work.join(&poster.file), 0.0, 16, 12);
    let bright = pixels.iter().filter(|rgb| rgb.iter().any(|value| *value > 100)).count();
    assert!(bright * 2 > pixels.len(), "{bright} of {} pixels are bright", pixels.len());
}

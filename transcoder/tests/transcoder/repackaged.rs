//! Sources whose own pictures become the largest rung.

use std::path::Path;

use estrade_transcoder::{
    Options, Resume, TranscodeError,
    package::ChunkFacts,
    plan::{TopRung, WhyEncoded},
};

use crate::{
    Case,
    media::{Made, bytes_of, ffmpeg, ffprobe, make},
    run::{Run, options, transcode, try_go_on, try_transcode},
};

pub const CASES: &[Case] = &[
    ("a_source_that_fits_is_repackaged_picture_for_picture", a_source_that_fits_is_repackaged),
    ("a_repackaged_rung_is_shown_when_the_others_are", a_repackaged_rung_is_shown_when_the_others_are),
    ("segments_follow_the_source_on_all_rungs", segments_follow_the_source_on_all_rungs),
    ("packets_of_other_containers_are_repackaged_too", packets_of_other_containers_are_repackaged_too),
    ("a_repackaged_clip_resumes_with_the_same_bytes", a_repackaged_clip_resumes_with_the_same_bytes),
    ("a_single_rung_is_repackaged_and_still_has_a_poster", a_single_rung_is_repackaged),
    ("only_pictures_are_passed_on", only_pictures_are_passed_on),
    ("what_does_not_fit_is_encoded_and_says_why", what_does_not_fit_is_encoded),
    ("damage_in_the_first_chunk_is_found_and_encoded", damage_in_the_first_chunk_is_found),
    ("damage_in_a_later_chunk_begins_anew", damage_in_a_later_chunk_begins_anew),
];

/// Colours as our own encodes declare them.
const BT709: &str = "-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv";
/// Key pictures every second, closed, with pictures out of order.
const CLOSED: &str = "-c:v libx264 -preset veryfast -g 30 -bf 2 -sc_threshold 0 -pix_fmt yuv420p";

/// A moving picture with a tone that the largest rung takes as it is; `more` may spoil that.
fn ready(name: &str, size: &str, secs: &str, kbps: u32, more: &str) -> Made {
    make(
        name,
        &format!(
            "-f lavfi -i testsrc2=size={size}:rate=30:duration={secs} \
             -f lavfi -i sine=frequency=440:sample_rate=48000:duration={secs} \
             {CLOSED} -b:v {kbps}k -maxrate {kbps}k -bufsize {kbps}k {BT709} -c:a aac {more}"
        ),
    )
}

fn is_repackaged(run: &Run) -> bool {
    matches!(run.plan.top_rung, TopRung::Repackaged { .. })
}

/// All pictures of a file, as many as there are.
fn pictures(file: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let raw = folder.path().join("pictures.yuv");
    ffmpeg(&format!("-i {} -an -vsync passthrough -pix_fmt yuv420p -f rawvideo", file.display()), &raw);
    std::fs::read(&raw).expect("readable")
}

fn presentation_times(file: &Path) -> Vec<String> {
    let mut times = ffprobe(file, "-select_streams v -show_entries packet=pts_time");
    times.sort_by(|a, b| a.parse::<f64>().expect("a time").total_cmp(&b.parse().expect("a time")));
    times
}

/// Numbers of the key pictures of a file at 30 pictures a second.
fn key_frames(file: &Path) -> Vec<String> {
    let packets = ffprobe(file, "-select_streams v -show_entries packet=pts_time,flags");
    let keys = packets.iter().filter(|line| line.contains('K')).filter_map(|line| line.split(',').next());
    keys.map(|time| format!("{:.0}", time.parse::<f64>().expect("a time") * 30.0)).collect()
}

fn a_source_that_fits_is_repackaged() {
    let made = ready("ready.mp4", "540x960", "3.5", 1000, "");
    let run = transcode(&made);
    assert!(is_repackaged(&run), "{:?}", run.plan.top_rung);
    assert_eq!(run.rungs(), ["v360", "v540"]);
    assert!(pictures(&run.playlist("v540")) == pictures(&made.source), "the pictures are not the same");
    let top = run.outcome.package.renditions.iter().find(|r| r.name == "v540").expect("the rung");
    assert!(top.init_bytes <= 1024 && top.codecs.starts_with("avc1.64"), "{} {}", top.init_bytes, top.codecs);
    assert_eq!(run.outcome.stats.decoded_frames, 105);
}

fn a_repackaged_rung_is_shown_when_the_others_are() {
    let run = transcode(&ready("ready.mp4", "540x960", "3.5", 1000, ""));
    assert!(is_repackaged(&run));
    let (small, top) = (presentation_times(&run.playlist("v360")), presentation_times(&run.playlist("v540")));
    assert_eq!(top.len(), 105);
    assert_eq!(top[0], "0.000000");
    assert_eq!(small, top);
}

fn segments_follow_the_source_on_all_rungs() {
    let made = ready("sparse.mp4", "540x960", "7", 1000, "-g 50 -force_key_frames 0,1.5,4.2");
    let run = transcode(&made);
    assert!(is_repackaged(&run), "{:?}", run.plan.top_rung);
    let starts: Vec<String> = run.plan.segment_starts.iter().map(ToString::to_string).collect();
    assert_eq!(key_frames(&run.playlist("v360")), starts);
    let keys = key_frames(&made.source);
    assert!(starts.iter().all(|start| keys.contains(start)), "{starts:?} of {keys:?}");
    let targets: Vec<&str> = run.outcome.package.renditions.iter().filter_map(|r| target(&r.playlist)).collect();
    assert_eq!(targets.len(), 3);
    assert!(targets.iter().all(|target| *target == targets[0]), "{targets:?}");
}

fn target(playlist: &str) -> Option<&str> {
    playlist.lines().find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:"))
}

fn packets_of_other_containers_are_repackaged_too() {
    for name in ["ready.mov", "ready.mkv", "ready.ts"] {
        let made = ready(name, "240x426", "2.5", 200, "");
        let run = transcode(&made);
        assert!(is_repackaged(&run), "{name}: {:?}", run.plan.top_rung);
        assert!(pictures(&run.playlist("v240")) == pictures(&made.source), "{name}");
    }
}

fn a_repackaged_clip_resumes_with_the_same_bytes() {
    let made = ready("long.mp4", "240x426", "13", 200, "");
    let whole = transcode(&made);
    assert!(is_repackaged(&whole), "{:?}", whole.plan.top_rung);
    assert_eq!(whole.chunks.len(), 3);
    for stored in [1, 2] {
        let options = Options { resume: Some(whole.resume_after(stored)), ..options() };
        let rest = try_transcode_rest(&made, &options, &whole.facts(stored));
        let files = rest.chunks.iter().flat_map(|ready| &ready.files);
        let made_again: Vec<_> = files.filter(|file| file.name.starts_with("v240")).collect();
        assert!(!made_again.is_empty());
        for file in made_again {
            let [first, again] = [&whole, &rest].map(|run| std::fs::read(run.work.join(&file.name)).expect("a file"));
            assert!(first == again, "{} after {stored} chunks", file.name);
        }
    }
}

fn try_transcode_rest(made: &Made, options: &Options, earlier: &[ChunkFacts]) -> Run {
    try_go_on(made, options, earlier).unwrap_or_else(|error| panic!("no clip: {error}"))
}

fn a_single_rung_is_repackaged() {
    let made = ready("small.mp4", "240x426", "2", 200, "-an");
    let run = transcode(&made);
    assert!(is_repackaged(&run) && run.plan.encoded_rungs().is_empty());
    assert!(run.outcome.poster.is_some());
    assert!(pictures(&run.playlist("v240")) == pictures(&made.source));
}

fn only_pictures_are_passed_on() {
    let made = ready("named.mp4", "240x426", "1.5", 200, "-aud 1 -metadata title=Secrettitle");
    let source = std::fs::read(&made.source).expect("readable");
    let run = transcode(&made);
    assert!(is_repackaged(&run));
    for needle in ["x264", "Secrettitle"] {
        assert!(contains(&source, needle), "the source lacks {needle}");
        let outputs = bytes_of(&run.work, &["source"]);
        assert!(outputs.iter().all(|(_, bytes)| !contains(bytes, needle)), "{needle} survived");
    }
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn what_does_not_fit_is_encoded() {
    let cases = [
        ("far.mp4", "-g 300", WhyEncoded::Keys),
        ("open.mp4", "-x264-params open-gop=1:keyint=30:bframes=3", WhyEncoded::Keys),
        ("colourful.mp4", "-profile:v high422 -pix_fmt yuv422p", WhyEncoded::Profile),
        ("deep.mp4", "-pix_fmt yuv420p10le", WhyEncoded::Profile),
        ("sd.mp4", "-color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m", WhyEncoded::Colour),
        ("full.mp4", "-color_range pc", WhyEncoded::Colour),
        ("fields.mp4", "-flags +ildct+ilme -x264-params tff=1", WhyEncoded::Interlaced),
        ("wide.mp4", "-vf setsar=2/1", WhyEncoded::Geometry),
        ("rich.mp4", "-b:v 3000k -maxrate 3000k -bufsize 3000k -crf 5", WhyEncoded::BitRate),
        ("fast.mp4", "-r 60 -g 60", WhyEncoded::Rate),
        ("other.mp4", "-c:v mpeg4", WhyEncoded::Codec),
    ];
    for (name, more, why) in cases {
        let run = transcode(&ready(name, "240x424", "4.5", 200, &format!("-an {more}")));
        assert_eq!(run.plan.top_rung, TopRung::Encoded { why }, "{name}");
    }
}

/// Overwrites the middle of the packet shown at `seconds`.
fn damage(made: &Made, seconds: &str) {
    let packets = ffprobe(&made.source, "-select_streams v -show_entries packet=pts_time,size,pos");
    let packet = packets.iter().find(|line| line.starts_with(seconds)).expect("a packet");
    let numbers: Vec<usize> = packet.split(',').skip(1).map(|field| field.parse().expect("a number")).collect();
    let (size, at) = (numbers[0], numbers[1]);
    let mut bytes = std::fs::read(&made.source).expect("readable");
    for (index, byte) in bytes[at + size / 3..at + size * 2 / 3].iter_mut().enumerate() {
        *byte = u8::try_from(index * 37 % 251).expect("below 251");
    }
    std::fs::write(&made.source, bytes).expect("writable");
}

fn damage_in_the_first_chunk_is_found() {
    let made = ready("damaged.mp4", "240x426", "3", 200, "-an");
    damage(&made, "0.000000");
    let run = transcode(&made);
    assert_eq!(run.plan.top_rung, TopRung::Encoded { why: WhyEncoded::Decoding });
    assert_eq!(run.chunks.len(), 2);
}

fn damage_in_a_later_chunk_begins_anew() {
    let made = ready("damaged.mp4", "240x426", "3", 200, "-an");
    damage(&made, "2.000000");
    let error = try_transcode(&made, &options()).err().expect("an error");
    let TranscodeError::Replanned { plan, .. } = error else { panic!("{error}") };
    assert_eq!(plan.top_rung, TopRung::Encoded { why: WhyEncoded::Decoding });
    let resume = Resume { plan: *plan, first_chunk: 0, inits: Vec::new(), poster_over: Some(0) };
    let run = try_transcode_rest(&made, &Options { resume: Some(resume), ..options() }, &[]);
    assert!(run.outcome.package.complete);
}

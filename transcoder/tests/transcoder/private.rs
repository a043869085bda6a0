//! What a source says about places, devices and people, and that none of it comes out.

use crate::{
    Case,
    good_input::tone_and_pattern,
    media::{Made, bytes, bytes_of, ffmpeg},
    run::{Run, transcode},
};

pub const CASES: &[Case] = &[
    ("notes_of_every_kind_are_left_behind", notes_of_every_kind_are_left_behind),
    ("what_the_codec_carries_is_left_behind", what_the_codec_carries_is_left_behind),
    ("a_cover_and_its_notes_are_left_behind", a_cover_and_its_notes_are_left_behind),
];

const PLACE: &str = "+48.8584+002.2945";
const DEVICE: &str = "Phonemaker9000";
const PERSON: &str = "Nora-Nameless";

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Nothing of it in any file made, nor in any name, nor in what is told about the clip.
fn assert_absent(made: &Made, run: &Run, needles: &[&str]) {
    let source = std::fs::read(&made.source).expect("readable");
    let outputs = bytes_of(&run.work, &["source"]);
    assert!(outputs.len() >= 8, "{} files", outputs.len());
    let told = format!("{:?} {:?} {}", run.outcome, run.chunks, serde_json::to_string(&run.plan).expect("JSON"));
    for needle in needles {
        assert!(contains(&source, needle.as_bytes()), "the source lacks {needle}");
        for (path, bytes) in &outputs {
            assert!(!contains(bytes, needle.as_bytes()), "{needle} survived in {}", path.display());
            assert!(!path.to_string_lossy().contains(needle), "{needle} survived in a name");
        }
        assert!(!told.contains(needle), "{needle} is told");
    }
}

/// A box with a four-letter name.
fn boxed(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).expect("a small box").to_be_bytes();
    [&size[..], &name, content].concat()
}

fn notes_of_every_kind_are_left_behind() {
    // User data and keys in the movie header, tags on tracks and chapters, a track of telemetry,
    // and an XMP packet beside it all.
    let clip = tone_and_pattern("clip.mp4", "160x120", "25", "1.5", "");
    let subtitles = clip.folder.path().join("telemetry.srt");
    let line = format!("1\n00:00:00,000 --> 00:00:01,000\nGPS5 {PLACE}\n");
    std::fs::write(&subtitles, line).expect("written");
    let chapters = clip.folder.path().join("chapters.txt");
    let chapter = format!(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle={PERSON}\n");
    std::fs::write(&chapters, chapter).expect("written");
    let tagged = clip.folder.path().join("tagged.mov");
    ffmpeg(
        &format!(
            "-i {} -i {} -i {} -map 0 -map 1 -map_metadata 2 -map_chapters 2 -c copy -c:s mov_text \
             -movflags use_metadata_tags -metadata com.apple.quicktime.location.ISO6709={PLACE}+035/ \
             -metadata com.apple.quicktime.model={DEVICE} -metadata location={PLACE}/ -metadata artist={PERSON} \
             -metadata:s:v handler_name={DEVICE} -metadata:s:a title={PERSON} -metadata creation_time=2026-01-02T03:04:05Z",
            clip.source.display(),
            subtitles.display(),
            chapters.display(),
        ),
        &tagged,
    );
    let xmp = format!("<x:xmpmeta><exif:GPS>{PLACE}</exif:GPS><dc:creator>{PERSON}</dc:creator></x:xmpmeta>");
    let uuid = [0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC];
    let user = boxed(*b"udta", &boxed(*b"\xA9xyz", &[&[0, 18, 0x15, 0xC7], PLACE.as_bytes(), b"/"].concat()));
    let packet = boxed(*b"uuid", &[&uuid[..], xmp.as_bytes()].concat());
    let whole = [std::fs::read(&tagged).expect("readable"), packet, user].concat();
    let made = bytes("tagged.mov", &whole);
    let run = transcode(&made);
    assert_absent(&made, &run, &[PLACE, DEVICE, PERSON, "GPS5", "xmpmeta"]);
}

fn what_the_codec_carries_is_left_behind() {
    // Messages between pictures: x264's own, and one of a camera.
    let clip = tone_and_pattern("clip.mp4", "160x120", "25", "1.5", "-g 25 -bf 0");
    let source = clip.folder.path().join("messages.mp4");
    let message = format!("086f3693-b7b3-4f2c-9653-21492feee5b8+{DEVICE}@{PLACE}");
    ffmpeg(&format!("-i {} -c copy -bsf:v h264_metadata=sei_user_data={message}", clip.source.display()), &source);
    let made = Made { folder: clip.folder, source };
    let run = transcode(&made);
    assert_absent(&made, &run, &[PLACE, DEVICE, "x264"]);
}

fn a_cover_and_its_notes_are_left_behind() {
    let clip = tone_and_pattern("clip.mp4", "160x120", "25", "1.5", "");
    let cover = clip.folder.path().join("cover.jpg");
    ffmpeg("-f lavfi -i color=red:size=64x64 -frames:v 1", &cover);
    // A photo's notes: an APP1 segment after the start of the picture.
    let picture = std::fs::read(&cover).expect("readable");
    let notes = [b"Exif\0\0", DEVICE.as_bytes(), PLACE.as_bytes()].concat();
    let length = u16::try_from(notes.len() + 2).expect("short").to_be_bytes();
    std::fs::write(&cover, [&picture[..2], &[0xFF, 0xE1], &length, &notes, &picture[2..]].concat()).expect("written");
    let source = clip.folder.path().join("covered.mp4");
    ffmpeg(
        &format!(
            "-i {} -i {} -map 0 -map 1 -c copy -disposition:v:1 attached_pic",
            clip.source.display(),
            cover.display()
        ),
        &source,
    );
    let made = Made { folder: clip.folder, source };
    let run = transcode(&made);
    assert_absent(&made, &run, &[PLACE, DEVICE]);
    assert_eq!((run.outcome.width, run.outcome.height), (160, 120));
}

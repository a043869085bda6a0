//! A child that lies: it knows the protocol, has the files of a good run, and spoils one thing.
//!
//! The parent must notice whatever it is, before anything would be stored.

use std::{
    fs,
    io::{self, BufRead, Write},
    os::unix::fs::symlink,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use estrade_transcoder::{
    Options, Resume,
    media::StageTimes,
    package::ChunkFacts,
    sandbox::{ChildCommand, ChildLimits, Event},
};

use crate::{
    Case,
    good_input::tone_and_pattern,
    media::bytes,
    run::{options, transcode, try_transcode},
};

pub const CASES: &[Case] = &[
    ("a_child_that_spoils_its_output_is_found_out", a_spoiling_child_is_found_out),
    ("what_is_written_after_the_check_is_told_apart", what_is_written_after_the_check_is_told_apart),
];

/// The argument that makes the test binary the liar; then the lie, the folder of the good run, and its facts.
pub const LIAR_ARGUMENT: &str = "transcode-liar";

/// What is spoiled of the pictures.
const SEGMENT: &str = "v120/s00000.m4s";
const INIT: &str = "v120/init.mp4";

/// What is spoiled, and what the parent says to it.
const LIES: [(&str, &str); 21] = [
    ("symlink", "is a link"),
    ("folder-symlink", "is a link"),
    ("folder", "not a file"),
    ("larger", "another size"),
    ("huge-claim", "too large"),
    ("strange-box", "box \"free\" does not belong"),
    ("place", "ftyp, moov"),
    ("cut", "another size"),
    ("wrong-time", "where it belongs"),
    ("information", "slices"),
    ("no-key", "index says"),
    ("elsewhere", "begin where it belongs"),
    ("short-lengths", "decoder's record"),
    ("other-name", "missing"),
    ("twice", "out of turn"),
    ("another", "other renditions"),
    ("codec", "incomplete"),
    ("sheet-place", "JPEG marker e1"),
    ("preview-place", "EXIF"),
    ("silence", "silent"),
    ("many-files", "filled its folder"),
];

/// The liar's life.
pub fn liar_main(arguments: &[String]) -> ExitCode {
    let [lie, good, facts, ..] = arguments else { return ExitCode::from(2) };
    let chunks: Vec<ChunkFacts> = serde_json::from_str(facts).expect("facts");
    let say = |event: &Event| {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{}", serde_json::to_string(event).expect("an event"));
    };
    say(&Event::Ready { missing: Vec::new(), gaps: Vec::new() });
    let mut request = String::new();
    let _ = io::stdin().lock().read_line(&mut request);
    if lie == "many-files" {
        for number in 0..200_000 {
            fs::write(format!("{number}"), []).expect("written");
        }
    }
    if lie == "silence" {
        std::thread::sleep(Duration::from_mins(10));
    }
    for mut chunk in chunks {
        place_files(Path::new(good));
        spoil(lie, Path::new(good), &mut chunk);
        say(&Event::Chunk { chunk: chunk.clone(), stages: StageTimes::default() });
        if lie == "twice" {
            say(&Event::Chunk { chunk, stages: StageTimes::default() });
        }
    }
    ExitCode::SUCCESS
}

/// Copies the good files into the job folder, which is the current one.
fn place_files(good: &Path) {
    let _ = fs::copy(good.join("preview.webp"), "preview.webp");
    for folder in ["v120", "audio", "storyboard"] {
        let _ = fs::create_dir(folder);
        for entry in fs::read_dir(good.join(folder)).expect("a good folder") {
            let path = entry.expect("an entry").path();
            let _ = fs::copy(&path, Path::new(folder).join(path.file_name().expect("a name")));
        }
    }
}

fn spoil(lie: &str, good: &Path, chunk: &mut ChunkFacts) {
    let file = Path::new(SEGMENT);
    match lie {
        "symlink" => {
            fs::remove_file(file).expect("removed");
            symlink(good.join(file), file).expect("linked");
        }
        "folder-symlink" => {
            fs::remove_dir_all("v120").expect("removed");
            symlink(good.join("v120"), "v120").expect("linked");
        }
        "folder" => {
            fs::remove_file(file).expect("removed");
            fs::create_dir(file).expect("made");
        }
        "larger" => chunk.renditions[0].segment_bytes[0] += 1,
        "huge-claim" => chunk.renditions[0].segment_bytes[0] = u64::MAX,
        "place" => {
            let mut init = fs::read(INIT).expect("an init");
            init.extend_from_slice(&[0, 0, 0, 8, b'u', b'd', b't', b'a']);
            chunk.inits[0].bytes = init.len() as u64;
            fs::write(INIT, init).expect("written");
        }
        "sheet-place" => {
            let sheet = fs::read("storyboard/s00000.jpg").expect("a sheet");
            let spoiled = [&sheet[..2], b"\xff\xe1\0\x08Exif\0\0", &sheet[2..]].concat();
            chunk.sheet_bytes = Some(spoiled.len() as u64);
            fs::write("storyboard/s00000.jpg", spoiled).expect("written");
        }
        "preview-place" => {
            let mut preview = fs::read("preview.webp").expect("a preview");
            preview.extend_from_slice(b"EXIF\x04\0\0\0GPS\0");
            let length = u32::try_from(preview.len() - 8).expect("small").to_le_bytes();
            preview[4..8].copy_from_slice(&length);
            chunk.preview_bytes = Some(preview.len() as u64);
            fs::write("preview.webp", preview).expect("written");
        }
        "other-name" => chunk.renditions[0].rendition = "../../etc".into(),
        "another" => {
            let mut more = chunk.renditions[0].clone();
            more.rendition = "v360\0".into();
            chunk.renditions.push(more);
        }
        "codec" => chunk.inits[0].codecs = "avc1\"\n#EXT".into(),
        _ => spoil_bytes(lie),
    }
}

/// Lies that leave every size as it was.
fn spoil_bytes(lie: &str) {
    let change = |file: &str, after: &[u8; 4], skip: usize, change: &dyn Fn(&mut [u8])| {
        let mut bytes = fs::read(file).expect("a file");
        let at = bytes.windows(4).position(|four| four == after).expect("the box") + skip;
        change(&mut bytes[at..]);
        fs::write(file, bytes).expect("written");
    };
    // The first unit of the first picture stands after its length.
    let unit = |kind: u8| change(SEGMENT, b"mdat", 8, &|bytes| bytes[0] = bytes[0] & 0xe0 | kind);
    match lie {
        "cut" => {
            let whole = fs::read(SEGMENT).expect("a segment");
            fs::write(SEGMENT, &whole[..whole.len() - 1]).expect("written");
        }
        "strange-box" => change(SEGMENT, b"mdat", 0, &|bytes| bytes[..4].copy_from_slice(b"free")),
        "wrong-time" => change(SEGMENT, b"tfdt", 15, &|bytes| bytes[0] = 7),
        "information" => unit(6),
        "no-key" => unit(1),
        // After version and flags and the number of samples stands where the data begins.
        "elsewhere" => change(SEGMENT, b"trun", 15, &|bytes| bytes[0] ^= 1),
        "short-lengths" => change(INIT, b"avcC", 8, &|bytes| bytes[0] = 0xfd),
        _ => {}
    }
}

fn a_spoiling_child_is_found_out() {
    let made = tone_and_pattern("clip.mp4", "160x120", "25", "1", "");
    let run = transcode(&made);
    let facts: Vec<&ChunkFacts> = run.chunks.iter().map(|ready| &ready.facts).collect();
    let facts = serde_json::to_string(&facts).expect("facts");
    let resume = Resume { plan: run.plan.clone(), first_chunk: 0, inits: Vec::new(), poster_over: None };
    let lying = |lie: &str| {
        let mut arguments = vec![LIAR_ARGUMENT.to_owned(), lie.to_owned()];
        arguments.extend([run.work.display().to_string(), facts.clone()]);
        let limits = ChildLimits { silence: Duration::from_secs(5), ..ChildLimits::default() };
        let command = ChildCommand { arguments, limits, ..options().command };
        let options = Options { command, resume: Some(resume.clone()), ..options() };
        let error = try_transcode(&bytes("clip.mp4", b"whatever"), &options).err()?;
        assert_eq!(error.is_retryable(), lie != "many-files", "{error}");
        Some(error.to_string())
    };
    for (lie, expected) in LIES {
        let error = lying(lie).unwrap_or_else(|| panic!("{lie} was believed"));
        assert!(error.contains(expected), "{lie}: {error}");
    }
    // Without a lie it gets as far as its last chunk, so the lies are what was found.
    let honest = lying("nothing").unwrap_or_default();
    assert!(honest.contains("died"), "{honest}");
}

fn what_is_written_after_the_check_is_told_apart() {
    let run = transcode(&tone_and_pattern("clip.mp4", "160x120", "25", "1", ""));
    let files: Vec<_> = run.chunks.iter().flat_map(|ready| &ready.files).collect();
    assert!(!files.is_empty());
    for file in files {
        let mut bytes = fs::read(run.work.join(&file.name)).expect("a file");
        assert!(file.is_of(&bytes), "{}", file.name);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert!(!file.is_of(&bytes), "{}", file.name);
    }
}

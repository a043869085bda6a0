//! What is published is valid, by the judgement of others: the second reader's rules, and another decoder.

use std::process::Command;

use estrade_testkit::hls::{
    self, Package,
    faults::{FAULTS, missed, with_i_frames, with_subtitles},
};

use crate::{
    Case,
    good_input::tone_and_pattern,
    run::{Run, transcode},
};

pub const CASES: &[Case] = &[
    ("the_second_reader_finds_every_seeded_fault", the_second_reader_finds_every_seeded_fault),
    ("another_decoder_reads_every_rung_without_complaint", another_decoder_reads_every_rung),
];

/// Two rungs and sound, seven seconds: what the seeded faults are made for.
fn two_rungs() -> Run {
    transcode(&tone_and_pattern("clip.mp4", "720x406", "30", "7", ""))
}

fn the_second_reader_finds_every_seeded_fault() {
    let run = two_rungs();
    let good = Package::from_folder(&run.work).expect("a whole package");
    let mut with_more = good.clone();
    if !good.get("index.m3u8").is_some_and(|text| text.windows(7).any(|seven| seven == b"I-FRAME")) {
        with_i_frames(&mut with_more);
    }
    with_subtitles(&mut with_more);
    assert_eq!(hls::check(&with_more), [], "good I-frame playlists and subtitles are no faults");
    let missed = missed(&good);
    assert!(missed.is_empty(), "of {} faults these are missed:\n{}", FAULTS.len(), missed.join("\n"));
    assert!(hls::RULES.len() >= 30 && FAULTS.len() >= hls::RULES.len());
}

fn another_decoder_reads_every_rung() {
    let run = two_rungs();
    let renditions = run.outcome.package.renditions.iter().map(|rendition| run.playlist(&rendition.name));
    for playlist in renditions.chain([run.work.join("index.m3u8")]) {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "warning", "-xerror", "-i"])
            .arg(&playlist)
            .args(["-map", "0", "-f", "null", "-"])
            .output()
            .expect("ffmpeg starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", playlist.display());
    }
}

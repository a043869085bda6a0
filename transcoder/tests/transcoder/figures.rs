//! What a run says of itself, and that the first chunk's precedence holds nobody up.

use std::{fs, time::Duration};

use estrade_transcoder::{
    TranscodeError, TranscodeEvent, WAITING_EVENTS,
    sandbox::{ChildError, UsageListener},
    transcode_file,
};
use tokio::sync::mpsc;

use crate::{
    Case,
    good_input::tone_and_pattern,
    run::{options, runtime, transcode, try_transcode},
};

pub const CASES: &[Case] = &[
    ("a_run_says_where_its_time_went", a_run_says_where_its_time_went),
    ("a_run_that_is_left_has_figures_too", a_run_that_is_left_has_figures_too),
    ("a_child_that_dies_has_figures_too", a_child_that_dies_has_figures_too),
    ("a_rung_that_fails_in_the_first_chunk_ends_the_run", a_rung_that_fails_in_the_first_chunk_ends_the_run),
];

fn a_run_says_where_its_time_went() {
    let run = transcode(&tone_and_pattern("clip.mp4", "720x1280", "30", "4", ""));
    let stages = &run.outcome.stats.stages;
    for (name, time) in [
        ("decode", stages.decode_us),
        ("poster", stages.poster_us),
        ("sound", stages.sound_us),
        ("package", stages.package_us),
    ] {
        assert!(time > 0, "{name}: {stages:?}");
    }
    assert_eq!(stages.rungs.len(), run.rungs().len());
    assert!(stages.rungs.iter().all(|rung| rung.encode_us > 0), "{stages:?}");
    let scaled: Vec<bool> = stages.rungs.iter().map(|rung| rung.scale_us > 0).collect();
    assert_eq!(scaled, [true, true, false], "the largest rung needs no scaling: {stages:?}");
    assert!(run.outcome.probed_in.is_some_and(|probe| !probe.is_zero()));
    let usage = run.outcome.usage.expect("the child lived to the end");
    let first = run.chunks[0].usage.expect("the child went on");
    assert!(usage.cpu_us > first.cpu_us && first.cpu_us > 0, "{first:?} {usage:?}");
    assert!((20_000_000..500_000_000).contains(&usage.peak_memory_bytes), "{usage:?}");
}

fn a_run_that_is_left_has_figures_too() {
    let made = tone_and_pattern("clip.mp4", "540x960", "30", "12", "");
    let work = tempfile::tempdir().expect("a work folder");
    let (told, ended) = std::sync::mpsc::channel();
    let mut options = options();
    options.command.on_end = UsageListener::new(move |usage| told.send(usage).expect("somebody listens"));
    let (first, probed) = runtime().block_on(async {
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let until_first = async move {
            let mut probed = None;
            loop {
                match events.recv().await.expect("an event") {
                    TranscodeEvent::Probed(took) => probed = Some(took),
                    TranscodeEvent::Chunk(chunk) => return (chunk, probed),
                    _ => {}
                }
            }
        };
        let (run, left) = tokio::join!(transcode_file(work.path(), &made.source, &options, sender), until_first);
        assert_eq!(run.expect_err("it was left").code(), "abandoned");
        left
    });
    assert!(probed.is_some_and(|probed| !probed.is_zero()));
    let stages = &first.stages;
    assert!(stages.decode_us > 0 && stages.rungs.iter().all(|rung| rung.encode_us > 0), "{stages:?}");
    let usage = ended.recv_timeout(Duration::from_secs(10)).expect("the child has ended");
    assert!(usage.cpu_us > 0 && usage.peak_memory_bytes > 20_000_000, "{usage:?}");
}

fn a_child_that_dies_has_figures_too() {
    let made = tone_and_pattern("clip.mp4", "640x480", "30", "20", "");
    let (told, ended) = std::sync::mpsc::channel();
    let mut options = options();
    options.command.limits.cpu_secs = 1;
    options.command.on_end = UsageListener::new(move |usage| told.send(usage).expect("somebody listens"));
    let Err(error) = try_transcode(&made, &options) else { panic!("became a clip") };
    assert_eq!(error.code(), "transcoder_crashed");
    let usage = ended.recv_timeout(Duration::from_secs(10)).expect("the child has ended");
    assert!(usage.cpu_us > 900_000 && usage.peak_memory_bytes > 10_000_000, "{usage:?}");
    assert!(ended.recv_timeout(Duration::from_millis(10)).is_err(), "once");
}

fn a_rung_that_fails_in_the_first_chunk_ends_the_run() {
    let made = tone_and_pattern("clip.mp4", "540x960", "30", "6", "");
    let work = tempfile::tempdir().expect("a work folder");
    // The rung cannot make its folder, because there is a file.
    fs::write(work.path().join("v360"), "").expect("written");
    let mut options = options();
    options.command.limits.silence = Duration::from_secs(40);
    let error = runtime().block_on(async {
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let listen = async { while events.recv().await.is_some() {} };
        tokio::join!(transcode_file(work.path(), &made.source, &options, sender), listen).0.expect_err("no rung")
    });
    assert!(matches!(error, TranscodeError::Child(ChildError::Failed(_))), "{error:?}");
}

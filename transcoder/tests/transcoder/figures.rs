//! What a run says of itself, and that the first chunk's precedence holds nobody up.

use std::{fs, time::Duration};

use estrade_transcoder::{TranscodeError, WAITING_EVENTS, sandbox::ChildError, transcode_file};
use tokio::sync::mpsc;

use crate::{
    Case,
    good_input::tone_and_pattern,
    run::{options, runtime, transcode},
};

pub const CASES: &[Case] = &[
    ("a_run_says_where_its_time_went", a_run_says_where_its_time_went),
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

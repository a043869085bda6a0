//! The child cannot do what it must not, and the parent believes nothing.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use estrade_transcoder::{
    TranscodeEvent, WAITING_EVENTS, check_sandbox,
    sandbox::{ChildCommand, ChildLimits, Confinement, UsageListener},
    transcode_file,
};
use tokio::sync::mpsc;

use crate::{
    Case,
    good_input::tone_and_pattern,
    run::{options, runtime, try_transcode},
};

pub const CASES: &[Case] = &[
    ("nothing_gets_out_of_the_sandbox", nothing_gets_out_of_the_sandbox),
    ("a_closed_folder_above_is_no_obstacle", a_closed_folder_above_is_no_obstacle),
    ("without_the_receiver_the_work_ends", without_the_receiver_the_work_ends),
    ("a_child_that_takes_too_long_is_stopped", a_child_that_takes_too_long_is_stopped),
    ("a_child_that_dies_is_told_from_a_bad_source", a_child_that_dies_is_told_from_a_bad_source),
    ("a_child_that_lacks_memory_fails_and_nothing_else", a_child_that_lacks_memory_fails),
    ("a_child_that_lies_is_not_believed", a_child_that_lies_is_not_believed),
];

fn nothing_gets_out_of_the_sandbox() {
    let work = tempfile::tempdir().expect("a work folder");
    let report = runtime().block_on(check_sandbox(&options().command, work.path())).expect("the child answers");
    assert!(report.holds(), "{report:?}");
    assert!(report.attempts.len() >= 15);
}

fn a_closed_folder_above_is_no_obstacle() {
    let above = tempfile::tempdir().expect("a folder");
    let work = above.path().join("work");
    std::fs::create_dir(&work).expect("made");
    std::fs::set_permissions(above.path(), std::fs::Permissions::from_mode(0o700)).expect("closed");
    // Only root can give the folder above away, and go through it all the same; its child cannot.
    let _ = std::os::unix::fs::chown(above.path(), Some(65534), Some(65534));
    let report = runtime().block_on(check_sandbox(&options().command, &work)).expect("the child answers");
    assert!(report.holds(), "{report:?}");
}

fn without_the_receiver_the_work_ends() {
    let made = tone_and_pattern("clip.mp4", "320x240", "30", "8", "");
    let work = tempfile::tempdir().expect("a work folder");
    let error = runtime().block_on(async {
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let until_planned = async move {
            assert!(matches!(events.recv().await, Some(TranscodeEvent::Probed(_))));
            assert!(matches!(events.recv().await, Some(TranscodeEvent::Planned(_))));
        };
        let options = options();
        let transcode = transcode_file(work.path(), &made.source, &options, sender);
        tokio::join!(transcode, until_planned).0.expect_err("nobody is listening")
    });
    assert_eq!(error.code(), "abandoned");
}

fn code_under(limits: ChildLimits) -> &'static str {
    let made = tone_and_pattern("clip.mp4", "640x480", "30", "20", "");
    let mut options = options();
    options.command.limits = limits;
    let Err(error) = try_transcode(&made, &options) else { panic!("became a clip") };
    assert!(error.is_retryable(), "{error}");
    error.code()
}

fn a_child_that_takes_too_long_is_stopped() {
    let wall = Duration::from_millis(700);
    assert_eq!(code_under(ChildLimits { wall, ..ChildLimits::default() }), "took_too_long");
    let silence = Duration::from_millis(1);
    assert_eq!(code_under(ChildLimits { silence, ..ChildLimits::default() }), "took_too_long");
}

fn a_child_that_dies_is_told_from_a_bad_source() {
    assert_eq!(code_under(ChildLimits { cpu_secs: 1, ..ChildLimits::default() }), "transcoder_crashed");
}

fn a_child_that_lacks_memory_fails() {
    let code = code_under(ChildLimits { memory_bytes: 180 << 20, ..ChildLimits::default() });
    assert!(matches!(code, "transcoder_failed" | "transcoder_crashed"), "{code}");
}

/// A shell script instead of the child.
fn answer_of(script: &str) -> String {
    let made = tone_and_pattern("clip.mp4", "160x120", "25", "1", "");
    let mut options = options();
    options.command = ChildCommand {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        limits: ChildLimits { wall: Duration::from_secs(20), ..ChildLimits::default() },
        confinement: Confinement::Required,
        on_end: UsageListener::default(),
    };
    match try_transcode(&made, &options) {
        Ok(_) => panic!("believed {script}"),
        Err(error) => error.to_string(),
    }
}

fn a_child_that_lies_is_not_believed() {
    let ready = r#"echo '{"event":"ready","missing":[]}'; read line"#;
    let first = answer_of("echo nonsense");
    assert!(first.contains("out of turn"), "{first}");
    let turn = answer_of(&format!(
        r#"{ready}; echo '{{"event":"finished","stats":{{"decoded_frames":1,"shown_frames":1}}}}'"#
    ));
    assert!(turn.contains("out of turn"), "{turn}");
    let endless = answer_of(&format!(
        "{ready}; while :; do echo -n aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done"
    ));
    assert!(endless.contains("out of turn"), "{endless}");
    let gone = answer_of(&format!("{ready}; exit 7"));
    assert!(gone.contains("died"), "{gone}");
}

//! Each layer of the sandbox alone: what one lets through another must stop, so each has to hold by itself.

use std::{
    io::ErrorKind,
    net::TcpListener,
    time::{Duration, Instant},
};

use estrade_transcoder::{
    check_sandbox,
    sandbox::{Child, ChildCommand, ChildError, ChildLimits, Confinement, Event, Layer, Misdeed, Request},
};

use crate::{
    Case,
    media::bytes,
    run::{options, runtime, try_transcode},
};

pub const CASES: &[Case] = &[
    ("landlock_alone_refuses_files_programs_and_tcp", landlock_alone),
    ("without_capabilities_no_limit_gives_way", without_capabilities),
    ("seccomp_alone_refuses_sockets_and_programs", seccomp_alone),
    ("limits_alone_end_a_memory_bomb", limits_alone_end_a_memory_bomb),
    ("limits_alone_end_a_file_bomb", limits_alone_end_a_file_bomb),
    ("limits_alone_end_a_loop", limits_alone_end_a_loop),
    ("limits_alone_keep_files_few", limits_alone_keep_files_few),
    ("the_parent_alone_ends_a_bomb_of_files", the_parent_alone_ends_a_bomb_of_files),
    ("the_wall_clock_alone_ends_a_loop", the_wall_clock_alone_ends_a_loop),
    ("the_whitelists_alone_refuse_playlists_that_point_elsewhere", the_whitelists_alone_refuse_playlists),
    ("a_layer_that_is_left_off_is_told", a_layer_that_is_left_off_is_told),
];

fn command(layer: Option<Layer>, limits: ChildLimits) -> ChildCommand {
    ChildCommand { confinement: Confinement::Alone(layer), limits, ..options().command }
}

/// The ways out that are open with one layer on.
fn open_with(layer: Option<Layer>) -> Vec<String> {
    let work = tempfile::tempdir().expect("a work folder");
    let command = command(layer, ChildLimits::default());
    let report = runtime().block_on(check_sandbox(&command, work.path())).expect("the child answers");
    report.attempts.into_iter().filter(|attempt| !attempt.refused).map(|attempt| attempt.what).collect()
}

fn landlock_alone() {
    let open = open_with(Some(Layer::Landlock));
    for way in [
        "read /etc/passwd",
        "list /",
        "write outside the job folder",
        "make a TCP socket",
        "start a program",
        "make a folder",
        "remove a file",
    ] {
        assert!(!open.iter().any(|what| what == way), "{way} is open: {open:?}");
    }
}

/// Root would hold some otherwise; and root is how many start a server for the first time.
fn without_capabilities() {
    let open = open_with(Some(Layer::Capabilities));
    assert!(!open.iter().any(|what| what == "hold a capability"), "{open:?}");
    if rustix::thread::capabilities(None).is_ok_and(|sets| !sets.effective.is_empty()) {
        assert!(open_with(None).iter().any(|what| what == "hold a capability"));
    }
}

fn seccomp_alone() {
    let open = open_with(Some(Layer::Seccomp));
    // TCP, cutting and the signals are what kernels with an older Landlock leave to this layer alone.
    for way in [
        "make a UDP socket",
        "make a Unix socket",
        "start a program",
        "make a TCP socket",
        "cut a file by its name",
        "send the parent a signal",
        "have the parent sent a signal",
        "write a file without a name",
        "take room that no size shows",
        "make a folder",
        "raise a limit",
    ] {
        assert!(!open.iter().any(|what| what == way), "{way} is open: {open:?}");
    }
    let without = open_with(None);
    assert!(without.len() > open.len(), "without any layer the attempts succeed: {without:?}");
}

/// How a child ends that misbehaves with one layer on.
fn end_of(misdeed: Misdeed, layer: Option<Layer>, limits: ChildLimits) -> ChildError {
    let work = tempfile::tempdir().expect("a work folder");
    let started = Instant::now();
    let error = runtime().block_on(async {
        let mut child = Child::start(&command(layer, limits), work.path()).await.expect("a child");
        child.ask(&Request::Misbehave { misdeed }).await.expect("asked");
        match child.next().await {
            Ok(Event::Failed { detail }) => ChildError::Failed(detail),
            Ok(other) => panic!("the misdeed succeeded: {other:?}"),
            Err(error) => error,
        }
    });
    assert!(started.elapsed() < Duration::from_mins(1), "{error} after {:?}", started.elapsed());
    error
}

fn few() -> ChildLimits {
    ChildLimits { memory_bytes: 400 << 20, cpu_secs: 1, file_bytes: 1 << 20, open_files: 32, ..ChildLimits::default() }
}

fn limits_alone_end_a_memory_bomb() {
    let error = end_of(Misdeed::FillMemory, Some(Layer::Limits), few());
    assert!(matches!(error, ChildError::Died(_) | ChildError::Failed(_)), "{error}");
}

fn limits_alone_end_a_file_bomb() {
    let error = end_of(Misdeed::FillDisk, Some(Layer::Limits), few());
    assert!(matches!(error, ChildError::Died(_) | ChildError::Failed(_)), "{error}");
}

fn limits_alone_end_a_loop() {
    let error = end_of(Misdeed::Spin, Some(Layer::Limits), few());
    assert!(matches!(error, ChildError::Died(_)), "{error}");
}

fn limits_alone_keep_files_few() {
    let error = end_of(Misdeed::OpenFiles, Some(Layer::Limits), few());
    assert!(matches!(error, ChildError::Failed(_)), "{error}");
}

fn the_parent_alone_ends_a_bomb_of_files() {
    let limits = ChildLimits { output_bytes: 16 << 20, output_files: 300, ..ChildLimits::default() };
    match end_of(Misdeed::FillFolder, None, limits.clone()) {
        ChildError::Overfull(room) => assert!(room.bytes > 16 << 20, "{room:?}"),
        error => panic!("{error}"),
    }
    match end_of(Misdeed::ManyFiles, None, limits) {
        ChildError::Overfull(room) => assert_eq!(room.files, 301),
        error => panic!("{error}"),
    }
}

fn the_wall_clock_alone_ends_a_loop() {
    let limits = ChildLimits { wall: Duration::from_secs(1), ..ChildLimits::default() };
    let error = end_of(Misdeed::Spin, None, limits);
    assert!(matches!(error, ChildError::TookTooLong(_)), "{error}");
}

fn the_whitelists_alone_refuse_playlists() {
    let canary = TcpListener::bind("127.0.0.1:0").expect("a listener");
    canary.set_nonblocking(true).expect("set");
    let address = canary.local_addr().expect("an address");
    let other = bytes("other.ts", b"somebody else's");
    let other = other.source.display();
    for text in [
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://{address}/x.ts\n#EXT-X-ENDLIST\n"),
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{other}\n#EXT-X-ENDLIST\n"),
        format!("ffconcat version 1.0\nfile {other}\n"),
        format!("v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 {address}\nt=0 0\nm=video 1 RTP/AVP 96\n"),
        format!("<?xml version=\"1.0\"?><MPD><BaseURL>http://{address}/</BaseURL></MPD>"),
    ] {
        let mut options = options();
        options.command = command(None, ChildLimits::default());
        match try_transcode(&bytes("clip.mp4", text.as_bytes()), &options) {
            Ok(_) => panic!("became a clip: {text}"),
            Err(error) => assert_eq!(error.code(), "not_a_video", "{text}"),
        }
    }
    let heard = canary.accept().expect_err("nobody may connect");
    assert_eq!(heard.kind(), ErrorKind::WouldBlock);
}

fn a_layer_that_is_left_off_is_told() {
    let work = tempfile::tempdir().expect("a work folder");
    let missing = |confinement| {
        let command = ChildCommand { confinement, ..options().command };
        let child = runtime().block_on(Child::start(&command, work.path())).expect("a child");
        child.missing_layers().len()
    };
    assert_eq!(missing(Confinement::Required), 0);
    assert_eq!(missing(Confinement::Alone(Some(Layer::Seccomp))), 3);
    assert_eq!(missing(Confinement::Alone(None)), 4);
}

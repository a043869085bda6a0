//! The ladder follows what a look at the source shows, and the look is believed within bounds only.

use std::{fs, path::Path};

use estrade_transcoder::{
    TranscodeError, TranscodeEvent, WAITING_EVENTS,
    media::{self, look, probe},
    plan::{Ladder, Limits, Look, LookSample, TranscodePlan, adapt, make_plan},
    sandbox::{ChildCommand, Confinement, Request},
    transcode_file,
};
use tokio::sync::mpsc;

use crate::{
    Case,
    good_input::{count_frames, tone_and_pattern},
    media::{Made, make},
    run::{options, runtime, transcode},
};

pub const CASES: &[Case] = &[
    ("a_picture_that_was_made_larger_loses_its_largest_rung", a_picture_that_was_made_larger_loses_its_largest_rung),
    ("a_sharp_picture_keeps_its_largest_rung", a_sharp_picture_keeps_its_largest_rung),
    ("sharp_words_on_a_soft_picture_keep_the_largest_rung", sharp_words_on_a_soft_picture_keep_the_largest_rung),
    ("a_picture_that_is_too_restless_loses_its_largest_rung", a_picture_that_is_too_restless_loses_its_largest_rung),
    ("a_black_clip_and_a_short_one_keep_their_ladder", a_black_clip_and_a_short_one_keep_their_ladder),
    ("a_source_that_can_hardly_be_sought_becomes_a_clip", a_source_that_can_hardly_be_sought_becomes_a_clip),
    ("a_damaged_place_says_nothing", a_damaged_place_says_nothing),
    ("a_child_that_lies_about_its_look_decides_nothing", a_child_that_lies_about_its_look_decides_nothing),
];

/// A pattern of that size through `filters`, with a key picture every second; in 4:2:2, so that it is not repackaged.
fn scene(size: &str, filters: &str, output: &str) -> Made {
    make(
        "clip.mp4",
        &format!(
            "-f lavfi -i testsrc2=size={size}:rate=30:duration=3 -vf {filters} -pix_fmt yuv422p \
             -c:v libx264 -preset ultrafast -crf 12 -g 30 {output}"
        ),
    )
}

/// The plan that comes of a source, without making the clip.
fn planned(made: &Made) -> (TranscodePlan, Ladder) {
    let work = tempfile::tempdir().expect("a work folder");
    runtime().block_on(async {
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let until_looked = async move {
            let Some(TranscodeEvent::Probed(_)) = events.recv().await else { panic!("nobody looked into the source") };
            let Some(TranscodeEvent::Planned(plan)) = events.recv().await else { panic!("no plan came next") };
            let Some(TranscodeEvent::Looked(ladder)) = events.recv().await else { panic!("nobody looked") };
            (*plan, ladder)
        };
        let options = options();
        let transcode = transcode_file(work.path(), &made.source, &options, sender);
        tokio::select! {
            planned = until_looked => planned,
            outcome = transcode => panic!("it ended: {outcome:?}"),
        }
    })
}

fn names(plan: &TranscodePlan) -> Vec<&str> {
    plan.rungs.iter().map(|rung| rung.name.as_str()).collect()
}

const WHOLE: [&str; 4] = ["v360", "v540", "v720", "v1080"];

fn a_picture_that_was_made_larger_loses_its_largest_rung() {
    let made = scene("360x640", "scale=1080:1920:flags=bicubic", "");
    let run = transcode(&made);
    assert_eq!(run.rungs(), WHOLE[..3]);
    assert_eq!((run.outcome.width, run.outcome.height), (720, 1280));
    assert_eq!((run.plan.conversion.width, run.plan.conversion.height), (720, 1280));
    assert!(run.plan.is_consistent());
    for rung in run.rungs() {
        assert_eq!(count_frames(&run, rung), 90, "{rung}");
    }
    assert!(!run.outcome.package.multivariant.contains("v1080"));
}

fn a_sharp_picture_keeps_its_largest_rung() {
    let (plan, ladder) = planned(&scene("1080x1920", "null", ""));
    assert_eq!((names(&plan), ladder), (WHOLE.to_vec(), Ladder::Whole));
}

fn sharp_words_on_a_soft_picture_keep_the_largest_rung() {
    // Something as fine as a line of words, on a hundredth of the picture.
    let words = "split[a][b];[a]scale=360:640,scale=1080:1920[soft];\
                 [b]crop=600:48:200:800,noise=alls=90:all_seed=3[sharp];[soft][sharp]overlay=200:800";
    let (plan, ladder) = planned(&scene("1080x1920", words, ""));
    assert_eq!((names(&plan), ladder), (WHOLE.to_vec(), Ladder::Whole));
}

fn a_picture_that_is_too_restless_loses_its_largest_rung() {
    let (plan, ladder) = planned(&scene("1080x1920", "noise=alls=60:allf=t", "-b:v 30M"));
    assert_eq!((names(&plan), ladder), (WHOLE[..3].to_vec(), Ladder::Starved));
    let table = make_plan_of("720x1280").top().cap_kbps;
    assert!(plan.top().cap_kbps > table, "it gets some of the bits that are free now: {} {table}", plan.top().cap_kbps);
}

/// What is planned for a source of that size that nobody has looked at.
fn make_plan_of(size: &str) -> TranscodePlan {
    let made = tone_and_pattern("clip.mp4", size, "30", "1", "");
    media::prepare().expect("libav");
    make_plan(&probe(&made.source, &Limits::default()).expect("a video"), &Limits::default()).expect("a plan")
}

fn a_black_clip_and_a_short_one_keep_their_ladder() {
    let black = make("clip.mp4", "-f lavfi -i color=black:size=1080x1920:rate=30:duration=3 -pix_fmt yuv422p -g 30");
    assert_eq!(look(&black.source, &unseen(&black), &Limits::default()).expect("a look").samples, []);
    let short = make(
        "clip.mp4",
        "-f lavfi -i testsrc2=size=360x640:rate=30:duration=1 -vf scale=1080:1920 -pix_fmt yuv422p -g 5",
    );
    for made in [black, short] {
        let (plan, ladder) = planned(&made);
        assert_eq!((names(&plan), ladder), (WHOLE.to_vec(), Ladder::Unseen));
        assert_eq!(plan, unseen(&made));
    }
}

/// The plan without a look.
fn unseen(made: &Made) -> TranscodePlan {
    media::prepare().expect("libav");
    make_plan(&probe(&made.source, &Limits::default()).expect("a video"), &Limits::default()).expect("a plan")
}

fn a_source_that_can_hardly_be_sought_becomes_a_clip() {
    // Fragments without an index, as browsers record them, are looked at like others. With a single key picture there is
    // one place to look at, which is too little.
    for (output, samples, rungs) in [
        ("-g 20 -movflags frag_keyframe+empty_moov+default_base_moof", 3, &WHOLE[..3]),
        ("-g 600 -sc_threshold 0", 1, &WHOLE[..]),
    ] {
        let made = make(
            "clip.mp4",
            &format!(
                "-f lavfi -i testsrc2=size=360x640:rate=30:duration=2.5 -vf scale=1080:1920 -pix_fmt yuv422p \
                 -c:v libx264 -preset ultrafast {output}"
            ),
        );
        let look = look(&made.source, &unseen(&made), &Limits::default()).expect("a look");
        assert_eq!(look.samples.len(), samples, "{output}");
        let run = transcode(&made);
        assert_eq!(run.rungs(), rungs, "{output}");
        assert_eq!(count_frames(&run, "v720"), 75, "{output}");
    }
}

fn a_damaged_place_says_nothing() {
    let made = scene("360x640", "scale=1080:1920:flags=bicubic", "");
    let plan = unseen(&made);
    let whole = look(&made.source, &plan, &Limits::default()).expect("a look");
    assert_eq!(whole.samples.len(), Look::MOST_SAMPLES, "{whole:?}");
    let mut bytes = fs::read(&made.source).expect("a source");
    let middle = bytes.len() * 3 / 10..bytes.len() * 6 / 10;
    for byte in bytes[middle].iter_mut().step_by(20_000) {
        *byte ^= 0x55;
    }
    fs::write(&made.source, bytes).expect("written");
    let damaged = look(&made.source, &plan, &Limits::default()).expect("a look");
    assert_eq!(damaged.samples, [whole.samples[0], whole.samples[2]]);
}

/// What comes of a child that probes truly and says this when it is asked to look; with what it was asked to do next.
fn answer_to(looked: &str) -> (Result<(), TranscodeError>, Option<Request>) {
    let made = tone_and_pattern("clip.mp4", "1080x1920", "30", "3", "");
    media::prepare().expect("libav");
    let info = probe(&made.source, &Limits::default()).expect("a video");
    let probed = format!(r#"{{"event":"probed","info":{}}}"#, serde_json::to_string(&info).expect("facts"));
    let script = format!(
        "say() {{ printf '%s\\n' \"$1\"; }}; say '{}'; read -r line; say '{probed}'; read -r line; say '{looked}'; \
         read -r line && printf '%s' \"$line\" > request",
        r#"{"event":"ready","missing":[]}"#
    );
    let work = tempfile::tempdir().expect("a work folder");
    let command = ChildCommand {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script],
        confinement: Confinement::Required,
        ..options().command
    };
    let options = estrade_transcoder::Options { command, ..options() };
    let outcome = runtime().block_on(async {
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let listen = async { while events.recv().await.is_some() {} };
        tokio::join!(transcode_file(work.path(), &made.source, &options, sender), listen).0
    });
    (outcome.map(|_| ()), asked(work.path()))
}

fn asked(work: &Path) -> Option<Request> {
    let request = fs::read(work.join("request")).ok()?;
    Some(serde_json::from_slice(&request).expect("a request"))
}

fn a_child_that_lies_about_its_look_decides_nothing() {
    let sample = LookSample { key_bits: 100_000, other_bits: 40_000, frames: 4, detail: 0 };
    let true_look = Look { samples: vec![sample; 2] };
    let said = |look: &Look| format!(r#"{{"event":"looked","look":{}}}"#, serde_json::to_string(look).expect("a look"));
    let unseen = make_plan_of("1080x1920");

    // What it says is believed as far as figures go, and a plan it brings along is not looked at.
    let (error, request) = answer_to(&said(&true_look).replacen('{', r#"{"plan":{"rungs":[]},"#, 1));
    assert!(error.is_err_and(|error| error.to_string().contains("died")));
    let Some(Request::Transcode { plan, .. }) = request else { panic!("it was not asked to go on: {request:?}") };
    let expected = adapt(TranscodePlan { total_frames: plan.total_frames, ..unseen }, Some(&true_look));
    assert_eq!((expected.ladder, expected.plan.rungs), (Ladder::Soft, plan.rungs));

    // A child that cannot look has the plan as it was.
    let (_, request) = answer_to(r#"{"event":"failed","detail":"no seeking"}"#);
    let Some(Request::Transcode { plan, .. }) = request else { panic!("it was not asked to go on: {request:?}") };
    assert_eq!(names(&plan), WHOLE);

    for (lie, expected) in [
        (said(&Look { samples: vec![sample; 4] }), "no look has such figures"),
        (said(&Look { samples: vec![LookSample { frames: 0, ..sample }] }), "no look has such figures"),
        (said(&Look { samples: vec![LookSample { key_bits: u64::MAX, ..sample }] }), "no look has such figures"),
        (said(&Look { samples: vec![LookSample { other_bits: u64::MAX, ..sample }] }), "no look has such figures"),
        (said(&Look { samples: vec![LookSample { detail: u32::MAX, ..sample }] }), "no look has such figures"),
        (said(&true_look).replace("100000", "-1"), "out of turn"),
        (said(&true_look).replace("100000", "NaN"), "out of turn"),
        (r#"{"event":"progress","frames":1}"#.to_owned(), "out of turn"),
    ] {
        let (error, request) = answer_to(&lie);
        let error = error.expect_err("it was believed").to_string();
        assert!(error.contains(expected) && request.is_none(), "{lie}: {error}");
    }
}

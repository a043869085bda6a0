//! Looks at files as the transcoder does, and prints what it saw and what it makes of it:
//! `cargo run --release -p estrade-transcoder --example look -- CLIP...`
//!
//! One line of JSON a file. It runs without the sandbox: for files of one's own.

use std::{path::Path, process::ExitCode};

use estrade_transcoder::{
    media::{self, MediaError},
    plan::{Adapted, Limits, RungPlan, TranscodePlan, adapt, make_plan},
    sandbox::Usage,
};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: look CLIP...");
        return ExitCode::from(2);
    }
    let looked = media::prepare().and_then(|()| files.iter().try_for_each(|file| show(file)));
    match looked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn show(file: &str) -> Result<(), MediaError> {
    let (path, limits) = (Path::new(file), Limits::default());
    let started = cpu_us();
    let info = media::probe(path, &limits)?;
    let probed = cpu_us();
    let plan = make_plan(&info, &limits)?;
    let look = if plan.is_worth_a_look() { Some(media::look(path, &plan, &limits)?) } else { None };
    let looked = cpu_us();
    let before = rungs(&plan);
    let Adapted { plan, ladder } = adapt(plan, look.as_ref());
    println!(
        "{}",
        json!({
            "clip": path.file_name().map(|name| name.to_string_lossy()),
            "probe_cpu_ms": (probed - started) / 1000,
            "look_cpu_ms": (looked - probed) / 1000,
            "look": look,
            "ladder": ladder.as_str(),
            "planned": before,
            "adapted": rungs(&plan),
        })
    );
    Ok(())
}

fn rungs(plan: &TranscodePlan) -> Vec<Value> {
    plan.rungs.iter().map(rung).collect()
}

fn rung(rung: &RungPlan) -> Value {
    json!({ "name": rung.name, "crf_tenths": rung.crf_tenths, "cap_kbps": rung.cap_kbps })
}

fn cpu_us() -> u64 {
    Usage::of_this_process().map_or(0, |usage| usage.cpu_us)
}

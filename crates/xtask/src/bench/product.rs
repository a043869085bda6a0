//! The product's own transcoder, as its example program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::measure::Cost;
use crate::cargo::cargo;
use crate::process::{capture, run, say};
use crate::workspace::Workspace;

/// What the product decided to make.
pub(super) struct Plan {
    pub(super) duration_secs: f64,
    pub(super) segment_starts_secs: Vec<f64>,
    pub(super) decoder_threads: u64,
    pub(super) has_audio: bool,
    pub(super) rungs: Vec<Rung>,
}

/// One rendition of it.
#[derive(Clone)]
pub(super) struct Rung {
    pub(super) name: String,
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) rate: String,
    pub(super) divisor: u64,
    /// Options of its encoder.
    pub(super) encoder: Vec<(String, String)>,
}

/// One run of the product.
pub(super) struct Run {
    pub(super) plan: Plan,
    /// From start to the first chunk.
    pub(super) first: Cost,
    /// From start to end.
    pub(super) whole: Cost,
    /// Most memory the child had, in bytes.
    pub(super) child_peak_bytes: f64,
    /// Seconds inside each stage.
    pub(super) stages: Value,
}

/// Builds the example and returns its path.
pub(super) fn build(workspace: &Workspace) -> Result<PathBuf> {
    say("building the transcoder");
    run(cargo(workspace).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "estrade-transcoder",
        "--example",
        "transcode",
    ]))?;
    Ok(workspace.target().join("release/examples/transcode"))
}

/// Transcodes into `folder`, which is emptied first.
pub(super) fn transcode(program: &Path, source: &Path, folder: &Path) -> Result<Run> {
    run_with(program, &[], source, folder)
}

/// Makes a family of a source into `folder`, which is emptied first.
pub(super) fn make_family(program: &Path, family: &str, source: &Path, folder: &Path) -> Result<Run> {
    run_with(program, &["--family", family], source, folder)
}

fn run_with(program: &Path, more: &[&str], source: &Path, folder: &Path) -> Result<Run> {
    if folder.exists() {
        fs::remove_dir_all(folder).context("cannot empty the folder")?;
    }
    let said = capture(Command::new(program).arg("--json").args(more).arg(source).arg(folder))?;
    let lines: Vec<Value> =
        said.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("the example does not speak JSON")?;
    read_run(&lines).context("the example did not say all that is expected")
}

fn read_run(lines: &[Value]) -> Option<Run> {
    let find = |event: &str| lines.iter().find(|line| line["event"] == event);
    let (chunk, finished) = (find("chunk")?, find("finished")?);
    Some(Run {
        plan: read_plan(&find("planned")?["facts"])?,
        first: cost(chunk)?,
        whole: cost(finished)?,
        child_peak_bytes: finished["facts"]["usage"]["child_peak_memory_bytes"].as_f64()?,
        stages: finished["facts"]["stats"]["stages"].clone(),
    })
}

fn cost(line: &Value) -> Option<Cost> {
    let cpu_secs = line["facts"]["usage"]["cpu_secs"].as_f64()?;
    Some(Cost { cpu_secs, wall_secs: line["at_secs"].as_f64()? })
}

fn read_plan(facts: &Value) -> Option<Plan> {
    Some(Plan {
        duration_secs: facts["duration_secs"].as_f64()?,
        segment_starts_secs: facts["segment_starts_secs"].as_array()?.iter().filter_map(Value::as_f64).collect(),
        decoder_threads: facts["decoder_threads"].as_u64()?,
        has_audio: facts["has_audio"].as_bool()?,
        rungs: facts["rungs"].as_array()?.iter().map(read_rung).collect::<Option<_>>()?,
    })
}

fn read_rung(rung: &Value) -> Option<Rung> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let option = |pair: &Value| Some((text(&pair[0])?, text(&pair[1])?));
    Some(Rung {
        name: text(&rung["name"])?,
        width: rung["width"].as_u64()?,
        height: rung["height"].as_u64()?,
        rate: text(&rung["rate"])?,
        divisor: rung["divisor"].as_u64()?,
        encoder: rung["encoder"].as_array()?.iter().map(option).collect::<Option<_>>()?,
    })
}

/// The rendition as one file that any player opens, made of its segments.
pub(super) fn join(folder: &Path, rung: &Rung) -> Result<PathBuf> {
    let rendition = folder.join(&rung.name);
    let mut names: Vec<PathBuf> = fs::read_dir(&rendition)
        .with_context(|| format!("cannot list {}", rendition.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    names.retain(|path| path.extension().is_some_and(|extension| extension == "m4s"));
    names.sort();
    if names.is_empty() {
        bail!("{} has no segments", rendition.display());
    }
    let mut bytes = fs::read(rendition.join("init.mp4")).context("cannot read the initialisation segment")?;
    for name in names {
        bytes.extend(fs::read(name).context("cannot read a segment")?);
    }
    let joined = folder.join(format!("{}.mp4", rung.name));
    fs::write(&joined, &bytes).context("cannot write the joined rendition")?;
    Ok(joined)
}

//! The bare work, done by the `ffmpeg` program: one decode, x264 from raw pictures, a first second.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::measure::{self, Cost};
use super::product::{Plan, Rung};
use crate::process::run;

/// `ffmpeg`, quiet, overwriting, and deaf.
pub(super) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.args(["-nostdin", "-v", "error", "-y"]);
    command
}

/// One decode of all pictures, which go nowhere.
pub(super) fn decode(source: &Path, threads: u64) -> Result<Cost> {
    measure::run(command("ffmpeg").args(["-threads", &threads.to_string(), "-noautorotate", "-i"]).arg(source).args([
        "-map",
        "0:v:0",
        "-vsync",
        "passthrough",
        "-f",
        "null",
        "-",
    ]))
}

/// Raw pictures of one rung.
pub(super) fn make_raw(source: &Path, rung: &Rung, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("{}.yuv", rung.name));
    run(command("ffmpeg")
        .arg("-i")
        .arg(source)
        .args(["-map", "0:v:0", "-vf", &scale(rung), "-r", &rung.rate])
        .args(["-f", "rawvideo", path.to_string_lossy().as_ref()]))?;
    Ok(path)
}

/// x264 alone, with the very options of the rung and key pictures at the same places.
pub(super) fn encode_raw(raw: &Path, rung: &Rung, plan: &Plan) -> Result<Cost> {
    let mut command = command("ffmpeg");
    command
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &format!("{}x{}", rung.width, rung.height)])
        .args(["-r", &rung.rate, "-i"])
        .arg(raw);
    encoder(&mut command, rung, plan);
    measure::run(command.args(["-f", "null", "-"]))
}

/// The first second of all rungs and of the sound in one process, as files.
pub(super) fn first_second(source: &Path, plan: &Plan, folder: &Path) -> Result<Cost> {
    let mut command = command("ffmpeg");
    let secs = plan.segment_starts_secs.get(1).copied().unwrap_or(plan.duration_secs);
    command.arg("-i").arg(source);
    let labels: Vec<String> = (0..plan.rungs.len()).map(|at| format!("[s{at}]")).collect();
    let split = format!("[0:v:0]split={}{}", plan.rungs.len(), labels.concat());
    let scales = plan.rungs.iter().enumerate().map(|(at, rung)| format!("[s{at}]{}[o{at}]", scale(rung)));
    let graph = std::iter::once(split).chain(scales).collect::<Vec<_>>().join(";");
    command.args(["-filter_complex", &graph]);
    for (at, rung) in plan.rungs.iter().enumerate() {
        command.args(["-map", &format!("[o{at}]"), "-r", &rung.rate, "-t", &secs.to_string()]);
        encoder(&mut command, rung, plan);
        command.arg(folder.join(format!("first-{}.mp4", rung.name)));
    }
    if plan.has_audio {
        command.args(["-map", "0:a:0", "-t", &secs.to_string(), "-c:a", "aac", "-b:a", "96k", "-ac", "2"]);
        command.args(["-ar", "48000"]).arg(folder.join("first-audio.mp4"));
    }
    measure::run(&mut command)
}

fn scale(rung: &Rung) -> String {
    format!("scale={}:{}:flags=bicubic,format=yuv420p,setsar=1", rung.width, rung.height)
}

fn encoder(command: &mut Command, rung: &Rung, plan: &Plan) {
    let keys: Vec<String> = plan.segment_starts_secs.iter().map(ToString::to_string).collect();
    command.args(["-c:v", "libx264", "-force_key_frames", &keys.join(",")]);
    for (name, value) in &rung.encoder {
        command.args([&format!("-{name}"), value]);
    }
}

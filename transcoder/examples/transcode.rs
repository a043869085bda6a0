//! Transcodes one file into a folder, to look at the result with a player:
//! `cargo run --release -p estrade-transcoder --example transcode -- clip.mp4 folder`
//!
//! With `--json` it says in lines of JSON what happened when; `cargo xtask bench` reads them. With `--family av1` or
//! `--family slow` after it, it makes that family instead of the first one.

use std::{path::Path, process::ExitCode, time::Instant};

use estrade_transcoder::{
    CHILD_ARGUMENT, Options, Resume, TranscodeEvent, WAITING_EVENTS, child_main,
    package::{Package, assemble},
    plan::{Family, Limits, RungPlan, TranscodePlan},
    sandbox::{ChildCommand, Usage},
    transcode_file,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [first, start] if *first == CHILD_ARGUMENT => child_main(start),
        ["--json", "--family", family, source, folder] if Family::from_name(family).is_some() => {
            run(Path::new(source), Path::new(folder), Family::from_name(family), print_json)
        }
        ["--json", source, folder] => run(Path::new(source), Path::new(folder), None, print_json),
        [source, folder] => run(Path::new(source), Path::new(folder), None, print_text),
        _ => {
            eprintln!("usage: transcode [--json [--family av1|slow]] SOURCE FOLDER");
            ExitCode::from(2)
        }
    }
}

/// Says that something happened, when and what.
type Print = fn(f64, &str, &Value);

fn run(source: &Path, folder: &Path, family: Option<Family>, print: Print) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.and_then(|runtime| {
        runtime.block_on(async {
            std::fs::create_dir_all(folder)?;
            let resume = match family {
                Some(family) => Some(begin_family(source, folder, family).await?),
                None => None,
            };
            transcode(source, folder, resume, print).await
        })
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A family is made from the plan of the first one.
async fn begin_family(source: &Path, folder: &Path, family: Family) -> std::io::Result<Resume> {
    let options = Options { command: ChildCommand::this_program()?, limits: Limits::default(), resume: None };
    let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
    // A run has an empty folder to itself.
    let aside = folder.with_extension("planning");
    std::fs::create_dir_all(&aside)?;
    let planned = async {
        let event = events.recv().await;
        // Dropping the receiver ends the work.
        drop(events);
        event
    };
    let ended = tokio::join!(transcode_file(&aside, source, &options, sender), planned);
    std::fs::remove_dir_all(&aside)?;
    match ended {
        (_, Some(TranscodeEvent::Planned(plan))) => {
            Ok(Resume { plan: plan.of_family(family), first_chunk: 0, inits: Vec::new(), poster_over: None })
        }
        (Err(error), _) => Err(std::io::Error::other(format!("{}: {error}", error.code()))),
        (Ok(_), _) => Err(std::io::Error::other("there was no plan")),
    }
}

async fn transcode(source: &Path, folder: &Path, resume: Option<Resume>, print: Print) -> std::io::Result<()> {
    let started = Instant::now();
    let tell = |what: &str, facts: &Value| print(started.elapsed().as_secs_f64(), what, facts);
    let command = ChildCommand::this_program()?;
    let options = Options { command, limits: Limits::default(), resume };
    let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
    let listen = async {
        let mut planned = None;
        while let Some(event) = events.recv().await {
            match event {
                TranscodeEvent::Planned(plan) => {
                    tell("planned", &plan_facts(&plan));
                    planned = Some(*plan);
                }
                TranscodeEvent::Chunk(chunk) => {
                    tell("chunk", &json!({ "index": chunk.facts.index, "usage": usage_facts(chunk.usage) }));
                }
                TranscodeEvent::Poster(poster, _) => tell("poster", &json!({ "bytes": poster.bytes })),
                TranscodeEvent::Looked(ladder) => tell("looked", &json!({ "ladder": ladder.as_str() })),
                TranscodeEvent::Probed(_) | TranscodeEvent::Progress(_) => {}
            }
        }
        planned
    };
    let (outcome, planned) = tokio::join!(transcode_file(folder, source, &options, sender), listen);
    let outcome = outcome.map_err(|e| std::io::Error::other(format!("{}: {e}", e.code())))?;
    tell("finished", &json!({ "stats": outcome.stats, "usage": usage_facts(outcome.usage) }));
    let package = planned.and_then(|plan| assemble(&plan, &outcome.chunks));
    write_playlists(folder, &package.ok_or_else(|| std::io::Error::other("the chunks do not fit the plan"))?)
}

fn plan_facts(plan: &TranscodePlan) -> Value {
    let starts: Vec<f64> = plan.segment_starts.iter().map(|slot| seconds(plan.rate.frame_start_us(*slot))).collect();
    json!({
        "duration_secs": seconds(plan.rate.frame_start_us(plan.total_frames)),
        "segment_starts_secs": starts,
        "decoder_threads": plan.source.threads,
        "has_audio": plan.audio.is_some(),
        "rungs": plan.rungs.iter().map(rung_facts).collect::<Vec<_>>(),
    })
}

fn rung_facts(rung: &RungPlan) -> Value {
    json!({
        "name": rung.name,
        "width": rung.width,
        "height": rung.height,
        "rate": format!("{}/{}", rung.rate.num, rung.rate.den),
        "divisor": rung.divisor,
        "encoder": rung.encoder_options(),
    })
}

/// Processor time of parent and child together, and the child's memory.
fn usage_facts(usage: Option<Usage>) -> Value {
    let (Some(child), Some(own)) = (usage, Usage::of_this_process()) else { return Value::Null };
    json!({
        "cpu_secs": seconds(child.cpu_us + own.cpu_us),
        "child_peak_memory_bytes": child.peak_memory_bytes,
    })
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a short clip")]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn print_json(at_secs: f64, what: &str, facts: &Value) {
    println!("{}", json!({ "at_secs": at_secs, "event": what, "facts": facts }));
}

fn print_text(at_secs: f64, what: &str, facts: &Value) {
    println!("{at_secs:6.2} {what} {facts}");
}

fn write_playlists(folder: &Path, package: &Package) -> std::io::Result<()> {
    std::fs::write(folder.join("index.m3u8"), &package.multivariant)?;
    for rendition in &package.renditions {
        std::fs::write(folder.join(&rendition.name).join("index.m3u8"), &rendition.playlist)?;
    }
    Ok(())
}

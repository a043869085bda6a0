//! Transcodes one file into a folder, to look at the result with a player:
//! `cargo run --release -p estrade-transcoder --example transcode -- clip.mp4 folder`

use std::{path::Path, process::ExitCode, time::Instant};

use estrade_transcoder::{
    CHILD_ARGUMENT, Options, TranscodeEvent, WAITING_EVENTS, child_main,
    package::{Package, assemble},
    plan::Limits,
    sandbox::ChildCommand,
    transcode_file,
};
use tokio::sync::mpsc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [first, start] if first == CHILD_ARGUMENT => child_main(start),
        [source, folder] => run(Path::new(source), Path::new(folder)),
        _ => {
            eprintln!("usage: transcode SOURCE FOLDER");
            ExitCode::from(2)
        }
    }
}

fn run(source: &Path, folder: &Path) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.and_then(|runtime| runtime.block_on(transcode(source, folder)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn transcode(source: &Path, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let command = ChildCommand::this_program()?;
    let options = Options { command, limits: Limits::default(), resume: None };
    let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
    let started = Instant::now();
    let listen = async {
        let mut planned = None;
        while let Some(event) = events.recv().await {
            let at = started.elapsed().as_secs_f64();
            match event {
                TranscodeEvent::Planned(plan) => {
                    println!("{at:6.2} planned {plan:?}");
                    planned = Some(*plan);
                }
                TranscodeEvent::Chunk(chunk) => println!("{at:6.2} chunk {}", chunk.facts.index),
                TranscodeEvent::Poster(poster) => println!("{at:6.2} poster {} bytes", poster.bytes),
                TranscodeEvent::Progress(_) => {}
            }
        }
        planned
    };
    let (outcome, planned) = tokio::join!(transcode_file(folder, source, &options, sender), listen);
    let outcome = outcome.map_err(|e| std::io::Error::other(format!("{}: {e}", e.code())))?;
    println!("{:6.2} finished {:?}", started.elapsed().as_secs_f64(), outcome.stats);
    let package = planned.and_then(|plan| assemble(&plan, &outcome.chunks));
    write_playlists(folder, &package.ok_or_else(|| std::io::Error::other("the chunks do not fit the plan"))?)
}

fn write_playlists(folder: &Path, package: &Package) -> std::io::Result<()> {
    println!("{}", package.multivariant);
    std::fs::write(folder.join("index.m3u8"), &package.multivariant)?;
    for rendition in &package.renditions {
        std::fs::write(folder.join(&rendition.name).join("index.m3u8"), &rendition.playlist)?;
    }
    Ok(())
}

//! `cargo xtask bench transcode`: everything from interleaved runs, so that what else the machine
//! does falls on all sides alike; what counts are ratios inside a round.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::clips::{self, Clip};
use super::measure::Cost;
use super::product::{self, Run, Rung};
use super::quality::{HINT, Judge, Source};
use super::report::{Compared, Measured, Round};
use super::{ffmpeg, peer, report};
use crate::process::say;
use crate::workspace::Workspace;

/// Options of `bench transcode`.
#[derive(Args)]
pub(crate) struct TranscodeArgs {
    /// Clips to measure with; without any, three are made here: an easy one, a hard one, a long one
    files: Vec<PathBuf>,
    /// How often everything is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// An `ffmpeg` with libvmaf; found in Python's imageio-ffmpeg when not named
    #[arg(long, value_name = "PATH")]
    vmaf_ffmpeg: Option<PathBuf>,
    /// The example program, built already, instead of the one of this checkout
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// Measures and prints a table for each clip.
pub(super) fn bench(workspace: &Workspace, args: &TranscodeArgs) -> Result<()> {
    let folder = workspace.scratch()?.join("bench");
    fs::create_dir_all(&folder).context("cannot make the folder of the bench")?;
    let judge = Judge::find(args.vmaf_ffmpeg.as_deref())?;
    if judge.is_none() {
        say(HINT);
    }
    let clips = clips::find(&args.files, &folder)?;
    let program = args.program.clone().map_or_else(|| product::build(workspace), Ok)?;
    let bench = Bench { program, folder: folder.join("work"), judge };
    let mut measured = Vec::new();
    for clip in &clips {
        measured.push(bench.measure(clip, args.rounds)?);
        report::print_clip(measured.last().context("a clip was measured")?);
    }
    report::print_summary(&measured);
    fs::remove_dir_all(&bench.folder).context("cannot remove what the bench made")
}

struct Bench {
    program: PathBuf,
    folder: PathBuf,
    judge: Option<Judge>,
}

impl Bench {
    fn measure(&self, clip: &Clip, rounds: u32) -> Result<Measured> {
        fs::create_dir_all(&self.folder).context("cannot make the folder of the bench")?;
        let out = self.folder.join("ours");
        // Not counted: it brings the files into memory, and says what the rungs are.
        let warm = product::transcode(&self.program, &clip.path, &out)?;
        let raws: Vec<PathBuf> = warm
            .plan
            .rungs
            .iter()
            .map(|rung| ffmpeg::make_raw(&clip.path, rung, &self.folder))
            .collect::<Result<_>>()?;
        let mut done = Vec::new();
        for round in 0..rounds {
            say(&format!("{}: round {} of {rounds}", clip.name, round + 1));
            done.push(self.round(&clip.path, &raws, &out)?);
        }
        for raw in raws {
            fs::remove_file(raw).context("cannot remove raw pictures")?;
        }
        let compared = self.compare(clip, &warm, &out)?;
        Ok(Measured { clip: clip.name.clone(), duration_secs: warm.plan.duration_secs, rounds: done, compared })
    }

    /// Everything once.
    fn round(&self, source: &Path, raws: &[PathBuf], out: &Path) -> Result<Round> {
        let ours = product::transcode(&self.program, source, out)?;
        let plan = &ours.plan;
        if plan.rungs.len() != raws.len() {
            bail!("the ladder changed between two runs");
        }
        let decode = ffmpeg::decode(source, plan.decoder_threads)?;
        let mut encode = Cost::default();
        for (rung, raw) in plan.rungs.iter().zip(raws) {
            encode = encode + ffmpeg::encode_raw(raw, rung, plan)?;
        }
        let first = ffmpeg::first_second(source, plan, &self.folder)?;
        let mut peer = Cost::default();
        for rung in &peer::ladder(source, plan)? {
            peer = peer + peer::encode(source, rung, plan, &self.folder)?.0;
        }
        Ok(Round { ours, decode, encode, first, peer })
    }

    /// Bits and quality of every rung of the last round, of both.
    fn compare(&self, clip: &Clip, run: &Run, out: &Path) -> Result<Vec<Compared>> {
        let Some(judge) = &self.judge else { return Ok(Vec::new()) };
        say(&format!("{}: judging quality", clip.name));
        let source = Source { path: &clip.path, duration_secs: run.plan.duration_secs };
        let rungs = peer::ladder(&clip.path, &run.plan)?;
        let Some(top) = rungs.last() else { bail!("the ladder is empty") };
        let judge_one = |rung: &Rung| {
            let peer = self.folder.join(format!("peer-{}.mp4", rung.name));
            let is_ours = run.plan.rungs.iter().any(|own| own.name == rung.name);
            let ours = if is_ours { Some(judge.judge(&source, &product::join(out, rung)?, rung, top)?) } else { None };
            Ok(Compared { rung: rung.name.clone(), ours, peer: judge.judge(&source, &peer, rung, top)? })
        };
        rungs.iter().map(judge_one).collect()
    }
}

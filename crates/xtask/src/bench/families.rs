//! `cargo xtask bench families`: what the rule that orders families must know of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::bd_rate::{Point, bd_rate};
use super::clips::{self, Clip};
use super::peer::fps;
use super::product::{self, Plan, Run};
use super::quality::{HINT, Judge, Source};
use crate::process::say;
use crate::workspace::Workspace;

/// Families by name.
const FAMILIES: [&str; 2] = ["av1", "slow"];

/// Options of `bench families`.
#[derive(Args)]
pub(crate) struct FamiliesArgs {
    /// Clips to measure with; without any, three are made here
    files: Vec<PathBuf>,
    /// An `ffmpeg` with libvmaf; found in Python's imageio-ffmpeg when not named
    #[arg(long, value_name = "PATH")]
    vmaf_ffmpeg: Option<PathBuf>,
    /// The example program, built already, instead of the one of this checkout
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// Makes every family of every clip once and prints what it costs and saves.
pub(super) fn bench(workspace: &Workspace, args: &FamiliesArgs) -> Result<()> {
    let folder = workspace.scratch()?.join("bench");
    fs::create_dir_all(&folder).context("cannot make the folder of the bench")?;
    let Some(judge) = Judge::find(args.vmaf_ffmpeg.as_deref())? else { bail!("{HINT}") };
    let clips = clips::find(&args.files, &folder)?;
    let program = args.program.clone().map_or_else(|| product::build(workspace), Ok)?;
    let bench = Bench { program, folder: folder.join("families"), judge };
    println!("| clip | family | bytes at equal VMAF | CPU / first family | CPU seconds a megapixel | child, MB |");
    println!("|---|---|---|---|---|---|");
    let mut rungs = Vec::new();
    for clip in &clips {
        bench.measure(clip, &mut rungs)?;
    }
    println!("\n| clip | rung | kbit/s | VMAF |\n|---|---|---|---|");
    for line in rungs {
        println!("{line}");
    }
    fs::remove_dir_all(&bench.folder).context("cannot remove what the bench made")
}

struct Bench {
    program: PathBuf,
    folder: PathBuf,
    judge: Judge,
}

impl Bench {
    fn measure(&self, clip: &Clip, rungs: &mut Vec<String>) -> Result<()> {
        let folder = self.folder.join("first");
        fs::create_dir_all(&self.folder).context("cannot make the folder of the bench")?;
        say(&format!("{}: the first family", clip.name));
        let first = product::transcode(&self.program, &clip.path, &folder)?;
        let points = self.judge_all(clip, &first, &folder, rungs)?;
        for family in FAMILIES {
            say(&format!("{}: {family}", clip.name));
            let folder = self.folder.join(family);
            let run = product::make_family(&self.program, family, &clip.path, &folder)?;
            let found = bd_rate(&points, &self.judge_all(clip, &run, &folder, rungs)?);
            let saved = found.map_or("no overlap".to_owned(), |rate| format!("{:+.1} %", 100.0 * rate));
            println!(
                "| {} | {family} | {saved} | {:.2} | {:.3} | {:.0} |",
                clip.name,
                run.whole.cpu_secs / first.whole.cpu_secs,
                run.whole.cpu_secs / megapixels(&run.plan),
                run.child_peak_bytes / 1e6
            );
        }
        Ok(())
    }

    fn judge_all(&self, clip: &Clip, run: &Run, folder: &Path, lines: &mut Vec<String>) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        let source = Source { path: &clip.path, duration_secs: run.plan.duration_secs };
        let Some(top) = run.plan.rungs.last() else { bail!("the ladder is empty") };
        for rung in &run.plan.rungs {
            let point = self.judge.judge(&source, &product::join(folder, rung)?, rung, top)?;
            let kbits = point.bits_per_second / 1000.0;
            lines.push(format!("| {} | {} | {kbits:.0} | {:.1} |", clip.name, rung.name, point.quality));
            points.push(point);
        }
        Ok(points)
    }
}

/// Million pixels of all rungs.
#[expect(clippy::cast_precision_loss, reason = "pixels of a short clip")]
fn megapixels(plan: &Plan) -> f64 {
    let pixels = plan.rungs.iter().map(|rung| (rung.width * rung.height) as f64 * fps(&rung.rate));
    pixels.sum::<f64>() * plan.duration_secs / 1e6
}

//! Measurements of the product against what it is made of and against others, on this machine.

mod bd_rate;
mod clips;
mod families;
mod ffmpeg;
mod measure;
mod peer;
mod product;
mod quality;
mod report;
mod transcode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::workspace::Workspace;

/// Options of `bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// The transcoder against bare x264 and against one `ffmpeg` per rendition; prints Markdown
    Transcode(transcode::TranscodeArgs),
    /// Second families against the first: bytes at equal quality, processor time, memory; prints Markdown
    Families(families::FamiliesArgs),
}

/// Measures.
pub(crate) fn bench(workspace: &Workspace, args: &BenchArgs) -> Result<()> {
    match &args.what {
        Bench::Transcode(args) => transcode::bench(workspace, args),
        Bench::Families(args) => families::bench(workspace, args),
    }
}

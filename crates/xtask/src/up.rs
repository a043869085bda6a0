//! `cargo xtask up`: from a fresh clone to a running site.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::cargo;
use crate::packages::{self, Purpose};
use crate::process::{run, say};
use crate::web::Web;
use crate::workspace::Workspace;

/// Options of `up`.
#[derive(Args)]
pub(crate) struct UpArgs {
    /// Build with optimisation: slower to build, faster to run
    #[arg(long)]
    release: bool,
    /// Arguments for `estrade serve`
    #[arg(last = true)]
    serve: Vec<String>,
}

/// Installs what is missing, builds what changed, and becomes `estrade serve`.
pub(crate) fn up(workspace: &Workspace, args: &UpArgs) -> Result<()> {
    build(workspace, args.release)?;
    say("starting estrade serve");
    let profile = if args.release { "release" } else { "debug" };
    // Replaces this process: signals reach the server, and its exit code is ours. It runs at the
    // root, so that its data folder is the same one from wherever it is started.
    let error = Command::new(workspace.target().join(profile).join("estrade"))
        .arg("serve")
        .args(&args.serve)
        .current_dir(workspace.root())
        .exec();
    Err(error).context("cannot start estrade")
}

/// Installs what is missing and builds the binary with the web app in it.
pub(crate) fn build(workspace: &Workspace, release: bool) -> Result<()> {
    packages::ensure(workspace, Purpose::Serving)?;
    let web = Web::open(workspace)?;
    web.install()?;
    web.build()?;
    say("building estrade");
    let mut command = cargo(workspace);
    command.args(["build", "--package", "estrade"]);
    if release {
        command.arg("--release");
    }
    run(&mut command)
}

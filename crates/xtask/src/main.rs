//! Automation in Rust: one `cargo xtask <command>` for everything a person or CI does with the
//! repository. It compiles on a machine that has nothing but Rust, and starts everything else as
//! a child process.

mod bench;
mod cargo;
mod cluster;
mod counts;
mod database;
mod openapi;
mod packages;
mod process;
mod queries;
mod stamp;
mod test;
mod tidy;
mod up;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Automation of the Estrade repository")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, build, and serve everything on this machine
    Up(up::UpArgs),
    /// Install what is missing and run every test and check
    Test(test::TestArgs),
    /// `test`, to the end whatever fails, and the documentation
    Ci,
    /// Hold the repository against the rules of the house
    Tidy,
    /// Measure the product against what it is made of and against others
    Bench(bench::BenchArgs),
    /// Describe the checked queries again, for builds without a database
    Sqlx(CheckArgs),
    /// Write docs/openapi.json from the code
    Openapi(CheckArgs),
    /// Start a development PostgreSQL with the migrations applied; print its URL
    ///
    /// Meant for the checked queries: `export DATABASE_URL=$(cargo xtask devdb)`.
    Devdb(database::DevdbArgs),
}

#[derive(Args)]
struct CheckArgs {
    /// Change nothing; fail when the committed files are out of step
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    match command {
        Command::Up(args) => up::up(&workspace, args)?,
        Command::Test(args) => return test::test(&workspace, args),
        Command::Ci => return test::ci(&workspace),
        Command::Tidy => tidy::check(&workspace)?,
        Command::Bench(args) => bench::bench(&workspace, args)?,
        Command::Sqlx(args) => queries::refresh(&workspace, args.check)?,
        Command::Openapi(args) => openapi::refresh(&workspace, args.check)?,
        Command::Devdb(args) => database::print_devdb(&workspace, args)?,
    }
    Ok(ExitCode::SUCCESS)
}

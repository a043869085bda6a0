//! Automation in Rust: one `cargo xtask <command>` for everything a person or CI does with the
//! repository. It compiles on a machine that has nothing but Rust, and starts everything else as
//! a child process.

mod cluster;
mod database;
mod packages;
mod process;
mod stamp;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Automation of the Estrade repository")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a development PostgreSQL with the migrations applied; print its URL
    ///
    /// Meant for the checked queries: `export DATABASE_URL=$(cargo xtask devdb)`.
    Devdb(database::DevdbArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    match cli.command {
        Command::Devdb(args) => database::print_devdb(&workspace, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}

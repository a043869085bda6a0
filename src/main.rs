//! The binary `estrade`: one executable, every role.

mod admin;
mod cli;
mod compose;
mod config;
mod data_dir;
mod doctor;
mod lifecycle;
mod maintenance;
mod operations;
mod pages;
mod serve;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, Role};

fn main() -> ExitCode {
    // The child that touches media starts no thread and holds no secret.
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(estrade_transcoder::CHILD_ARGUMENT) {
        return estrade_transcoder::child_main(&arguments.next().unwrap_or_default());
    }
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("estrade: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match cli.command {
        Command::Serve(settings) => serve::run(Role::All, *settings).await.map(done),
        Command::Api(settings) => serve::run(Role::Api, *settings).await.map(done),
        Command::Feed(settings) => serve::run(Role::Feed, *settings).await.map(done),
        Command::Transcoder(settings) => serve::run(Role::Transcoder, *settings).await.map(done),
        Command::Migrate(store) => admin::migrate::run(&store).await.map(done),
        Command::Admin(args) => admin::run(args).await.map(done),
        Command::Doctor(settings) => doctor::run(&settings).await,
        Command::Openapi => compose::print_openapi().map(done),
    }
}

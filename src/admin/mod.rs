//! Operator commands, one file each.

mod grant;
mod list_jobs;
pub(crate) mod migrate;
mod replay_families;
mod retry_jobs;

use clap::Subcommand;
use estrade_jobs::Kind;

use crate::config::StoreSettings;

/// Which command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreSettings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give an account a role: the first moderator and operator are made this way
    Grant(grant::Args),
    /// List jobs: those that were given up, wait or run
    ListJobs(list_jobs::Args),
    /// Give discarded jobs a second chance; clips they had failed are processed again
    RetryJobs(retry_jobs::Args),
    /// Replay a day of views: bytes served and processor time with and without second families
    ReplayFamilies(replay_families::Args),
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Grant(grant) => grant::run(&args.store, &grant).await,
        Command::ListJobs(list) => list_jobs::run(&args.store, &list).await,
        Command::RetryJobs(retry) => retry_jobs::run(&args.store, &retry).await,
        Command::ReplayFamilies(replay) => replay_families::run(&args.store, &replay).await,
    }
}

fn parse_kind(name: &str) -> Result<Kind, String> {
    Kind::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

//! Operator commands, one file each.

mod grant;
pub(crate) mod migrate;
mod replay_families;

use clap::Subcommand;

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
    /// Replay a day of views: bytes served and processor time with and without second families
    ReplayFamilies(replay_families::Args),
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Grant(grant) => grant::run(&args.store, &grant).await,
        Command::ReplayFamilies(replay) => replay_families::run(&args.store, &replay).await,
    }
}

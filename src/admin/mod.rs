//! Operator commands, one file each.

mod grant;
pub(crate) mod migrate;

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
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Grant(grant) => grant::run(&args.store, &grant).await,
    }
}

use anyhow::bail;
use clap::ValueEnum;
use estrade_db::accounts;
use estrade_domain::{Clock, SystemClock};

use crate::config::StoreSettings;
use crate::serve::Database;

/// What an account may do beyond its own.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Decides about reports and appeals
    Moderator,
    /// Sees metrics, queue and incidents
    Operator,
}

/// Whom to give which role.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Handle of the account
    handle: String,
    /// The role
    role: Role,
}

pub(super) async fn run(store: &StoreSettings, args: &Args) -> anyhow::Result<()> {
    let database = Database::for_command(store).await?;
    let role = match args.role {
        Role::Moderator => "moderator",
        Role::Operator => "operator",
    };
    let handle = args.handle.trim_start_matches('@').to_ascii_lowercase();
    let mut conn = database.pool.acquire().await?;
    let is_granted = accounts::grant_role(&mut conn, &handle, role, SystemClock.now()).await?;
    drop(conn);
    database.close().await?;
    if !is_granted {
        bail!("there is no account with the handle {handle}; sign up first");
    }
    println!("{handle} is now {role}");
    Ok(())
}

//! How this repository calls cargo.

use std::env;
use std::process::Command;

use crate::workspace::Workspace;

/// Cargo at the root of the workspace, with the queries checked against the committed `.sqlx`:
/// what is built does not depend on a database that happens to be in the environment.
pub(crate) fn cargo(workspace: &Workspace) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .current_dir(workspace.root())
        .env("SQLX_OFFLINE", "true")
        .env_remove("DATABASE_URL")
        .env_remove("SQLX_OFFLINE_DIR");
    command
}

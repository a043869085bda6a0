//! Making a cluster, such that a crash at any moment leaves either none or a whole one.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Stdio;

use super::account::Account;
use super::binaries::Binaries;
use super::layout::{self, Layout};
use super::{PostgresError, PostgresOptions, ROLE, in_background};

/// Of what initdb prints, the end is enough.
const MAX_DETAIL_CHARS: usize = 2_000;

/// The whole environment of the server's programs.
pub(super) const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LC_ALL", "C.UTF-8")];

/// Runs initdb aside and moves the result into place.
pub(super) async fn create_cluster(
    layout: &Layout,
    account: &Account,
    binaries: &Binaries,
    options: PostgresOptions,
) -> Result<(), PostgresError> {
    tracing::info!(postgres.data = %layout.data.display(), "making a PostgreSQL cluster");
    let (folders, owner) = (layout.clone(), account.clone());
    in_background(move || {
        remove_if_present(&folders.unfinished_data)?;
        layout::make_private_dir(&folders.unfinished_data, &owner)
    })
    .await?;
    run_initdb(layout, account, &binaries.initdb, options).await?;
    let folders = layout.clone();
    in_background(move || move_into_place(&folders)).await
}

async fn run_initdb(
    layout: &Layout,
    account: &Account,
    initdb: &Path,
    options: PostgresOptions,
) -> Result<(), PostgresError> {
    let mut command = tokio::process::Command::new(initdb);
    command
        .args(["-U", ROLE, "-A", "peer", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"])
        .args((!options.fsync).then_some("--no-sync"))
        .arg("-D")
        .arg(&layout.unfinished_data)
        .current_dir(&layout.root)
        .env_clear()
        .envs(ENVIRONMENT)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if account.is_dropped_to {
        command.uid(account.uid).gid(account.gid);
    }
    let output = command.output().await.map_err(PostgresError::io("run", initdb))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(PostgresError::Init { detail: last_chars(&String::from_utf8_lossy(&said)) })
}

/// `data` without a version file is what is left of a removal; nothing of it is of use.
fn move_into_place(layout: &Layout) -> Result<(), PostgresError> {
    remove_if_present(&layout.data)?;
    fs::rename(&layout.unfinished_data, &layout.data).map_err(PostgresError::io("rename", &layout.unfinished_data))?;
    File::open(&layout.root).and_then(|dir| dir.sync_all()).map_err(PostgresError::io("sync", &layout.root))
}

fn remove_if_present(dir: &Path) -> Result<(), PostgresError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PostgresError::io("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// The end of a program's output, for an error message.
pub(super) fn last_chars(text: &str) -> String {
    let text = text.trim();
    let surplus = text.chars().count().saturating_sub(MAX_DETAIL_CHARS);
    text.chars().skip(surplus).collect()
}

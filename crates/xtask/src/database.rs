//! Databases of the private cluster with the migrations applied.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::cluster::Cluster;
use crate::process::say;
use crate::stamp::{Fingerprint, list_files};
use crate::workspace::Workspace;

const DEVELOPMENT: &str = "estrade";
const MIGRATIONS: &str = "crates/db/migrations";
/// A migration whose first line says so runs outside a transaction, as in sqlx.
const NO_TRANSACTION: &str = "-- no-transaction";

/// Options of `devdb`.
#[derive(Args)]
pub(crate) struct DevdbArgs {
    /// Make the database again even when the migrations did not change
    #[arg(long)]
    fresh: bool,
    /// Stop the server instead; its data stays
    #[arg(long)]
    stop: bool,
}

/// Starts the server if need be, brings the development database in step, prints its URL.
pub(crate) fn print_devdb(workspace: &Workspace, args: &DevdbArgs) -> Result<()> {
    let _lock = lock(workspace)?;
    if args.stop {
        return Cluster::stop_existing(workspace);
    }
    let cluster = Cluster::ensure(workspace)?;
    migrate(workspace, &cluster, DEVELOPMENT, args.fresh)?;
    println!("{}", cluster.url(DEVELOPMENT));
    Ok(())
}

/// Holds off other xtasks that would start or migrate the same cluster; released on drop.
pub(crate) fn lock(workspace: &Workspace) -> Result<File> {
    let path = workspace.scratch()?.join("database.lock");
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Brings a database in step with the migration files.
///
/// A database made from exactly these files is left alone, so that whoever compiles against it is
/// not disturbed; otherwise it is made again from nothing.
pub(crate) fn migrate(workspace: &Workspace, cluster: &Cluster, database: &str, fresh: bool) -> Result<()> {
    let files = list_migrations(workspace)?;
    let mut fingerprint = Fingerprint::new();
    fingerprint.add_files(workspace.root(), &files)?;
    let fingerprint = fingerprint.finish();
    if !fresh && find_fingerprint(cluster, database)?.as_deref() == Some(&fingerprint) {
        return Ok(());
    }
    say(&format!("applying {} migrations to database {database}", files.len()));
    // Made aside and renamed: a database of this name always has a whole schema.
    let aside = format!("{database}_next");
    cluster.query("postgres", &format!("DROP DATABASE IF EXISTS {aside} WITH (FORCE)"))?;
    cluster.query("postgres", &format!("CREATE DATABASE {aside}"))?;
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        cluster.run_file(&aside, file, runs_in_transaction(&text))?;
    }
    cluster.query("postgres", &format!("COMMENT ON DATABASE {aside} IS '{fingerprint}'"))?;
    cluster.query("postgres", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))?;
    cluster.query("postgres", &format!("ALTER DATABASE {aside} RENAME TO {database}"))?;
    Ok(())
}

fn find_fingerprint(cluster: &Cluster, database: &str) -> Result<Option<String>> {
    let answer = cluster.query(
        "postgres",
        &format!(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database \
             WHERE datname = '{database}'"
        ),
    )?;
    Ok(Some(answer).filter(|text| !text.is_empty()))
}

/// The migration files in the order sqlx applies them: by the number before the first `_`.
pub(crate) fn list_migrations(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.path(MIGRATIONS);
    if !folder.is_dir() {
        say(&format!("{MIGRATIONS} does not exist: the database stays empty"));
        return Ok(Vec::new());
    }
    let mut numbered = Vec::new();
    for file in list_files(&folder, &[])? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(number) = migration_number(&name) {
            numbered.push((number, file));
        }
    }
    numbered.sort();
    Ok(numbered.into_iter().map(|(_, file)| file).collect())
}

/// The number of `0003_jobs.sql`; nothing for other files.
fn migration_number(name: &str) -> Option<i64> {
    let (number, _) = name.strip_suffix(".sql")?.split_once('_')?;
    number.parse().ok()
}

fn runs_in_transaction(text: &str) -> bool {
    !text.starts_with(NO_TRANSACTION)
}

#[cfg(test)]
mod tests {
    use super::{migration_number, runs_in_transaction};

    #[test]
    fn a_migration_is_a_number_and_a_name() {
        assert_eq!(migration_number("0010_feed.sql"), Some(10));
        assert_eq!(migration_number("20261123_feed.sql"), Some(20_261_123));
        assert_eq!(migration_number("README.md"), None);
        assert_eq!(migration_number("feed_1.sql"), None);
    }

    #[test]
    fn a_migration_opts_out_of_its_transaction_on_its_first_line() {
        assert!(runs_in_transaction("CREATE TABLE a ();\n-- no-transaction\n"));
        assert!(!runs_in_transaction("-- no-transaction\nCREATE INDEX CONCURRENTLY …"));
    }
}

//! `crates/db/.sqlx`: what PostgreSQL says about every checked query, so that the workspace builds
//! without a database.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::cargo::cargo;
use crate::cluster::Cluster;
use crate::database;
use crate::process::{run, say};
use crate::stamp::{Fingerprint, Stamp, list_files};
use crate::workspace::Workspace;

const COMMITTED: &str = "crates/db/.sqlx";
const SOURCES: &str = "crates/db/src";
const DATABASE: &str = "estrade_sqlx";

/// File names and contents of a set of query descriptions.
type Descriptions = BTreeMap<String, String>;

/// Describes all queries against a database made from the migrations, and commits the result to
/// the folder or, for `check`, compares it.
pub(crate) fn refresh(workspace: &Workspace, check: bool) -> Result<()> {
    let stamp = Stamp::new(workspace.scratch()?.join("sqlx.stamp"));
    if check && stamp.is_current(&fingerprint(workspace)?) {
        return Ok(());
    }
    let described = describe(workspace)?;
    let committed = read_descriptions(&workspace.path(COMMITTED))?;
    let changes = compare(&committed, &described);
    if check && !changes.is_empty() {
        bail!("{COMMITTED} is out of step ({}); run `cargo xtask sqlx` and commit the folder", changes.summary());
    }
    apply(workspace, &changes, &described)?;
    say(&format!("{} queries described, {}", described.len(), changes.summary()));
    stamp.write(&fingerprint(workspace)?)
}

/// Everything the outcome depends on.
fn fingerprint(workspace: &Workspace) -> Result<Fingerprint> {
    let mut files = list_files(&workspace.path(SOURCES), &[])?;
    files.extend(database::list_migrations(workspace)?);
    files.extend(list_if_there(&workspace.path(COMMITTED))?);
    files.push(workspace.path("Cargo.lock"));
    let mut fingerprint = Fingerprint::new();
    fingerprint.add_files(workspace.root(), &files)?;
    Ok(fingerprint)
}

/// Compiles the db crate against a fresh database and collects what the macros write.
fn describe(workspace: &Workspace) -> Result<Descriptions> {
    let _lock = database::lock(workspace)?;
    let folder = workspace.scratch()?.join("sqlx");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot empty the folder for descriptions")?;
    }
    fs::create_dir_all(&folder).context("cannot make the folder for descriptions")?;
    let cluster = Cluster::ensure(workspace)?;
    let outcome = database::migrate(workspace, &cluster, DATABASE, false)
        .and_then(|()| compile_online(workspace, &cluster.url(DATABASE), &folder));
    cluster.stop_if_started()?;
    outcome?;
    read_descriptions(&folder)
}

fn compile_online(workspace: &Workspace, url: &str, folder: &Path) -> Result<()> {
    // The macros write a description whenever they run against a database, and they run whenever
    // cargo takes the crate for changed. The old time comes back afterwards: the artefacts of
    // other profiles stay valid.
    let root = workspace.path(SOURCES).join("lib.rs");
    let touched = Touched::new(&root)?;
    let outcome = run(cargo(workspace)
        .args(["check", "--quiet", "--locked", "--package", "estrade-db", "--all-targets"])
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", folder)
        .env("DATABASE_URL", url));
    touched.restore()?;
    outcome
}

/// A file that looks just changed until it is restored.
struct Touched {
    path: PathBuf,
    before: SystemTime,
}

impl Touched {
    #[expect(clippy::disallowed_methods, reason = "cargo compares file times with this clock")]
    fn new(path: &Path) -> Result<Self> {
        let before = fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .with_context(|| format!("cannot look at {}", path.display()))?;
        set_modified(path, SystemTime::now())?;
        Ok(Self { path: path.to_path_buf(), before })
    }

    fn restore(&self) -> Result<()> {
        set_modified(&self.path, self.before)
    }
}

fn set_modified(path: &Path, time: SystemTime) -> Result<()> {
    File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(time))
        .with_context(|| format!("cannot set the time of {}", path.display()))
}

/// The difference between two sets of descriptions.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    written: Vec<String>,
    removed: Vec<String>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.written.is_empty() && self.removed.is_empty()
    }

    fn summary(&self) -> String {
        format!("{} new or changed, {} stale", self.written.len(), self.removed.len())
    }
}

fn compare(committed: &Descriptions, described: &Descriptions) -> Changes {
    let written =
        described.iter().filter(|(name, text)| committed.get(*name) != Some(text)).map(|(name, _)| name.clone());
    let removed = committed.keys().filter(|name| !described.contains_key(*name)).cloned();
    Changes { written: written.collect(), removed: removed.collect() }
}

fn apply(workspace: &Workspace, changes: &Changes, described: &Descriptions) -> Result<()> {
    let folder = workspace.path(COMMITTED);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {COMMITTED}"))?;
    for name in &changes.written {
        fs::write(folder.join(name), &described[name]).with_context(|| format!("cannot write {COMMITTED}/{name}"))?;
    }
    for name in &changes.removed {
        fs::remove_file(folder.join(name)).with_context(|| format!("cannot remove {COMMITTED}/{name}"))?;
    }
    Ok(())
}

fn read_descriptions(folder: &Path) -> Result<Descriptions> {
    let mut descriptions = Descriptions::new();
    for file in list_if_there(folder)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        descriptions.insert(name, text);
    }
    Ok(descriptions)
}

fn list_if_there(folder: &Path) -> Result<Vec<PathBuf>> {
    if folder.is_dir() { list_files(folder, &[]) } else { Ok(Vec::new()) }
}

#[cfg(test)]
mod tests {
    use super::{Changes, Descriptions, compare};

    fn descriptions(pairs: &[(&str, &str)]) -> Descriptions {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn equal_sets_have_no_changes() {
        let set = descriptions(&[("a", "1")]);
        assert!(compare(&set, &set).is_empty());
    }

    #[test]
    fn new_changed_and_stale_descriptions_are_told_apart() {
        let committed = descriptions(&[("same", "1"), ("changed", "1"), ("stale", "1")]);
        let described = descriptions(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        let expected =
            Changes { written: vec!["changed".to_owned(), "new".to_owned()], removed: vec!["stale".to_owned()] };
        assert_eq!(compare(&committed, &described), expected);
    }
}

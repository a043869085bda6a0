//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! Each rule is a pure function from text to offences, with a test that sees it fail.

mod arrows;
mod code;
mod documents;
mod manifests;
mod metrics;
mod rust_source;
mod sizes;
mod texts;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::cargo;
use crate::process::{capture, say};
use crate::stamp::list_files;
use crate::workspace::Workspace;

/// What is no source even where there is no git to say so.
const MADE_FOLDERS: &[&str] = &[".git", "target", "node_modules", "dist", "data"];

/// A file that belongs to the repository.
struct Source {
    /// Relative to the root, with `/` between the parts.
    path: String,
    text: String,
}

impl Source {
    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| own == extension)
    }
}

/// Fails when a rule is broken, after listing all offenders.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let sources = read_sources(workspace)?;
    let mut offences = arrows::check(&read_metadata(workspace)?)?;
    for source in &sources {
        offences.extend(check_source(source));
    }
    let exists = |path: &str| workspace.path(path).exists();
    for source in sources.iter().filter(|source| source.has_extension("md")) {
        offences.extend(documents::check(source, &exists));
    }
    offences.extend(metrics::check(&sources));
    if offences.is_empty() {
        say(&format!("{} files are tidy", sources.len()));
        return Ok(());
    }
    for offence in &offences {
        println!("{offence}");
    }
    bail!("{} offences against the rules of the house", offences.len());
}

fn check_source(source: &Source) -> Vec<String> {
    let mut offences = texts::check(source);
    if source.has_extension("rs") {
        offences.extend(code::check(source));
        offences.extend(sizes::check(source));
    }
    if source.path.ends_with("Cargo.toml") {
        offences.extend(manifests::check(source));
    }
    offences
}

fn read_metadata(workspace: &Workspace) -> Result<String> {
    capture(cargo(workspace).args(["metadata", "--no-deps", "--format-version", "1"]))
}

/// Everything that is or could be committed and is text.
fn read_sources(workspace: &Workspace) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in list_paths(workspace)? {
        let bytes = match fs::read(workspace.path(&path)) {
            Ok(bytes) => bytes,
            // Deleted, and the deletion not yet committed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
        };
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}

fn list_paths(workspace: &Workspace) -> Result<Vec<String>> {
    if !workspace.path(".git").exists() {
        return walk(workspace.root());
    }
    let listing = capture(Command::new("git").current_dir(workspace.root()).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(listing.split_terminator('\0').map(str::to_owned).collect())
}

fn walk(root: &Path) -> Result<Vec<String>> {
    let files = list_files(root, MADE_FOLDERS)?;
    let relative = files.iter().filter_map(|file| file.strip_prefix(root).ok());
    Ok(relative.map(|path| path.to_string_lossy().into_owned()).collect())
}

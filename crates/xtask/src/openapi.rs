//! The committed copy of the API document.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{capture, say};
use crate::up;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/openapi.json";

/// Builds the binary and writes the document it prints, or compares it with the committed one.
pub(crate) fn refresh(workspace: &Workspace, check: bool) -> Result<()> {
    up::build(workspace, false)?;
    if check { check_built(workspace) } else { write(workspace) }
}

/// Compares the committed document with that of the binary in the target folder.
pub(crate) fn check_built(workspace: &Workspace) -> Result<()> {
    let committed = fs::read_to_string(workspace.path(DOCUMENT))
        .with_context(|| format!("{DOCUMENT} cannot be read; `cargo xtask openapi` writes it"))?;
    match first_difference(&committed, &printed(workspace)?) {
        None => Ok(()),
        Some(line) => bail!(
            "{DOCUMENT} differs from the code at line {line}; \
             run `cargo xtask openapi` and commit the file"
        ),
    }
}

fn write(workspace: &Workspace) -> Result<()> {
    fs::write(workspace.path(DOCUMENT), printed(workspace)?).with_context(|| format!("cannot write {DOCUMENT}"))?;
    say(&format!("wrote {DOCUMENT}"));
    Ok(())
}

fn printed(workspace: &Workspace) -> Result<String> {
    let text = capture(Command::new(workspace.target().join("debug/estrade")).arg("openapi"))?;
    Ok(format!("{}\n", text.trim_end()))
}

/// The first line, counted from 1, in which two texts differ.
fn first_difference(committed: &str, printed: &str) -> Option<usize> {
    if committed == printed {
        return None;
    }
    let equal = committed.lines().zip(printed.lines()).take_while(|(left, right)| left == right);
    Some(equal.count() + 1)
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn equal_documents_have_no_difference() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn a_difference_is_named_by_its_line() {
        assert_eq!(first_difference("a\nb\nc\n", "a\nx\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("a", "a\n"), Some(2));
    }
}

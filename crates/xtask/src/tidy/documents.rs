//! What the documents point at exists.

use super::Source;

/// Folders at the root; a word in backticks that starts with one is a path.
const FOLDERS: &[&str] =
    &["api/", "crates/", "deploy/", "docs/", "feed/", "src/", "tests/", "transcoder/", "web/", ".ci/", ".cargo/"];

/// Checks the paths in one Markdown file.
pub(super) fn check(source: &Source, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut offences = Vec::new();
    let mut fenced = false;
    for (index, line) in source.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let seen = |path: &str| exists(&join(&source.path, path));
        // What is cited may be seen from the root or from the document, links only from there.
        let cited = cited_paths(line).filter(|path| !exists(path) && !seen(path));
        let linked = link_targets(line).filter(|path| !seen(path));
        for path in cited.chain(linked) {
            offences.push(format!("{}:{}: {path} does not exist", source.path, index + 1));
        }
    }
    offences
}

/// Paths in backticks, without a line number and without patterns.
fn cited_paths(line: &str) -> impl Iterator<Item = &str> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .map(|word| word.split(':').next().unwrap_or(word))
        .filter(|word| word.chars().all(|char| char.is_ascii_alphanumeric() || "._-/".contains(char)))
}

/// Targets of links into the repository, without the anchor.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|target| target.split('#').next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

/// A target as seen from the folder of the document.
fn join(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn check_text(text: &str) -> Vec<String> {
        let source = Source { path: "docs/API.md".to_owned(), text: text.to_owned() };
        check(&source, &|path| ["src/main.rs", "docs/src/near.rs", "docs/GLOSSARY.md", "README.md"].contains(&path))
    }

    #[test]
    fn what_exists_may_be_cited() {
        let text = "See `src/main.rs:12`, `src/near.rs`, [words](GLOSSARY.md#clip), [readme](../README.md), \
                    [site](https://example.org/a) and [below](#below).";
        assert!(check_text(text).is_empty());
    }

    #[test]
    fn what_does_not_exist_is_an_offence() {
        assert_eq!(check_text("`src/gone.rs`"), ["docs/API.md:1: src/gone.rs does not exist"]);
        assert_eq!(check_text("a\n[b](gone.md)"), ["docs/API.md:2: gone.md does not exist"]);
    }

    #[test]
    fn patterns_and_blocks_of_code_are_no_paths() {
        assert!(check_text("`src/<noun>/<verb>.rs`\n```\n`src/gone.rs`\n```\n").is_empty());
    }
}

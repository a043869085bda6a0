//! What no committed file contains: unfinished marks, and traces of the machine it was written on.

use super::Source;
use super::rust_source::{RustSource, find_words, line_of};

const MARKS: &[&str] = &["TODO", "FIXME", "XXX"];
/// Folders of one person's machine. Written in halves: this file is checked, too.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
/// Ends of host names that exist on one network only.
const PRIVATE_HOSTS: &[&str] = &[".internal", ".local", ".lan", ".corp", ".intranet"];
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks one file of any kind.
pub(super) fn check(source: &Source) -> Vec<String> {
    let mut offences = marks(source);
    offences.extend(machine_paths(source));
    offences.extend(private_hosts(source));
    offences.extend(registries(source));
    offences
}

/// In Rust the marks count in comments only, elsewhere anywhere; lock files have no author.
fn marks(source: &Source) -> Vec<String> {
    if is_lock_file(&source.path) {
        return Vec::new();
    }
    let is_rust = source.has_extension("rs");
    let text = if is_rust { RustSource::new(&source.text).comments() } else { source.text.clone() };
    let found = MARKS.iter().flat_map(|mark| find_words(&text, mark).map(move |at| (mark, at)));
    found.map(|(mark, at)| format!("{}:{}: {mark}", source.path, line_of(&text, at))).collect()
}

fn machine_paths(source: &Source) -> Vec<String> {
    let text = &source.text;
    let found = MACHINE_PATHS.iter().flat_map(|path| text.match_indices(path));
    // `https://example.org/home/` and `./work/` are not paths of a machine.
    let absolute = found.filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        !before.is_some_and(|char| char.is_alphanumeric() || "._-*}~$)>".contains(char))
    });
    absolute.map(|(at, path)| format!("{}:{}: {path} is one machine's path", source.path, line_of(text, at))).collect()
}

fn private_hosts(source: &Source) -> Vec<String> {
    let text = &source.text;
    let mut offences = Vec::new();
    for (at, _) in text.match_indices("://") {
        let end = |char: char| !char.is_ascii_alphanumeric() && !".-".contains(char);
        let host = text[at + 3..].split(end).next().unwrap_or_default();
        if PRIVATE_HOSTS.iter().any(|suffix| host.ends_with(suffix)) {
            offences.push(format!("{}:{}: {host} is a private host", source.path, line_of(text, at)));
        }
    }
    offences
}

/// Packages come from wherever the machine is told to get them: the repository does not say.
fn registries(source: &Source) -> Vec<String> {
    let name = source.path.rsplit('/').next().unwrap_or_default();
    let is_offence: fn(&str) -> bool = match name {
        "package-lock.json" => |line| line.contains("\"resolved\": \"http"),
        "Cargo.lock" => |line| line.starts_with("source = ") && !line.contains(CRATES_IO),
        ".npmrc" => |line| line.contains("registry="),
        "config.toml" => |line| line.starts_with("[source") || line.starts_with("[registr"),
        _ => return Vec::new(),
    };
    let found = source.text.lines().enumerate().filter(|(_, line)| is_offence(line.trim()));
    found.map(|(index, _)| format!("{}:{}: names a registry", source.path, index + 1)).collect()
}

fn is_lock_file(path: &str) -> bool {
    path.ends_with("package-lock.json") || path.ends_with("Cargo.lock")
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn check_text(path: &str, text: &str) -> Vec<String> {
        check(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn unfinished_marks_are_found_in_comments_and_other_text() {
        let mark = concat!("TO", "DO");
        assert_eq!(check_text("src/a.rs", &format!("a\n// {mark}: b")).len(), 1);
        assert_eq!(check_text("web/src/a.svelte", &format!("<!-- {mark} -->")).len(), 1);
        assert!(check_text("src/a.rs", &format!("let a = \"{mark}\";")).is_empty());
        assert!(check_text("docs/a.md", &format!("{mark}S_LOS")).is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        let path = concat!("/ho", "me/ada/clips");
        assert_eq!(check_text("docs/a.md", &format!("see {path}")).len(), 1);
        assert!(check_text("docs/a.md", &format!("https://example.org{path}")).is_empty());
    }

    #[test]
    fn private_hosts_are_found() {
        let text = concat!("http", "://registry.int", "ernal:8081/npm");
        assert_eq!(check_text("web/.npmrc", text).len(), 1);
        assert!(check_text("docs/a.md", "https://example.org/a.local").is_empty());
    }

    #[test]
    fn registries_are_not_named() {
        for (path, text) in [
            ("web/package-lock.json", "  \"resolved\": \"https://example.org/a.tgz\","),
            ("Cargo.lock", "source = \"git+https://example.org/a\""),
            ("web/.npmrc", "registry=https://example.org"),
            (".cargo/config.toml", "[source.crates-io]"),
        ] {
            assert_eq!(check_text(path, text).len(), 1, "{path}");
        }
        let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        assert!(check_text("Cargo.lock", public).is_empty());
    }
}

//! The arrows between the crates, and the libraries that only one of them may name.

use anyhow::{Context, Result};
use serde_json::Value;

/// Each crate with those of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("estrade-domain", &[]),
    ("estrade-embedded", &[]),
    ("estrade-db", &["estrade-domain"]),
    ("estrade-blobs", &["estrade-domain"]),
    ("estrade-jobs", &["estrade-db", "estrade-domain"]),
    ("estrade-events", &["estrade-db", "estrade-domain"]),
    ("estrade-http", &["estrade-db", "estrade-domain"]),
    (
        "estrade-api",
        &["estrade-http", "estrade-jobs", "estrade-events", "estrade-blobs", "estrade-db", "estrade-domain"],
    ),
    ("estrade-feed", &["estrade-http", "estrade-jobs", "estrade-events", "estrade-db", "estrade-domain"]),
    ("estrade-transcoder", &["estrade-jobs", "estrade-events", "estrade-blobs", "estrade-db", "estrade-domain"]),
    (
        "estrade",
        &[
            "estrade-api",
            "estrade-blobs",
            "estrade-db",
            "estrade-domain",
            "estrade-embedded",
            "estrade-events",
            "estrade-feed",
            "estrade-http",
            "estrade-jobs",
            "estrade-transcoder",
        ],
    ),
    ("estrade-testkit", &["estrade-embedded", "estrade-db", "estrade-domain"]),
    ("xtask", &[]),
];

/// For tests only: any crate may have it as a development dependency, none as another.
const TESTKIT: &str = "estrade-testkit";

/// Libraries, by the start of their name, with the crates that may name them.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("aws-", &["estrade-blobs"]),
    ("ffmpeg", &["estrade-transcoder"]),
    ("axum", &["estrade-http", "estrade-api", "estrade-feed", "estrade"]),
    ("s3s", &["estrade-embedded"]),
    ("anyhow", &["estrade", "estrade-testkit", "xtask"]),
    ("tokio", NOT_DOMAIN),
    ("sqlx", NOT_DOMAIN),
    ("reqwest", &["estrade", "estrade-api", "estrade-testkit"]),
];

/// Libraries that tests may name beyond that: the embedded store is tried with the real client.
const TEST_LIBRARIES: &[(&str, &[&str])] = &[("aws-", &["estrade-embedded"])];

const NOT_DOMAIN: &[&str] = &[
    "estrade",
    "estrade-api",
    "estrade-blobs",
    "estrade-db",
    "estrade-embedded",
    "estrade-events",
    "estrade-feed",
    "estrade-http",
    "estrade-jobs",
    "estrade-testkit",
    "estrade-transcoder",
];

/// What xtask may use: it must compile on a bare machine.
const XTASK_LIBRARIES: &[&str] = &["anyhow", "clap", "serde_json"];

/// One line of a manifest.
struct Dependency<'a> {
    of: &'a str,
    on: &'a str,
    for_tests: bool,
}

/// Checks the answer of `cargo metadata --no-deps`.
pub(super) fn check(metadata: &str) -> Result<Vec<String>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let mut offences = Vec::new();
    for package in packages {
        let name = package["name"].as_str().context("a package has no name")?;
        let Some((_, allowed)) = ARROWS.iter().find(|(of, _)| *of == name) else {
            offences.push(format!("{name}: a crate that the table of arrows does not know"));
            continue;
        };
        for dependency in dependencies(name, package) {
            offences.extend(check_dependency(&dependency, allowed));
        }
    }
    Ok(offences)
}

fn dependencies<'a>(of: &'a str, package: &'a Value) -> Vec<Dependency<'a>> {
    let listed = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let read = |entry: &'a Value| {
        let on = entry["name"].as_str()?;
        Some(Dependency { of, on, for_tests: entry["kind"] == "dev" })
    };
    listed.iter().filter_map(read).collect()
}

fn check_dependency(dependency: &Dependency<'_>, allowed: &[&str]) -> Option<String> {
    let Dependency { of, on, for_tests } = *dependency;
    let is_ours = ARROWS.iter().any(|(name, _)| *name == on);
    if is_ours {
        let holds = allowed.contains(&on) || for_tests && (on == TESTKIT || on == of);
        return (!holds).then(|| format!("{of} depends on {on}: that arrow points the wrong way"));
    }
    if of == "xtask" && !XTASK_LIBRARIES.contains(&on) {
        return Some(format!("xtask depends on {on}: it compiles before anything is installed"));
    }
    let owners = find_owners(LIBRARIES, on)?;
    let for_tests = for_tests && find_owners(TEST_LIBRARIES, on).is_some_and(|who| who.contains(&of));
    let holds = owners.contains(&of) || for_tests;
    (!holds).then(|| format!("{of} depends on {on}: only {} may", owners.join(", ")))
}

fn find_owners(table: &[(&str, &'static [&'static str])], library: &str) -> Option<&'static [&'static str]> {
    let (_, owners) = table.iter().find(|(start, _)| library.starts_with(start))?;
    Some(owners)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;

    fn check_one(of: &str, on: &str, kind: Option<&str>) -> Vec<String> {
        let package = json!({"name": of, "dependencies": [{"name": on, "kind": kind}]});
        check(&json!({"packages": [package]}).to_string()).expect("well-formed")
    }

    #[test]
    fn an_arrow_of_the_table_holds_and_its_inverse_does_not() {
        assert!(check_one("estrade-api", "estrade-db", None).is_empty());
        assert_eq!(
            check_one("estrade-db", "estrade-api", None),
            ["estrade-db depends on estrade-api: that arrow points the wrong way"]
        );
    }

    #[test]
    fn services_do_not_know_each_other() {
        assert_eq!(check_one("estrade-feed", "estrade-api", None).len(), 1);
        assert_eq!(check_one("estrade-feed", "estrade-blobs", None).len(), 1);
    }

    #[test]
    fn the_testkit_is_for_tests() {
        assert!(check_one("estrade-db", "estrade-testkit", Some("dev")).is_empty());
        assert_eq!(check_one("estrade", "estrade-testkit", None).len(), 1);
    }

    #[test]
    fn a_library_stays_with_its_owner() {
        assert!(check_one("estrade-blobs", "aws-sdk-s3", None).is_empty());
        for (of, on) in [
            ("estrade-api", "aws-sdk-s3"),
            ("estrade", "ffmpeg-next"),
            ("estrade-jobs", "axum"),
            ("estrade-domain", "tokio"),
            ("estrade-domain", "sqlx"),
            ("estrade-db", "anyhow"),
            ("xtask", "libc"),
        ] {
            assert_eq!(check_one(of, on, None).len(), 1, "{of} on {on}");
        }
    }

    #[test]
    fn a_library_for_tests_stays_in_the_tests() {
        assert!(check_one("estrade-embedded", "aws-sdk-s3", Some("dev")).is_empty());
        assert_eq!(check_one("estrade-embedded", "aws-sdk-s3", None).len(), 1);
        assert_eq!(check_one("estrade-api", "aws-sdk-s3", Some("dev")).len(), 1);
    }

    #[test]
    fn a_crate_beyond_the_table_is_an_offence() {
        assert_eq!(check_one("estrade-extra", "serde", None).len(), 1);
    }
}

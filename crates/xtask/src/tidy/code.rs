//! What may be written in which Rust file.

use super::Source;
use super::rust_source::{RustSource, find_words, line_of};

const BANNED_NAMES: &[&str] = &["common", "utils", "helpers", "misc", "types"];
const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented", "dbg"];
const QUERIES: &[&str] = &["query!", "query_as!", "query_scalar!", "query_file!", "query_unchecked!"];
const QUERY_PATHS: &[&str] = &["sqlx::query", "sqlx::raw_sql", "QueryBuilder", "PgListener"];
const STATEMENTS: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "DELETE FROM ",
    "UPDATE ",
    "CREATE TABLE",
    "CREATE DATABASE",
    "ALTER TABLE",
    "DROP TABLE",
    "DROP DATABASE",
    "TRUNCATE ",
    "LISTEN ",
    "NOTIFY ",
];
/// Beside db: what makes databases for people and tests, none of it in the product.
const MAY_SPEAK_SQL: &[&str] = &["crates/db/", "crates/testkit/", "crates/xtask/"];
/// A folder or a file of this name holds tests, wherever it is.
const TESTS: &[&str] = &["tests", "tests.rs"];
const MAY_BE_UNSAFE: &[&str] = &["transcoder/src/media/", "transcoder/src/sandbox/"];
const INPUT_AND_OUTPUT: &[&str] =
    &["std::fs", "std::net", "std::env", "std::process", "std::thread", "std::io", "tokio"];

/// Checks one Rust file against all rules.
pub(super) fn check(source: &Source) -> Vec<String> {
    let rust = RustSource::new(&source.text);
    let path = &source.path;
    let mut offences = banned_names(path, &rust.code());
    offences.extend(unfinished_work(path, &rust.code()));
    let shipped = rust.shipped_code();
    let is_test = path.split('/').any(|part| TESTS.contains(&part));
    if !is_test && !MAY_SPEAK_SQL.iter().any(|folder| path.starts_with(folder)) {
        offences.extend(sql(path, &rust, &shipped));
    }
    if !MAY_BE_UNSAFE.iter().any(|folder| path.starts_with(folder)) {
        offences.extend(words(path, &shipped, &["unsafe"], "only the media code may be unsafe"));
    }
    if path.starts_with("crates/domain/src/") {
        offences.extend(words(path, &shipped, INPUT_AND_OUTPUT, "the domain does no I/O"));
    }
    offences
}

fn banned_names(path: &str, code: &str) -> Vec<String> {
    let parts = path.trim_end_matches(".rs").split('/');
    let mut offences: Vec<String> = parts
        .filter(|part| BANNED_NAMES.contains(part))
        .map(|part| format!("{path}: a module called `{part}` says nothing"))
        .collect();
    for at in find_words(code, "mod") {
        let name = code[at + 3..].split([';', '{']).next().unwrap_or_default().trim();
        if BANNED_NAMES.contains(&name) {
            let line = line_of(code, at);
            offences.push(format!("{path}:{line}: a module called `{name}` says nothing"));
        }
    }
    offences
}

fn unfinished_work(path: &str, code: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for name in UNFINISHED_MACROS {
        for at in find_words(code, name) {
            if code[at + name.len()..].starts_with('!') {
                offences.push(format!("{path}:{}: `{name}!`", line_of(code, at)));
            }
        }
    }
    offences
}

fn sql(path: &str, rust: &RustSource<'_>, shipped: &str) -> Vec<String> {
    const WHY: &str = "only db contains SQL";
    let mut offences = Vec::new();
    for macro_name in QUERIES {
        let name = macro_name.trim_end_matches('!');
        for at in find_words(shipped, name) {
            if shipped[at + name.len()..].starts_with('!') {
                offences.push(format!("{path}:{}: `{macro_name}`: {WHY}", line_of(shipped, at)));
            }
        }
    }
    for name in QUERY_PATHS {
        for (at, _) in shipped.match_indices(name) {
            offences.push(format!("{path}:{}: `{name}`: {WHY}", line_of(shipped, at)));
        }
    }
    for (line, literal) in rust.literals_within(shipped) {
        if is_statement(literal) {
            offences.push(format!("{path}:{line}: a statement in a string: {WHY}"));
        }
    }
    offences
}

fn is_statement(literal: &str) -> bool {
    let start = literal.trim_start();
    STATEMENTS.iter().any(|statement| start.starts_with(statement))
}

fn words(path: &str, code: &str, banned: &[&str], why: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for word in banned {
        for at in find_words(code, word) {
            offences.push(format!("{path}:{}: `{word}`: {why}", line_of(code, at)));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn check_text(path: &str, text: &str) -> Vec<String> {
        check(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn modules_that_say_nothing_are_found_by_file_and_by_name() {
        assert_eq!(check_text("api/src/utils/a.rs", "").len(), 1);
        assert_eq!(check_text("api/src/types.rs", "").len(), 1);
        assert_eq!(
            check_text("api/src/a.rs", "fn a() {}\nmod helpers;"),
            ["api/src/a.rs:2: a module called `helpers` says nothing"]
        );
        assert!(check_text("api/src/mime_types.rs", "mod helpers_of_sleep;").is_empty());
    }

    #[test]
    fn unfinished_work_is_found_even_in_tests() {
        let text = concat!("#[cfg(test)]\nmod tests { fn a() { to", "do!() } }");
        assert_eq!(check_text("api/src/a.rs", text).len(), 1);
        assert_eq!(check_text("api/src/a.rs", "dbg!(a); unimplemented!()").len(), 2);
        assert!(check_text("api/src/a.rs", "// dbg!\nlet todo = \"dbg!\";").is_empty());
    }

    #[test]
    fn queries_outside_db_are_found() {
        for text in [
            "sqlx::query!(\"a\")",
            "use sqlx::query_scalar;",
            "query_as!(Row, \"a\")",
            "QueryBuilder::new()",
            "let a = \"SELECT 1\";",
            "let a = r#\"\n  INSERT INTO clip VALUES (1)\"#;",
        ] {
            assert!(!check_text("api/src/a.rs", text).is_empty(), "{text}");
            assert!(check_text("crates/db/src/a.rs", text).is_empty(), "{text}");
        }
        assert!(check_text("feed/tests/a.rs", "let a = \"SELECT 1\";").is_empty());
        assert!(check_text("api/src/a.rs", "let query = request.query(); // SELECT 1").is_empty());
    }

    #[test]
    fn unsafe_code_stays_in_the_media_code() {
        assert_eq!(check_text("api/src/a.rs", "unsafe { a() }").len(), 1);
        assert!(check_text("transcoder/src/media/a.rs", "unsafe { a() }").is_empty());
        assert!(check_text("api/src/a.rs", "#![deny(unsafe_code)] // unsafe").is_empty());
    }

    #[test]
    fn the_domain_does_no_input_and_output() {
        assert_eq!(check_text("crates/domain/src/a.rs", "use std::fs;").len(), 1);
        assert!(check_text("crates/db/src/a.rs", "use std::fs;").is_empty());
    }
}

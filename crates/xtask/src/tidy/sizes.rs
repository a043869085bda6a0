//! Functions and files that no longer read in one glance.

use super::Source;
use super::rust_source::{RustSource, block_at, find_words, line_of};

const MAX_FUNCTION_LINES: usize = 70;
const MAX_FILE_LINES: usize = 400;

/// Lists functions and files that are too long; test code may be.
pub(super) fn check(source: &Source) -> Vec<String> {
    if is_test_file(&source.path) {
        return Vec::new();
    }
    let code = RustSource::new(&source.text).shipped_code();
    let mut offences = long_functions(&source.path, &code);
    let lines = code_extent(&source.text, &code);
    if lines > MAX_FILE_LINES {
        offences.push(format!("{}: {lines} lines, at most {MAX_FILE_LINES}", source.path));
    }
    offences
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
}

/// Lines of the file that do not belong to a module of tests.
fn code_extent(text: &str, shipped: &str) -> usize {
    let in_tests =
        |(line, shipped): &(&str, &str)| shipped.trim().is_empty() && !RustSource::new(line).code().trim().is_empty();
    text.lines().zip(shipped.lines()).filter(|pair| !in_tests(pair)).count()
}

fn long_functions(path: &str, code: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for start in find_words(code, "fn") {
        let Some((name, end)) = function_at(code, start) else {
            continue;
        };
        // A long statement of SQL in its literal, comments and blank lines do not count.
        let body = code[start..end].lines();
        let lines = body.filter(|line| !line.trim().is_empty()).count();
        if lines > MAX_FUNCTION_LINES {
            let line = line_of(code, start);
            offences.push(format!("{path}:{line}: `{name}` has {lines} lines of code, at most {MAX_FUNCTION_LINES}"));
        }
    }
    offences
}

/// The name and the end of the function whose `fn` is here; nothing for a type or a declaration.
fn function_at(code: &str, start: usize) -> Option<(&str, usize)> {
    let rest = &code[start + 2..];
    let name = rest.trim_start();
    let name = &name[..name.find(|char: char| !char.is_alphanumeric() && char != '_')?];
    if name.is_empty() {
        return None;
    }
    let mut depth = 0_i32;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some((name, block_at(code, start + 2 + at)?.end)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn check_text(path: &str, text: &str) -> Vec<String> {
        check(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    fn function(lines: usize) -> String {
        format!("fn long(a: [u8; 3]) {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_seventy_lines_passes_and_one_more_does_not() {
        assert!(check_text("src/a.rs", &function(70)).is_empty());
        assert_eq!(check_text("src/a.rs", &function(71)), ["src/a.rs:1: `long` has 71 lines of code, at most 70"]);
    }

    #[test]
    fn a_statement_and_a_comment_do_not_make_a_function_long() {
        let lines = "a\n".repeat(80);
        let text = format!("fn a() {{\n/* {lines} */ query!(\"{lines}\")\n}}\n");
        assert!(check_text("src/a.rs", &text).is_empty());
    }

    #[test]
    fn a_long_test_is_no_offence() {
        let text = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(500));
        assert!(check_text("src/a.rs", &text).is_empty());
        assert!(check_text("tests/it/a.rs", &function(500)).is_empty());
    }

    #[test]
    fn a_file_over_four_hundred_lines_is_an_offence() {
        assert!(check_text("src/a.rs", &"// a\n".repeat(400)).is_empty());
        assert_eq!(check_text("src/a.rs", &"const A: u8 = 1;\n".repeat(401)), ["src/a.rs: 401 lines, at most 400"]);
    }
}

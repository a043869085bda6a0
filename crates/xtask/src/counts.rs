//! Reading how many tests passed from what the test runners print.

use std::ops::AddAssign;

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// One test binary's line: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
pub(crate) fn parse_cargo_line(line: &str) -> Option<Counts> {
    let rest = line.strip_prefix("test result: ")?;
    let (_, numbers) = rest.split_once(". ")?;
    Some(sum(numbers.split(';')))
}

/// Vitest's summary: `Tests  1 failed | 11 passed (12)`; the line of test files is not counted.
pub(crate) fn parse_vitest_line(line: &str) -> Option<Counts> {
    let numbers = line.trim().strip_prefix("Tests ")?;
    let numbers = numbers.split('(').next()?;
    Some(sum(numbers.split('|')))
}

fn sum<'a>(parts: impl Iterator<Item = &'a str>) -> Counts {
    let mut counts = Counts::default();
    for part in parts {
        let mut words = part.split_whitespace();
        let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        match words.next() {
            Some("passed") => counts.passed += number,
            Some("failed") => counts.failed += number,
            _ => {}
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::{Counts, parse_cargo_line, parse_vitest_line};

    #[test]
    fn a_line_of_cargo_test_is_read() {
        let line = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; \
                    4 filtered out; finished in 0.10s";
        assert_eq!(parse_cargo_line(line), Some(Counts { passed: 12, failed: 2 }));
        assert_eq!(parse_cargo_line("test a::b ... ok"), None);
    }

    #[test]
    fn a_summary_of_vitest_is_read() {
        let passed = "      Tests  12 passed (12)";
        assert_eq!(parse_vitest_line(passed), Some(Counts { passed: 12, failed: 0 }));
        let mixed = "      Tests  1 failed | 11 passed | 2 skipped (14)";
        assert_eq!(parse_vitest_line(mixed), Some(Counts { passed: 11, failed: 1 }));
        assert_eq!(parse_vitest_line(" Test Files  3 passed (3)"), None);
    }
}

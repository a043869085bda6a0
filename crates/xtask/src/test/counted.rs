//! Runs of tests, counted by what they print.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::counts::Counts;
use crate::process::describe;

/// Runs tests that must be counted: a runner that fails without a failed test, or passes without
/// a single one, is an error and not a count.
pub(super) fn count_tests(command: &mut Command, parse: fn(&str) -> Option<Counts>) -> Result<Option<Counts>> {
    let (succeeded, counts) = run_counted(command, parse)?;
    if succeeded != (counts.failed == 0) {
        bail!("{} failed, and not by a test alone", describe(command));
    }
    if counts.passed + counts.failed == 0 {
        bail!("{} ran no test", describe(command));
    }
    Ok(Some(counts))
}

/// Shows what the command prints and adds up the counts in it; whether it succeeded.
pub(super) fn run_counted(command: &mut Command, parse: fn(&str) -> Option<Counts>) -> Result<(bool, Counts)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    let mut counts = Counts::default();
    let mut lines = BufReader::new(child.stdout.take().context("no output")?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).context("cannot read what a test prints")? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        if let Some(found) = parse(text.trim_end()) {
            counts += found;
        }
        line.clear();
    }
    let status = child.wait().with_context(|| format!("lost {}", describe(command)))?;
    Ok((status.success(), counts))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Counts, count_tests};
    use crate::counts::parse_cargo_line;

    fn count_printed(text: &str, exit: &str) -> anyhow::Result<Option<Counts>> {
        let script = format!("printf '%s\\n' \"$0\"; exit {exit}");
        count_tests(Command::new("sh").args(["-c", &script, text]), parse_cargo_line)
    }

    #[test]
    fn a_run_is_counted_by_what_it_prints() {
        let passed = count_printed("test result: ok. 2 passed; 0 failed", "0").expect("counted");
        assert_eq!(passed, Some(Counts { passed: 2, failed: 0 }));
        let failed = count_printed("test result: FAILED. 2 passed; 1 failed", "101").expect("counted");
        assert_eq!(failed, Some(Counts { passed: 2, failed: 1 }));
    }

    #[test]
    fn a_run_that_breaks_or_tests_nothing_is_an_error() {
        assert!(count_printed("test result: ok. 2 passed; 0 failed", "101").is_err());
        assert!(count_printed("test result: ok. 2 passed; 1 failed", "0").is_err());
        assert!(count_printed("test result: ok. 0 passed; 0 failed", "0").is_err());
    }
}

//! The summary at the end.

use std::process::ExitCode;
use std::time::Duration;

use crate::counts::Counts;

/// How a step ended.
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) took: Duration,
    pub(super) counts: Option<Counts>,
    pub(super) held: bool,
}

/// Prints a line a step and, when it is the whole truth, the closing line.
pub(super) fn print_summary(outcomes: &[Outcome], planned: usize) -> ExitCode {
    println!();
    for outcome in outcomes {
        let mark = if outcome.held { "ok    " } else { "FAILED" };
        let seconds = outcome.took.as_secs_f64();
        println!("{mark} {:<20} {seconds:>7.1} s{}", outcome.name, counts_text(outcome.counts));
    }
    if outcomes.len() < planned {
        println!("{} later steps did not run", planned - outcomes.len());
    }
    if let Some(line) = closing_line(outcomes) {
        println!("{line}");
    }
    let all = outcomes.len() == planned && outcomes.iter().all(|outcome| outcome.held);
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn counts_text(counts: Option<Counts>) -> String {
    match counts {
        Some(Counts { passed, failed: 0 }) => format!("   {passed} tests"),
        Some(Counts { passed, failed }) => format!("   {passed} passed, {failed} failed"),
        None => String::new(),
    }
}

/// `N passed, N failed`, unless a step failed that is not counted in tests.
fn closing_line(outcomes: &[Outcome]) -> Option<String> {
    let mut sum = Counts::default();
    for outcome in outcomes {
        if !outcome.held && outcome.counts.is_none() {
            return None;
        }
        sum += outcome.counts.unwrap_or_default();
    }
    Some(format!("{} passed, {} failed", sum.passed, sum.failed))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counts, Outcome, closing_line};

    fn tests(passed: u64, failed: u64) -> Outcome {
        let counts = Some(Counts { passed, failed });
        Outcome { counts, held: failed == 0, ..check(true) }
    }

    fn check(held: bool) -> Outcome {
        Outcome { name: "step", took: Duration::ZERO, counts: None, held }
    }

    #[test]
    fn the_closing_line_sums_all_tests() {
        let line = closing_line(&[check(true), tests(3, 0), tests(4, 1)]);
        assert_eq!(line.as_deref(), Some("7 passed, 1 failed"));
    }

    #[test]
    fn a_failure_that_is_no_test_leaves_the_closing_line_out() {
        assert_eq!(closing_line(&[tests(3, 0), check(false)]), None);
    }
}

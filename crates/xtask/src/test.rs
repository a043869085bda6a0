//! `cargo xtask test`: everything that must hold, cheapest first, with a summary at the end.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo::cargo;
use crate::counts::{Counts, parse_cargo_line, parse_vitest_line};
use crate::process::{describe, run, say};
use crate::web::Web;
use crate::workspace::Workspace;
use crate::{openapi, packages, queries, tidy};

/// Options of `test`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Run only the Rust tests whose name contains this, and none of the other checks
    filter: Option<String>,
    /// Run the remaining steps after one failed
    #[arg(long)]
    keep_going: bool,
}

/// What the steps work on.
struct Bench<'a> {
    workspace: &'a Workspace,
    web: Web<'a>,
}

/// One thing that must hold; the work says how many tests it ran, if it runs tests.
struct Step {
    name: &'static str,
    work: fn(&Bench<'_>) -> Result<Option<Counts>>,
}

/// How a step ended.
struct Outcome {
    name: &'static str,
    took: Duration,
    counts: Option<Counts>,
    held: bool,
}

/// Cheapest first. Everything that compiles shares the dependencies it can: `queries` and
/// `clippy` the checked ones, `rust tests` and `api document` the built ones.
const TEST_STEPS: &[Step] = &[
    Step {
        name: "tidy",
        work: check_tidy,
    },
    Step {
        name: "format",
        work: check_format,
    },
    Step {
        name: "web packages",
        work: install_web,
    },
    Step {
        name: "web types",
        work: check_web_types,
    },
    Step {
        name: "web tests",
        work: run_web_tests,
    },
    Step {
        name: "web build",
        work: build_web,
    },
    Step {
        name: "web budget",
        work: check_web_budget,
    },
    Step {
        name: "queries",
        work: check_queries,
    },
    Step {
        name: "clippy",
        work: check_clippy,
    },
    Step {
        name: "rust tests",
        work: run_rust_tests,
    },
    Step {
        name: "api document",
        work: check_api_document,
    },
];

/// What the full run adds.
const CI_STEPS: &[Step] = &[Step {
    name: "rust documentation",
    work: check_documentation,
}];

/// Runs the tests, all of them or those that match the filter.
pub(crate) fn test(workspace: &Workspace, args: &TestArgs) -> Result<ExitCode> {
    let bench = prepare(workspace)?;
    if let Some(filter) = &args.filter {
        return test_matching(&bench, filter);
    }
    let outcomes = run_steps(&bench, TEST_STEPS.iter(), args.keep_going);
    Ok(report(&outcomes, TEST_STEPS.len()))
}

/// Runs everything, whatever fails on the way.
pub(crate) fn ci(workspace: &Workspace) -> Result<ExitCode> {
    let bench = prepare(workspace)?;
    let steps = TEST_STEPS.iter().chain(CI_STEPS);
    let count = steps.clone().count();
    Ok(report(&run_steps(&bench, steps, true), count))
}

fn prepare(workspace: &Workspace) -> Result<Bench<'_>> {
    packages::ensure(workspace)?;
    Ok(Bench {
        workspace,
        web: Web::open(workspace)?,
    })
}

fn test_matching(bench: &Bench<'_>, filter: &str) -> Result<ExitCode> {
    bench.web.install()?;
    bench.web.build()?;
    let (succeeded, counts) = run_counted(
        cargo(bench.workspace).args(["test", "--locked", "--workspace", "--no-fail-fast", filter]),
        parse_cargo_line,
    )?;
    if counts.passed + counts.failed == 0 {
        bail!("no test ran: either nothing matches {filter}, or it does not compile");
    }
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_steps<'s>(
    bench: &Bench<'_>,
    steps: impl Iterator<Item = &'s Step>,
    keep_going: bool,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for step in steps {
        say(step.name);
        let started = Instant::now();
        let (counts, held) = match (step.work)(bench) {
            Ok(counts) => (counts, counts.is_none_or(|counts| counts.failed == 0)),
            Err(error) => {
                eprintln!("xtask: {}: {error:#}", step.name);
                (None, false)
            }
        };
        outcomes.push(Outcome {
            name: step.name,
            took: started.elapsed(),
            counts,
            held,
        });
        if !held && !keep_going {
            break;
        }
    }
    outcomes
}

/// Prints a line a step and, when it is the whole truth, the closing line.
fn report(outcomes: &[Outcome], planned: usize) -> ExitCode {
    println!();
    for outcome in outcomes {
        let mark = if outcome.held { "ok    " } else { "FAILED" };
        let seconds = outcome.took.as_secs_f64();
        println!(
            "{mark} {:<20} {seconds:>7.1} s{}",
            outcome.name,
            counts_text(outcome.counts)
        );
    }
    if outcomes.len() < planned {
        println!("{} later steps did not run", planned - outcomes.len());
    }
    if let Some(line) = closing_line(outcomes) {
        println!("{line}");
    }
    let all = outcomes.len() == planned && outcomes.iter().all(|outcome| outcome.held);
    if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
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

fn check_tidy(bench: &Bench<'_>) -> Result<Option<Counts>> {
    tidy::check(bench.workspace)?;
    Ok(None)
}

fn check_format(bench: &Bench<'_>) -> Result<Option<Counts>> {
    run(cargo(bench.workspace).args(["fmt", "--all", "--check"]))?;
    Ok(None)
}

fn install_web(bench: &Bench<'_>) -> Result<Option<Counts>> {
    bench.web.install()?;
    Ok(None)
}

fn check_web_types(bench: &Bench<'_>) -> Result<Option<Counts>> {
    run(&mut bench.web.script("check"))?;
    Ok(None)
}

fn run_web_tests(bench: &Bench<'_>) -> Result<Option<Counts>> {
    count_tests(&mut bench.web.script("test"), parse_vitest_line)
}

fn build_web(bench: &Bench<'_>) -> Result<Option<Counts>> {
    bench.web.build()?;
    Ok(None)
}

fn check_web_budget(bench: &Bench<'_>) -> Result<Option<Counts>> {
    run(&mut bench.web.script("budget"))?;
    Ok(None)
}

fn check_queries(bench: &Bench<'_>) -> Result<Option<Counts>> {
    queries::refresh(bench.workspace, true)?;
    Ok(None)
}

fn check_clippy(bench: &Bench<'_>) -> Result<Option<Counts>> {
    run(cargo(bench.workspace)
        .args([
            "clippy",
            "--quiet",
            "--locked",
            "--workspace",
            "--all-targets",
        ])
        .args(["--", "-D", "warnings"]))?;
    Ok(None)
}

fn run_rust_tests(bench: &Bench<'_>) -> Result<Option<Counts>> {
    let mut command = cargo(bench.workspace);
    command.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    count_tests(&mut command, parse_cargo_line)
}

fn check_api_document(bench: &Bench<'_>) -> Result<Option<Counts>> {
    openapi::check_built(bench.workspace)?;
    Ok(None)
}

fn check_documentation(bench: &Bench<'_>) -> Result<Option<Counts>> {
    run(cargo(bench.workspace)
        .args(["doc", "--quiet", "--locked", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(None)
}

/// Runs tests that must be counted: a runner that fails without a failed test, or passes without
/// a single one, is an error and not a count.
fn count_tests(command: &mut Command, parse: fn(&str) -> Option<Counts>) -> Result<Option<Counts>> {
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
fn run_counted(command: &mut Command, parse: fn(&str) -> Option<Counts>) -> Result<(bool, Counts)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    let mut counts = Counts::default();
    let mut lines = BufReader::new(child.stdout.take().context("no output")?);
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .context("cannot read what a test prints")?
        > 0
    {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        if let Some(found) = parse(text.trim_end()) {
            counts += found;
        }
        line.clear();
    }
    let status = child
        .wait()
        .with_context(|| format!("lost {}", describe(command)))?;
    Ok((status.success(), counts))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Counts, Outcome, closing_line, count_tests, parse_cargo_line};

    fn outcome(counts: Option<Counts>, held: bool) -> Outcome {
        Outcome {
            name: "step",
            took: Duration::ZERO,
            counts,
            held,
        }
    }

    fn counts(passed: u64, failed: u64) -> Option<Counts> {
        Some(Counts { passed, failed })
    }

    fn count_printed(text: &str, exit: &str) -> anyhow::Result<Option<Counts>> {
        let script = format!("printf '%s\\n' \"$0\"; exit {exit}");
        count_tests(
            Command::new("sh").args(["-c", &script, text]),
            parse_cargo_line,
        )
    }

    #[test]
    fn the_closing_line_sums_all_tests() {
        let outcomes = [
            outcome(None, true),
            outcome(counts(3, 0), true),
            outcome(counts(4, 1), false),
        ];
        assert_eq!(
            closing_line(&outcomes).as_deref(),
            Some("7 passed, 1 failed")
        );
    }

    #[test]
    fn a_failure_that_is_no_test_leaves_the_closing_line_out() {
        let outcomes = [outcome(counts(3, 0), true), outcome(None, false)];
        assert_eq!(closing_line(&outcomes), None);
    }

    #[test]
    fn a_run_is_counted_by_what_it_prints() {
        let passed = count_printed("test result: ok. 2 passed; 0 failed", "0");
        assert_eq!(passed.expect("counted"), counts(2, 0));
        let failed = count_printed("test result: FAILED. 2 passed; 1 failed", "101");
        assert_eq!(failed.expect("counted"), counts(2, 1));
    }

    #[test]
    fn a_run_that_breaks_or_tests_nothing_is_an_error() {
        assert!(count_printed("test result: ok. 2 passed; 0 failed", "101").is_err());
        assert!(count_printed("test result: ok. 2 passed; 1 failed", "0").is_err());
        assert!(count_printed("test result: ok. 0 passed; 0 failed", "0").is_err());
    }
}

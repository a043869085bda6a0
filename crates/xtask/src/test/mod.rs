//! `cargo xtask test`: everything that must hold, cheapest first, with a summary at the end.

mod counted;
mod report;
mod steps;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use self::counted::run_counted;
use self::report::{Outcome, print_summary};
use self::steps::{Bench, CI_STEPS, Step, TEST_STEPS};
use crate::cargo::cargo;
use crate::counts::parse_cargo_line;
use crate::packages::{self, Purpose};
use crate::process::say;
use crate::web::Web;
use crate::workspace::Workspace;

/// Options of `test`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Run only the Rust tests whose name contains this, and none of the other checks
    filter: Option<String>,
    /// Run the remaining steps after one failed
    #[arg(long)]
    keep_going: bool,
}

/// Runs the tests, all of them or those that match the filter.
pub(crate) fn test(workspace: &Workspace, args: &TestArgs) -> Result<ExitCode> {
    let bench = prepare(workspace)?;
    if let Some(filter) = &args.filter {
        return test_matching(&bench, filter);
    }
    let outcomes = run_steps(&bench, TEST_STEPS.iter(), args.keep_going);
    Ok(print_summary(&outcomes, TEST_STEPS.len()))
}

/// Runs everything, whatever fails on the way.
pub(crate) fn ci(workspace: &Workspace) -> Result<ExitCode> {
    let bench = prepare(workspace)?;
    let steps = TEST_STEPS.iter().chain(CI_STEPS);
    let count = steps.clone().count();
    Ok(print_summary(&run_steps(&bench, steps, true), count))
}

fn prepare(workspace: &Workspace) -> Result<Bench<'_>> {
    packages::ensure(workspace, Purpose::Testing)?;
    Ok(Bench { workspace, web: Web::open(workspace)? })
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
    Ok(if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_steps<'s>(bench: &Bench<'_>, steps: impl Iterator<Item = &'s Step>, keep_going: bool) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (name, work) in steps {
        say(name);
        let started = Instant::now();
        let (counts, held) = match work(bench) {
            Ok(counts) => (counts, counts.is_none_or(|counts| counts.failed == 0)),
            Err(error) => {
                say(&format!("{name}: {error:#}"));
                (None, false)
            }
        };
        outcomes.push(Outcome { name, took: started.elapsed(), counts, held });
        if !held && !keep_going {
            break;
        }
    }
    outcomes
}

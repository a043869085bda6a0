//! The things that must hold.

use anyhow::Result;

use super::counted::count_tests;
use crate::cargo::cargo;
use crate::counts::{Counts, parse_cargo_line, parse_vitest_line};
use crate::process::run;
use crate::web::Web;
use crate::workspace::Workspace;
use crate::{openapi, queries, tidy};

/// What the steps work on.
pub(super) struct Bench<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) web: Web<'a>,
}

/// One thing that must hold: its name, and work that says how many tests it ran, if it runs tests.
pub(super) type Step = (&'static str, fn(&Bench<'_>) -> Result<Option<Counts>>);

/// Cheapest first. Everything that compiles shares the dependencies it can: `queries` and
/// `clippy` the checked ones, `rust tests` and `api document` the built ones.
pub(super) const TEST_STEPS: &[Step] = &[
    ("tidy", check_tidy),
    ("format", check_format),
    ("web packages", install_web),
    ("web types", check_web_types),
    ("web tests", run_web_tests),
    ("web build", build_web),
    ("web budget", check_web_budget),
    ("queries", check_queries),
    ("clippy", check_clippy),
    ("rust tests", run_rust_tests),
    ("api document", check_api_document),
];

/// What the full run adds.
pub(super) const CI_STEPS: &[Step] = &[("rust documentation", check_documentation)];

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
        .args(["clippy", "--quiet", "--locked", "--workspace", "--all-targets"])
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

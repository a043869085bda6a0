//! `estrade doctor`: what is wrong on this machine and what to do about it.

mod checks;

use std::process::ExitCode;

use crate::config::Settings;

/// What a check found.
#[derive(Debug)]
pub(crate) enum Finding {
    /// Fine; a few words.
    Good(String),
    /// Works, but look at it: what, and what to do.
    Warning(String, String),
    /// Does not work: what, and what to do.
    Bad(String, String),
}

/// Runs every check and prints what it found; fails when something does not work.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut is_well = true;
    for (name, finding) in checks::all(settings).await {
        match finding {
            Finding::Good(text) => println!("ok       {name}: {text}"),
            Finding::Warning(text, advice) => println!("warning  {name}: {text}\n         → {advice}"),
            Finding::Bad(text, advice) => {
                is_well = false;
                println!("WRONG    {name}: {text}\n         → {advice}");
            }
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

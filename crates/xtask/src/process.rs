//! Starting other programs, and saying so in calm single lines.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Says what happens next, on standard error: standard output belongs to results.
pub(crate) fn say(line: &str) {
    eprintln!("xtask: {line}");
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> Result<bool> {
    Ok(own_uid()? == 0)
}

/// The user that this process runs as.
pub(crate) fn own_uid() -> Result<u32> {
    let own = fs::metadata("/proc/self").context("cannot read /proc/self")?;
    Ok(own.uid())
}

/// Runs a command with its output shown and nothing on its standard input; fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot start {}", describe(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", describe(command));
    }
    Ok(())
}

/// Runs a command and returns what it wrote; a failure carries its standard error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        bail!(
            "{} ended with {}\n{}",
            describe(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} wrote something that is not UTF-8", describe(command)))
}

/// Runs a command silently; whether it could be started and succeeded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok_and(|output| output.status.success())
}

/// Runs a command with all its output collected and nothing on its standard input.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", describe(command)))
}

/// The command as one would type it, close enough for a message.
pub(crate) fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

//! The Debian packages of `packages.txt`: which are missing, and how they get installed.

use std::collections::HashSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{capture, is_root, output, run, say, succeeds};
use crate::workspace::Workspace;

const LIST: &str = "packages.txt";
/// A fresh machine often updates itself at this very moment: wait for it, up to five minutes.
const LOCK_WAIT: &str = "-oDPkg::Lock::Timeout=300";

/// Everything below this line of the list is for tests only.
const TEST_HEADING: &str = "# --- test";

/// What the packages are for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Building and running.
    Serving,
    /// Testing, too.
    Testing,
}

/// Installs what is missing, or fails with the one line that does it.
pub(crate) fn ensure(workspace: &Workspace, purpose: Purpose) -> Result<()> {
    let list = workspace.path(LIST);
    let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let wanted = parse_list(&text, purpose);
    let missing = find_missing(&wanted);
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

/// Package names, one a line; `#` starts a comment.
fn parse_list(text: &str, purpose: Purpose) -> Vec<&str> {
    let all = matches!(purpose, Purpose::Testing);
    text.lines()
        .take_while(|line| all || !line.starts_with(TEST_HEADING))
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|name| !name.is_empty())
        .collect()
}

fn find_missing(wanted: &[&str]) -> Vec<String> {
    // dpkg-query ends with 1 when it knows nothing of a package, and still lists the others.
    let answer = output(
        Command::new("dpkg-query").args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"]).args(wanted),
    );
    let Ok(answer) = answer else {
        say("this is no Debian: the counterparts of packages.txt are taken to be installed");
        return Vec::new();
    };
    let listing = String::from_utf8_lossy(&answer.stdout);
    missing_from(wanted, &listing)
}

/// The wanted packages that `dpkg-query` does not call `installed`.
fn missing_from(wanted: &[&str], listing: &str) -> Vec<String> {
    let installed: HashSet<&str> = listing.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    wanted.iter().filter(|name| !installed.contains(*name)).map(ToString::to_string).collect()
}

fn install(missing: &[String]) -> Result<()> {
    let names = missing.join(" ");
    if is_root()? {
        say(&format!("installing {names}"));
        return apt_get(&[], missing);
    }
    if succeeds(Command::new("sudo").args(["-n", "true"])) {
        say(&format!("installing {names} with sudo"));
        return apt_get(&["sudo", "-n"], missing);
    }
    bail!(
        "some Debian packages are missing; run this line, then start again:\n\
         sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}"
    );
}

fn apt_get(prefix: &[&str], missing: &[String]) -> Result<()> {
    // The output of apt-get is long and only of interest when it fails: then it is in the error.
    capture(&mut apt_command(prefix, &["update", "-q", LOCK_WAIT])).context("the package lists are stale")?;
    let mut command = apt_command(prefix, &["install", "-q", "-y", LOCK_WAIT, "--no-install-recommends"]);
    run(command.args(missing).stdout(std::process::Stdio::null())).context("not all packages could be installed")
}

fn apt_command(prefix: &[&str], args: &[&str]) -> Command {
    // `env` carries the setting across sudo, which drops the environment.
    let mut words = prefix.to_vec();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(args);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

#[cfg(test)]
mod tests {
    use super::{Purpose, apt_command, missing_from, parse_list};
    use crate::process::describe;

    #[test]
    fn a_list_is_names_without_comments_and_blank_lines() {
        let text = "# heading\n\nclang\n  ffmpeg # for tests\n#clang-16\n";
        assert_eq!(parse_list(text, Purpose::Serving), ["clang", "ffmpeg"]);
    }

    #[test]
    fn serving_does_without_the_packages_for_tests() {
        let text = "clang\n# --- test: a browser\nchromium\n";
        assert_eq!(parse_list(text, Purpose::Serving), ["clang"]);
        assert_eq!(parse_list(text, Purpose::Testing), ["clang", "chromium"]);
    }

    #[test]
    fn a_package_counts_only_when_dpkg_calls_it_installed() {
        let listing = "clang installed\nffmpeg config-files\nlibclang-dev not-installed\n";
        let missing = missing_from(&["clang", "ffmpeg", "libclang-dev", "chromium"], listing);
        assert_eq!(missing, ["ffmpeg", "libclang-dev", "chromium"]);
    }

    #[test]
    fn sudo_passes_the_frontend_setting_on() {
        let command = apt_command(&["sudo", "-n"], &["update"]);
        assert_eq!(describe(&command), "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update");
    }
}

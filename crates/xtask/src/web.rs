//! The browser app: its packages, its build and its scripts, through npm.

use std::process::{Command, Stdio};

use crate::process::{capture, run, say};
use crate::stamp::{Fingerprint, Stamp, list_files};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};

const OLDEST_NODE: u32 = 20;
/// What npm and the tools make by themselves; none of it is an input.
const MADE_FOLDERS: &[&str] = &["node_modules", "dist", "coverage", "test-results", ".svelte-kit", ".vite"];

/// The folder `web/` of the checkout.
pub(crate) struct Web<'a> {
    workspace: &'a Workspace,
}

impl<'a> Web<'a> {
    /// Makes sure that Node is there and not too old.
    pub(crate) fn open(workspace: &'a Workspace) -> Result<Self> {
        require_node()?;
        Ok(Self { workspace })
    }

    /// Installs exactly what the lock file says, when the lock file changed since the last time.
    pub(crate) fn install(&self) -> Result<()> {
        let mut fingerprint = Fingerprint::new();
        for name in ["web/package.json", "web/package-lock.json"] {
            let file = self.workspace.path(name);
            fingerprint.add_files(self.workspace.root(), &[file])?;
        }
        // Inside the folder that it vouches for: gone when that is gone.
        let stamp = Stamp::new(self.workspace.path("web/node_modules/.estrade-stamp"));
        if stamp.is_current(&fingerprint) {
            return Ok(());
        }
        say("installing the packages of web/");
        run(self.npm().args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).stdout(Stdio::null()))?;
        stamp.write(&fingerprint)
    }

    /// Builds the app into `web/dist` when a source changed since the last time.
    pub(crate) fn build(&self) -> Result<()> {
        let mut fingerprint = Fingerprint::new();
        let sources = list_files(&self.workspace.path("web"), MADE_FOLDERS)?;
        fingerprint.add_files(self.workspace.root(), &sources)?;
        let stamp = Stamp::new(self.workspace.scratch()?.join("web.stamp"));
        let built = self.workspace.path("web/dist/index.html").is_file();
        if built && stamp.is_current(&fingerprint) {
            return Ok(());
        }
        say("building web/");
        // A build that fails half-way must not look finished the next time.
        stamp.remove()?;
        capture(self.npm().args(["run", "--silent", "build"]))?;
        ensure!(self.workspace.path("web/dist/index.html").is_file(), "the build of web/ left no dist/index.html");
        stamp.write(&fingerprint)
    }

    /// `npm run <name>`, without colours: its output is read by us, too.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = self.npm();
        command.args(["run", "--silent", name]).env("NO_COLOR", "1");
        command
    }

    fn npm(&self) -> Command {
        let mut command = Command::new("npm");
        command.current_dir(self.workspace.path("web")).env("npm_config_update_notifier", "false");
        command
    }
}

fn require_node() -> Result<()> {
    let version = capture(Command::new("node").arg("--version"))
        .context("the web app is built by Node 20 or later; install it first")?;
    match node_major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        _ => bail!("the web app needs Node {OLDEST_NODE} or later, this is {}", version.trim()),
    }
}

fn node_major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::node_major;

    #[test]
    fn the_major_version_of_node_is_its_first_number() {
        assert_eq!(node_major("v20.20.2\n"), Some(20));
        assert_eq!(node_major("20"), None);
    }
}

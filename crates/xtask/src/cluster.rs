//! A private PostgreSQL cluster for development: unix socket only, Debian's PostgreSQL 15, started
//! as an unprivileged user when we are root.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{capture, is_root, output, own_uid, say, succeeds};
use crate::workspace::Workspace;

const BIN: &str = "/usr/lib/postgresql/15/bin";
/// The operating-system user that Debian's package makes; PostgreSQL refuses to run as root.
const SYSTEM_USER: &str = "postgres";
/// Longest socket folder: the kernel takes 107 bytes, `/.s.PGSQL.5432.lock` needs 19 of them.
const MAX_SOCKET_FOLDER_BYTES: usize = 88;
const START_LIMIT_SECS: &str = "120";

/// A cluster below one folder: `data/`, `run/` with the socket, `log`.
pub(crate) struct Cluster {
    home: PathBuf,
    owner: Option<Owner>,
    started_here: bool,
}

/// Whom the server runs as when we are root.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// Makes the cluster when it does not exist and starts it when it does not run.
    pub(crate) fn ensure(workspace: &Workspace) -> Result<Self> {
        let mut cluster = Self::locate(workspace)?;
        cluster.make_folders()?;
        if !cluster.is_running() {
            cluster.initialise()?;
            cluster.start()?;
            cluster.started_here = true;
        }
        Ok(cluster)
    }

    /// Stops the server if it runs.
    pub(crate) fn stop_existing(workspace: &Workspace) -> Result<()> {
        let cluster = Self::locate(workspace)?;
        if cluster.home.is_dir() && cluster.is_running() {
            cluster.stop()?;
        }
        Ok(())
    }

    /// Stops the server if this process started it; one that was found running is left alone.
    pub(crate) fn stop_if_started(&self) -> Result<()> {
        if self.started_here { self.stop() } else { Ok(()) }
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        let folder = percent_encode(&self.socket_folder().to_string_lossy());
        format!("postgres://postgres@localhost/{database}?host={folder}")
    }

    /// Runs statements through psql, each in its own transaction, and returns unaligned rows.
    pub(crate) fn query(&self, database: &str, sql: &str) -> Result<String> {
        let answer = capture(self.psql(database).args(["--tuples-only", "--no-align", "-c", sql]))?;
        Ok(answer.trim_end().to_owned())
    }

    /// Runs a file of statements, in one transaction unless told otherwise.
    pub(crate) fn run_file(&self, database: &str, file: &Path, transaction: bool) -> Result<()> {
        // Fed by standard input: the file may lie where the server's user cannot look.
        let input = fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        let mut command = self.psql(database);
        if transaction {
            command.arg("--single-transaction");
        }
        let answer = command.stdin(input).output().with_context(|| format!("cannot run psql on {}", file.display()))?;
        if !answer.status.success() {
            bail!("{} does not apply:\n{}", file.display(), String::from_utf8_lossy(&answer.stderr).trim_end());
        }
        Ok(())
    }

    fn locate(workspace: &Workspace) -> Result<Self> {
        if !Path::new(BIN).join("initdb").exists() {
            bail!("PostgreSQL 15 is not in {BIN}; `apt-get install postgresql-15` puts it there");
        }
        let owner = if is_root()? { Some(find_owner()?) } else { None };
        let home = choose_home(workspace, owner)?;
        Ok(Self { home, owner, started_here: false })
    }

    fn stop(&self) -> Result<()> {
        say("stopping the private PostgreSQL");
        let mut command = self.program("pg_ctl");
        capture(command.arg("-D").arg(self.data()).args(["-m", "fast", "stop"]))?;
        Ok(())
    }

    fn make_folders(&self) -> Result<()> {
        for folder in [self.home.clone(), self.socket_folder()] {
            if !self.is_ours(&folder)? {
                fs::DirBuilder::new()
                    .mode(0o700)
                    .create(&folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
            }
            if let Some(owner) = self.owner {
                chown(&folder, Some(owner.uid), Some(owner.gid))
                    .with_context(|| format!("cannot give {} away", folder.display()))?;
            }
        }
        Ok(())
    }

    /// Whether a folder exists. In `/tmp` anybody may have put something under this name: a
    /// symbolic link, or a folder of somebody else, is refused.
    fn is_ours(&self, folder: &Path) -> Result<bool> {
        let found = match fs::symlink_metadata(folder) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot look at {}", folder.display()));
            }
        };
        let owners = [Some(own_uid()?), self.owner.map(|owner| owner.uid)];
        if !found.is_dir() || !owners.contains(&Some(found.uid())) {
            bail!("{} is not a folder of ours: move it away", folder.display());
        }
        Ok(true)
    }

    fn is_running(&self) -> bool {
        succeeds(self.program("pg_ctl").arg("-D").arg(self.data()).arg("status"))
            && succeeds(self.psql("postgres").args(["-c", "SELECT 1"]))
    }

    fn initialise(&self) -> Result<()> {
        if self.data().join("PG_VERSION").exists() {
            return Ok(());
        }
        say("making a private PostgreSQL cluster");
        // Made aside and renamed: a cluster that exists is complete.
        let aside = self.home.join("data.new");
        if aside.exists() {
            fs::remove_dir_all(&aside).context("an unfinished cluster is in the way")?;
        }
        capture(
            self.program("initdb")
                .arg("-D")
                .arg(&aside)
                .args(["-U", "postgres", "-A", "trust", "-E", "UTF8"])
                .args(["--locale=C.UTF-8", "--no-sync"]),
        )?;
        fs::rename(&aside, self.data()).context("cannot move the new cluster into place")
    }

    fn start(&self) -> Result<()> {
        say("starting a private PostgreSQL");
        // This file overrides postgresql.conf and is ours: nothing here runs ALTER SYSTEM.
        fs::write(self.data().join("postgresql.auto.conf"), self.settings())
            .context("cannot write the settings of the cluster")?;
        // Output to files, not pipes: the server inherits it and would hold a pipe open.
        let log = self.home.join("log");
        let status = self
            .program("pg_ctl")
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(&log)
            .args(["-w", "-s", "-t", START_LIMIT_SECS, "start"])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .context("cannot start pg_ctl")?;
        if !status.success() {
            let tail = fs::read_to_string(&log).unwrap_or_default();
            bail!("PostgreSQL does not start; {} ends with\n{}", log.display(), last_lines(&tail, 15));
        }
        Ok(())
    }

    /// Durability is off: everything in this cluster can be made again.
    fn settings(&self) -> String {
        let folder = self.socket_folder().to_string_lossy().replace('\'', "''");
        format!(
            "listen_addresses = ''\nunix_socket_directories = '{folder}'\n\
             unix_socket_permissions = 0700\nmax_connections = 50\nshared_buffers = '32MB'\n\
             fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"
        )
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn socket_folder(&self) -> PathBuf {
        self.home.join("run")
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = self.program("psql");
        command
            .args(["--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-U", "postgres"])
            .arg("-h")
            .arg(self.socket_folder())
            .args(["-d", database]);
        command
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(Path::new(BIN).join(name));
        command.current_dir(&self.home).env("LC_ALL", "C.UTF-8");
        for name in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGOPTIONS", "PGDATA"] {
            command.env_remove(name);
        }
        if let Some(owner) = self.owner {
            // The standard library drops the supplementary groups along with the user.
            command.uid(owner.uid).gid(owner.gid);
        }
        command
    }
}

fn find_owner() -> Result<Owner> {
    let answer = output(Command::new("getent").args(["passwd", SYSTEM_USER]))?;
    parse_passwd_line(&String::from_utf8_lossy(&answer.stdout))
        .with_context(|| format!("there is no user {SYSTEM_USER}, and PostgreSQL refuses root"))
}

/// User and group from a line `name:password:uid:gid:…`.
fn parse_passwd_line(line: &str) -> Option<Owner> {
    let mut fields = line.trim_end().split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Owner { uid, gid })
}

/// `target/devdb`, or a folder in `/tmp` where the server's user cannot reach the target folder
/// or the path is too long for a socket.
fn choose_home(workspace: &Workspace, owner: Option<Owner>) -> Result<PathBuf> {
    fs::create_dir_all(workspace.target()).context("cannot make the target folder")?;
    let near = workspace.target().join("devdb");
    let fits = near.join("run").as_os_str().len() <= MAX_SOCKET_FOLDER_BYTES;
    if fits && (owner.is_none() || is_open_to_all(workspace.target())?) {
        return Ok(near);
    }
    let own_uid = fs::metadata("/proc/self").context("cannot read /proc/self")?.uid();
    let mark = crate::stamp::hash_bytes(workspace.root().as_os_str().as_encoded_bytes());
    Ok(PathBuf::from(format!("/tmp/estrade-devdb-{own_uid}-{mark:016x}")))
}

/// Whether any user may pass through this folder and all above it.
fn is_open_to_all(folder: &Path) -> Result<bool> {
    for ancestor in folder.ancestors() {
        let mode = fs::metadata(ancestor).with_context(|| format!("cannot look at {}", ancestor.display()))?.mode();
        if mode & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Keeps what a URL's query may contain and encodes the rest.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
        out
    })
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Owner, last_lines, parse_passwd_line, percent_encode};

    #[test]
    fn a_passwd_line_yields_user_and_group() {
        let line = "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(parse_passwd_line(line), Some(Owner { uid: 101, gid: 104 }));
        assert_eq!(parse_passwd_line(""), None);
    }

    #[test]
    fn a_socket_folder_survives_in_a_url() {
        assert_eq!(percent_encode("/srv/my clone/é&?"), "/srv/my%20clone/%C3%A9%26%3F");
    }

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 5), "a");
    }
}

//! The server process: launched or found, watched, stopped.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::init::{ENVIRONMENT, last_chars};
use super::layout::{Layout, NO_LINK};
use super::settings::PORT;
use super::{PostgresError, PostgresOptions};

/// Recovery after a power cut replays up to `max_wal_size` of log.
const START_LIMIT: Duration = Duration::from_mins(5);
/// Between two looks at the server's status.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// A fast shutdown ends with a checkpoint.
const FAST_STOP_LIMIT: Duration = Duration::from_secs(30);
/// An immediate shutdown ends without one; the next start recovers.
const IMMEDIATE_STOP_LIMIT: Duration = Duration::from_secs(10);
/// Sessions of a postmaster that was killed take a moment to notice and let go of its memory.
const ORPHANS_LIMIT: Duration = Duration::from_secs(15);
const ORPHANS_PAUSE: Duration = Duration::from_millis(200);
/// How the server says that such sessions are still there.
const ORPHANS_MESSAGE: &str = "pre-existing shared memory block";

/// A server process of ours, alive when this was made. Dropped without [`Postmaster::stop`], it is
/// told to stop.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: i32,
    /// Not the number, which the kernel may give to another process after this one.
    handle: OwnedFd,
    ended: CancellationToken,
}

/// What `postmaster.pid` says about its progress.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    Ready,
    Stopping,
}

impl Postmaster {
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// Takes over a server that runs on this cluster. One that is stopping or runs with other
    /// settings is seen out.
    pub(super) async fn adopt(layout: &Layout, arguments: &[OsString]) -> Result<Option<Self>, PostgresError> {
        let Some((pid, stage)) = find_server(layout) else {
            return Ok(None);
        };
        let Some(handle) = open_handle(pid)? else {
            return Ok(None);
        };
        let ended = watch(&handle)?;
        let postmaster = Self { pid, handle, ended };
        if stage == Stage::Stopping || !is_command_line(pid, arguments) {
            postmaster.stop().await?;
            return Ok(None);
        }
        let is_ready = postmaster.wait_until_ready(layout).await?;
        Ok(is_ready.then_some(postmaster))
    }

    /// Starts a server and waits until it takes connections.
    pub(super) async fn launch(
        layout: &Layout,
        account: &Account,
        arguments: &[OsString],
        options: PostgresOptions,
    ) -> Result<Self, PostgresError> {
        remove_stale_locks(layout)?;
        let deadline = Instant::now() + ORPHANS_LIMIT;
        loop {
            let log_start = fs::metadata(&layout.log).map_or(0, |meta| meta.len());
            let (pid, ended) = spawn(command(layout, account, arguments, options)?, Path::new(&arguments[0]))?;
            if let Some(handle) = open_handle(pid)? {
                let postmaster = Self { pid, handle, ended };
                if postmaster.wait_until_ready(layout).await? {
                    return Ok(postmaster);
                }
            }
            let detail = log_since(&layout.log, log_start);
            if !detail.contains(ORPHANS_MESSAGE) || Instant::now() >= deadline {
                return Err(PostgresError::Start { log: layout.log.clone(), detail });
            }
            sleep(ORPHANS_PAUSE).await;
        }
    }

    /// False if the server ended instead.
    async fn wait_until_ready(&self, layout: &Layout) -> Result<bool, PostgresError> {
        let limit = START_LIMIT;
        let ready = async {
            while read_pid_file(&layout.data.join("postmaster.pid")) != Some((self.pid, Stage::Ready)) {
                sleep(POLL_INTERVAL).await;
            }
        };
        tokio::select! {
            () = ready => Ok(true),
            () = self.wait_for_exit() => Ok(false),
            () = sleep(limit) => Err(PostgresError::StartTimeout { log: layout.log.clone(), limit }),
        }
    }

    pub(super) async fn wait_for_exit(&self) {
        self.ended.cancelled().await;
    }

    /// Fast shutdown, and an immediate one if that does not end in time.
    pub(super) async fn stop(self) -> Result<(), PostgresError> {
        for (signal, limit) in [(Signal::INT, FAST_STOP_LIMIT), (Signal::QUIT, IMMEDIATE_STOP_LIMIT)] {
            self.send(signal)?;
            if timeout(limit, self.wait_for_exit()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(postgres.pid = self.pid, "PostgreSQL does not end");
        }
        Err(PostgresError::StopTimeout { pid: self.pid, limit: FAST_STOP_LIMIT + IMMEDIATE_STOP_LIMIT })
    }

    fn send(&self, signal: Signal) -> Result<(), PostgresError> {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(PostgresError::io("signal", &proc_entry(self.pid, ""))(error)),
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        // After an orderly stop there is nobody left to hear this.
        let _ = self.send(Signal::INT);
    }
}

/// Whether a server of this cluster takes connections.
pub(super) fn is_ready(layout: &Layout) -> bool {
    find_server(layout).is_some_and(|(_, stage)| stage == Stage::Ready)
}

/// The server that runs on this cluster. A number in a file proves nothing: the process must sit in
/// our data folder.
fn find_server(layout: &Layout) -> Option<(i32, Stage)> {
    let (pid, stage) = read_pid_file(&layout.data.join("postmaster.pid"))?;
    is_server_of(layout, pid).then_some((pid, stage))
}

fn is_server_of(layout: &Layout, pid: i32) -> bool {
    let is_inside = fs::read_link(proc_entry(pid, "cwd")).is_ok_and(|cwd| cwd == layout.data);
    let is_postgres = fs::read_link(proc_entry(pid, "exe"))
        .is_ok_and(|exe| exe.file_name().is_some_and(|name| name.as_bytes().starts_with(b"postgres")));
    is_inside && is_postgres
}

fn proc_entry(pid: i32, name: &str) -> std::path::PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

fn is_command_line(pid: i32, arguments: &[OsString]) -> bool {
    let expected: Vec<u8> = arguments.iter().flat_map(|argument| [argument.as_bytes(), b"\0"].concat()).collect();
    fs::read(proc_entry(pid, "cmdline")).is_ok_and(|found| found == expected)
}

/// Line 1 is the process, line 8 how far it is.
fn read_pid_file(path: &Path) -> Option<(i32, Stage)> {
    parse_pid_file(&fs::read_to_string(path).ok()?)
}

fn parse_pid_file(text: &str) -> Option<(i32, Stage)> {
    let pid = text.lines().next()?.trim().parse().ok()?;
    let stage = match text.lines().nth(7).map(str::trim) {
        Some("ready") => Stage::Ready,
        Some("stopping") => Stage::Stopping,
        _ => Stage::Starting,
    };
    Some((pid, stage))
}

/// Lock files left by a power cut or a kill may name a process that is alive and somebody else's,
/// or dead and not yet collected; the server would refuse to start. A lock file whose process is
/// gone stays: it leads the server to sessions that may still hold the old memory.
fn remove_stale_locks(layout: &Layout) -> Result<(), PostgresError> {
    let socket_lock = layout.socket_dir.join(format!(".s.PGSQL.{PORT}.lock"));
    for path in [layout.data.join("postmaster.pid"), socket_lock] {
        let Some((pid, _)) = read_pid_file(&path) else {
            continue;
        };
        if proc_entry(pid, "").exists() && !is_server_of(layout, pid) {
            fs::remove_file(&path).map_err(PostgresError::io("remove", &path))?;
        }
    }
    Ok(())
}

fn command(
    layout: &Layout,
    account: &Account,
    arguments: &[OsString],
    options: PostgresOptions,
) -> Result<Command, PostgresError> {
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(NO_LINK)
        .open(&layout.log)
        .map_err(PostgresError::io("open", &layout.log))?;
    // setpriv sets the parent-death signal and becomes the server: same process, same command line.
    let wrapper: &[&str] = if options.stop_when_killed { &["setpriv", "--pdeathsig", "INT"] } else { &[] };
    let mut words = wrapper.iter().map(OsString::from).chain(arguments.iter().cloned());
    let mut command = Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .current_dir(&layout.root)
        .env_clear()
        .envs(ENVIRONMENT)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        // Ctrl-C in a terminal is for us: we drain first, then stop the server.
        .process_group(0);
    if account.is_dropped_to {
        command.uid(account.uid).gid(account.gid);
    }
    Ok(command)
}

/// `None` if the process is gone already.
fn open_handle(pid: i32) -> Result<Option<OwnedFd>, PostgresError> {
    let Some(raw) = Pid::from_raw(pid) else {
        return Ok(None);
    };
    match pidfd_open(raw, PidfdFlags::empty()) {
        Ok(handle) => Ok(Some(handle)),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(PostgresError::io("watch", &proc_entry(pid, ""))(error)),
    }
}

/// Starts the server from a thread that lives as long as it: the parent-death signal follows the
/// thread, not the process, and threads of the runtime come and go. The thread also collects the
/// exit status.
fn spawn(mut command: Command, program: &Path) -> Result<(i32, CancellationToken), PostgresError> {
    let (sender, receiver) = mpsc::channel();
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    keep(move || {
        let _guard = guard;
        match command.spawn() {
            Ok(mut child) => {
                let _ = sender.send(Ok(child.id()));
                let _ = child.wait();
            }
            Err(error) => drop(sender.send(Err(error))),
        }
    })?;
    let started = receiver.recv().unwrap_or_else(|_| Err(io::Error::other("the keeper thread ended")));
    let pid = started.map_err(PostgresError::io("run", program))?;
    let pid = i32::try_from(pid).map_err(|_| PostgresError::io("run", program)(io::Error::other("odd process id")))?;
    Ok((pid, ended))
}

/// Tells when a process that is no child of ours ends: its handle becomes readable.
fn watch(handle: &OwnedFd) -> Result<CancellationToken, PostgresError> {
    let handle = handle.try_clone().map_err(PostgresError::io("watch", Path::new("postmaster")))?;
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    keep(move || {
        let _guard = guard;
        while poll(&mut [PollFd::new(&handle, PollFlags::IN)], None) == Err(Errno::INTR) {}
    })?;
    Ok(ended)
}

fn keep(work: impl FnOnce() + Send + 'static) -> Result<(), PostgresError> {
    let thread = std::thread::Builder::new().name("postgres-keeper".to_owned()).spawn(work);
    thread.map(drop).map_err(PostgresError::io("start a thread for", Path::new("postmaster")))
}

fn log_since(log: &Path, start: u64) -> String {
    let mut text = Vec::new();
    let read = fs::File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(start))?;
        file.read_to_end(&mut text)
    });
    match read {
        Ok(_) => last_chars(&String::from_utf8_lossy(&text)),
        Err(error) => format!("(no log: {error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_tells_process_and_stage() {
        let file = |status: &str| format!("4711\n/d/data\n1700000000\n5432\n/d/run\n\n  1 2\n{status}\n");
        assert_eq!(parse_pid_file(&file("ready   ")), Some((4711, Stage::Ready)));
        assert_eq!(parse_pid_file(&file("stopping")), Some((4711, Stage::Stopping)));
        assert_eq!(parse_pid_file(&file("starting")), Some((4711, Stage::Starting)));
        assert_eq!(parse_pid_file("4711\n"), Some((4711, Stage::Starting)));
        assert_eq!(parse_pid_file(""), None);
        assert_eq!(parse_pid_file("garbage\n"), None);
    }
}

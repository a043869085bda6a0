//! Processes of our own that tests may kill: this test binary, told to run one ignored test.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Tells the victim which folder to work in.
pub(crate) const DIR: &str = "ESTRADE_EMBEDDED_TEST_DIR";
/// Tells the victim how to.
pub(crate) const MODE: &str = "ESTRADE_EMBEDDED_TEST_MODE";

/// Begins the line in which the victim says that it is ready.
const READY: &str = "ready: ";

/// What anything in these tests may take before it has failed.
const LIMIT: Duration = Duration::from_mins(1);

/// The account of nobody in particular.
pub(crate) const NOBODY: u32 = 65_534;

/// A victim that is ready. Dropped, it is killed.
pub(crate) struct Victim {
    child: Child,
    stdin: Option<ChildStdin>,
    /// What it said about itself.
    pub(crate) said: String,
}

impl Victim {
    /// Runs the ignored test `name` in a process of its own until it is ready.
    pub(crate) fn start(name: &str, dir: &Path, mode: &str) -> Self {
        let program = std::env::current_exe().expect("our own path");
        Self::run(Command::new(program), name, dir, mode)
    }

    /// The same as another user, who may not be able to reach this binary.
    pub(crate) fn start_as_nobody(name: &str, dir: &Path, mode: &str) -> Self {
        let program = reachable_copy(dir);
        let mut command = Command::new(program);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        Self::run(command, name, dir, mode)
    }

    fn run(mut command: Command, name: &str, dir: &Path, mode: &str) -> Self {
        command.args(["--exact", name, "--ignored", "--nocapture"]).env(DIR, dir).env(MODE, mode);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a victim");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        // The first line may follow what the test harness has printed without ending its line.
        let mut lines = stdout.lines().map(|line| line.expect("readable"));
        let said = lines.find_map(|line| line.split_once(READY).map(|(_, said)| said.to_owned()));
        // What the victim prints later goes nowhere, but must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, stdin, said: said.expect("the victim ended before it was ready") }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("collected");
    }

    /// Lets the victim end in order.
    pub(crate) fn finish(mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().expect("collected").success(), "the victim failed");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Ended already, it cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reachable_copy(dir: &Path) -> PathBuf {
    let copy = dir.with_extension("helper");
    if !copy.exists() {
        std::fs::copy(std::env::current_exe().expect("our own path"), &copy).expect("copied");
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    }
    copy
}

/// In a helper: says what it is and waits to be killed, or for its parent to let go.
pub(crate) fn say_ready_and_wait(said: &str) {
    println!("{READY}{said}");
    std::io::stdin().lines().for_each(drop);
}

/// In a helper: the folder and the mode, `None` when somebody runs the ignored tests.
pub(crate) fn orders() -> Option<(PathBuf, String)> {
    Some((std::env::var_os(DIR)?.into(), std::env::var(MODE).ok()?))
}

/// A scratch folder that other users may pass through.
pub(crate) fn scratch() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch folder");
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
    dir
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Waits until a process has ended; fails if it does not. One that was never collected counts as
/// ended.
pub(crate) fn wait_until_gone(pid: i32) {
    let handle = match pidfd_open(Pid::from_raw(pid).expect("a process id"), PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH) => return,
        Err(error) => panic!("process {pid}: {error}"),
    };
    let limit = Timespec { tv_sec: i64::try_from(LIMIT.as_secs()).expect("small"), tv_nsec: 0 };
    let ready = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&limit)).expect("polled");
    assert_eq!(ready, 1, "process {pid} is still there");
}

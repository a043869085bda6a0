//! The parent's side: start the child, talk to it, and see that it ends.

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, ChildStdout},
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    child::{CHILD_ARGUMENT, Start},
    limits::{ChildLimits, Confinement},
    protocol::{Event, MAX_LINE_BYTES, Request},
    room::Room,
    usage::{PeakMemory, Usage, UsageListener},
};

/// How often a child's folder is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(500);

/// How the child is started.
#[derive(Debug, Clone)]
pub struct ChildCommand {
    /// The executable; ours, which answers to [`CHILD_ARGUMENT`].
    pub program: PathBuf,
    /// Arguments that come before [`CHILD_ARGUMENT`].
    pub arguments: Vec<String>,
    /// What it may use.
    pub limits: ChildLimits,
    /// Which layers must hold.
    pub confinement: Confinement,
    /// Hears what each child has used once it has ended.
    pub on_end: UsageListener,
}

impl ChildCommand {
    /// This very executable as the child.
    ///
    /// # Errors
    /// When the system cannot say where the executable is.
    pub fn this_program() -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            arguments: Vec::new(),
            limits: ChildLimits::default(),
            confinement: Confinement::Required,
            on_end: UsageListener::default(),
        })
    }
}

/// What can go wrong with the child, as opposed to the source.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started or spoken to.
    #[error("the child cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// It ended without saying why.
    #[error("the child died: {0}")]
    Died(String),
    /// It took longer than allowed.
    #[error("the child took longer than {0:?}")]
    TookTooLong(Duration),
    /// It said nothing for longer than allowed.
    #[error("the child was silent for {0:?}")]
    Silent(Duration),
    /// It said something that is not in the protocol.
    #[error("the child spoke out of turn: {0}")]
    Protocol(String),
    /// It put more into its folder than allowed.
    #[error("the child filled its folder: {} bytes in {} files", _0.bytes, _0.files)]
    Overfull(Room),
    /// It reported a failure of its own.
    #[error("{0}")]
    Failed(String),
}

/// A confined child. Dropping it kills it.
pub struct Child {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    handle: Handle,
    pid: Pid,
    limits: ChildLimits,
    deadline: Instant,
    missing: Vec<String>,
    gaps: Vec<String>,
}

/// A process that is killed when this is dropped.
struct Handle {
    pidfd: OwnedFd,
    pid: Pid,
    peak: Arc<PeakMemory>,
    exited: oneshot::Receiver<io::Result<End>>,
}

/// How a process ended.
struct End {
    status: ExitStatus,
    /// It was ended for that.
    overfull: Option<Room>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.peak.look_at(self.pid);
        // The only way to fail is that it has ended already.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }
}

struct Spawned {
    pid: Pid,
    peak: Arc<PeakMemory>,
    pidfd: OwnedFd,
    stdin: std::process::ChildStdin,
    stdout: std::process::ChildStdout,
}

impl Child {
    /// Starts a child for one job folder and waits until it is confined.
    pub async fn start(command: &ChildCommand, job: &Path) -> Result<Self, ChildError> {
        let (exited_in, exited) = oneshot::channel();
        let spawned = spawn(command, job, exited_in).await?;
        let mut child = Self {
            stdin: ChildStdin::from_std(spawned.stdin)?,
            stdout: BufReader::new(ChildStdout::from_std(spawned.stdout)?),
            pid: spawned.pid,
            handle: Handle { pidfd: spawned.pidfd, pid: spawned.pid, peak: spawned.peak, exited },
            limits: command.limits.clone(),
            deadline: Instant::now() + command.limits.wall,
            missing: Vec::new(),
            gaps: Vec::new(),
        };
        match child.next().await? {
            Event::Ready { missing, gaps } => {
                (child.missing, child.gaps) = (missing, gaps);
                Ok(child)
            }
            Event::Failed { detail } => Err(ChildError::Failed(detail)),
            other => Err(ChildError::Protocol(format!("{other:?}"))),
        }
    }

    /// Layers that could not be put on.
    pub fn missing_layers(&self) -> &[String] {
        &self.missing
    }

    /// What an older kernel's Landlock leaves to the filter of system calls alone.
    pub fn gaps(&self) -> &[String] {
        &self.gaps
    }

    /// What it has used so far; `None` when it has ended.
    pub fn usage(&self) -> Option<Usage> {
        Usage::of(self.pid)
    }

    /// Tells the child what to do.
    pub async fn ask(&mut self, request: &Request) -> Result<(), ChildError> {
        let mut line = serde_json::to_vec(request).map_err(io::Error::other)?;
        if line.len() >= MAX_LINE_BYTES {
            return Err(ChildError::Protocol("the request is too long".into()));
        }
        line.push(b'\n');
        // It reads until it ends.
        if self.stdin.write_all(&line).await.is_err() { Err(self.why_it_ended().await) } else { Ok(()) }
    }

    /// The next thing the child says, within its limits on time and length.
    pub async fn next(&mut self) -> Result<Event, ChildError> {
        let quiet_until = Instant::now() + self.limits.silence;
        let until = quiet_until.min(self.deadline);
        let mut line = Vec::new();
        let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        let mut bounded = (&mut self.stdout).take(most);
        match timeout_at(until, bounded.read_until(b'\n', &mut line)).await {
            Err(_) if until == self.deadline => Err(ChildError::TookTooLong(self.limits.wall)),
            Err(_) => Err(ChildError::Silent(self.limits.silence)),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(read)) if read < MAX_LINE_BYTES && line.last() != Some(&b'\n') => Err(self.why_it_ended().await),
            Ok(Ok(_)) => Event::read(&line).map_err(|error| ChildError::Protocol(error.to_string())),
        }
    }

    async fn why_it_ended(&mut self) -> ChildError {
        let grace = Instant::now() + Duration::from_secs(5);
        match timeout_at(grace, &mut self.handle.exited).await {
            Ok(Ok(Ok(End { overfull: Some(room), .. }))) => ChildError::Overfull(room),
            Ok(Ok(Ok(End { status, .. }))) => ChildError::Died(status.to_string()),
            _ => ChildError::Died("its output ended".into()),
        }
    }
}

/// The signal that ties the child's life to ours follows the thread that started it, so a thread
/// of its own starts it, watches over its folder, and lives exactly as long.
async fn spawn(
    command: &ChildCommand,
    job: &Path,
    exited: oneshot::Sender<io::Result<End>>,
) -> Result<Spawned, ChildError> {
    let start = Start { limits: command.limits.clone(), confinement: command.confinement, parent: std::process::id() };
    let mut process = std::process::Command::new(&command.program);
    process
        .args(&command.arguments)
        .arg(CHILD_ARGUMENT)
        .arg(serde_json::to_string(&start).map_err(io::Error::other)?)
        .env_clear()
        .current_dir(job)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let (job, limits, on_end) = (job.to_owned(), command.limits.clone(), command.on_end.clone());
    let (spawned_in, spawned) = oneshot::channel();
    thread::Builder::new().name("transcode-child".into()).spawn(move || {
        let peak;
        let mut child = match start_process(process) {
            Ok((child, handles)) => {
                peak = Arc::clone(&handles.peak);
                // If nobody waits any more, the handles close and the child sees its input end.
                let _ = spawned_in.send(Ok(handles));
                child
            }
            Err(error) => {
                let _ = spawned_in.send(Err(error));
                return;
            }
        };
        let _ = exited.send(watch_over(&mut child, &job, &limits, &peak, &on_end));
    })?;
    let spawned = spawned.await.map_err(|_| ChildError::Died("before it began".into()))?;
    Ok(spawned?)
}

/// Waits for the child to end, and ends it when it takes too much of the disk, or nobody can see how much. Tells what it
/// has used: its memory as last seen, its processor time to the end.
fn watch_over(
    child: &mut std::process::Child,
    job: &Path,
    limits: &ChildLimits,
    peak: &PeakMemory,
    on_end: &UsageListener,
) -> io::Result<End> {
    let pid = as_pid(child.id())?;
    let watched = overfill(pid, job, limits, peak);
    if !matches!(watched, Ok(None)) {
        child.kill()?;
    }
    // Its processor time stands until it is collected.
    if waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).is_ok() {
        on_end.tell(peak.usage_of_ended(pid));
    }
    let status = child.wait()?;
    Ok(End { status, overfull: watched? })
}

/// What a child has in its folder when that is too much; nothing once it has ended. Looks at its memory
/// meanwhile.
fn overfill(pid: Pid, job: &Path, limits: &ChildLimits, peak: &PeakMemory) -> io::Result<Option<Room>> {
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let pause = Timespec::try_from(MEASURE_EVERY).map_err(io::Error::other)?;
    loop {
        peak.look_at(pid);
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&pause)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let room = Room::of(job, limits)?;
        if room.is_beyond(limits) {
            return Ok(Some(room));
        }
    }
}

fn as_pid(id: u32) -> io::Result<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no process has that number"))
}

fn start_process(mut process: std::process::Command) -> io::Result<(std::process::Child, Spawned)> {
    let mut child = process.spawn()?;
    let gone = || io::Error::other("the child has no pipes");
    let pid = as_pid(child.id())?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let stdin = child.stdin.take().ok_or_else(gone)?;
    let stdout = child.stdout.take().ok_or_else(gone)?;
    Ok((child, Spawned { pid, peak: Arc::default(), pidfd, stdin, stdout }))
}

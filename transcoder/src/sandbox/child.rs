//! The child's side: confine yourself, then do as you are told until the input ends.

use std::{
    fs::{self, File},
    io::{self, BufRead, Read, Write},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    os::{fd::AsRawFd, unix::net::UnixStream},
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use super::{
    confine::{Flaws, confine},
    limits::{ChildLimits, Confinement},
    misdeeds,
    protocol::{Attempt, Event, MAX_LINE_BYTES, Request, SandboxReport},
};
use crate::{
    media::{self, MediaError, MediaEvent, Work},
    panics,
    plan::{Limits, Refusal, RefusalCode, TranscodePlan},
};

/// The hidden argument that makes our executable this child.
pub const CHILD_ARGUMENT: &str = "transcode-child";
/// The job folder: the child is started in it, and may lack the right to go there by the folders above.
const JOB: &str = ".";
/// Name of the source in the job folder.
pub(crate) const SOURCE_FILE: &str = "source";
/// Progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// The command of `fcntl` that picks the signal: the same on every architecture, and missing in the binding.
const F_SETSIG: i32 = 10;

/// What the child is told on its command line: everything it needs to confine itself.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Start {
    pub(crate) limits: ChildLimits,
    pub(crate) confinement: Confinement,
    pub(crate) parent: u32,
}

/// The child's whole life. Call it first thing in `main` when the first argument is
/// [`CHILD_ARGUMENT`], before any thread is started, with the argument after it.
pub fn child_main(start: &str) -> ExitCode {
    let Ok(start) = serde_json::from_str::<Start>(start) else { return ExitCode::from(2) };
    panics::note_them();
    let mut out = io::stdout().lock();
    match prepare(&start) {
        Ok(flaws) => match tell(&mut out, &ready(&flaws)).and_then(|()| obey(&flaws, &mut out)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(3),
        },
        Err(detail) => {
            // If even this cannot be told, the exit code is all there is.
            let _ = tell(&mut out, &Event::Failed { detail });
            ExitCode::from(4)
        }
    }
}

fn prepare(start: &Start) -> Result<Flaws, String> {
    let flaws = confine(Path::new(JOB), &start.limits, start.confinement, start.parent)
        .map_err(|error| format!("not confined: {error}"))?;
    media::prepare().map_err(|error| error.to_string())?;
    Ok(flaws)
}

fn ready(flaws: &Flaws) -> Event {
    Event::Ready {
        missing: flaws.missing.iter().map(ToString::to_string).collect(),
        gaps: flaws.gaps.iter().map(ToString::to_string).collect(),
    }
}

fn tell(out: &mut impl Write, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

fn obey(flaws: &Flaws, out: &mut impl Write) -> io::Result<()> {
    let mut input = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let request: Request = serde_json::from_slice(&line)?;
        // Whatever was in the middle of something is not used again: the parent ends a child that has failed.
        let done = panic::catch_unwind(AssertUnwindSafe(|| carry_out(flaws, request, out)));
        let answer = done.unwrap_or_else(|_| Event::Failed { detail: panics::last() });
        tell(out, &answer)?;
    }
}

fn carry_out(flaws: &Flaws, request: Request, out: &mut impl Write) -> Event {
    let (job, source) = (Path::new(JOB), Path::new(JOB).join(SOURCE_FILE));
    let result = match request {
        Request::Probe { limits } => media::probe(&source, &limits).map(|info| Event::Probed { info: Box::new(info) }),
        Request::Look { plan, limits } => {
            if !plan.is_consistent() {
                return Event::Failed { detail: "the plan contradicts itself".into() };
            }
            media::look(&source, &plan, &limits).map(|look| Event::Looked { look })
        }
        Request::Transcode { plan, limits, first_chunk, poster_over } => {
            if !plan.is_consistent() || first_chunk >= plan.chunks.len() {
                return Event::Failed { detail: "the plan contradicts itself".into() };
            }
            transcode(&plan, &limits, first_chunk, poster_over, out)
        }
        Request::Misbehave { misdeed } => return misdeeds::commit(misdeed, job),
        Request::Poster { plan, limits, slot } => {
            if !plan.is_consistent() || slot >= plan.total_frames {
                return Event::Failed { detail: "the plan contradicts itself".into() };
            }
            media::make_poster(&source, job, &plan, &limits, slot).map(|poster| Event::Poster { poster })
        }
        Request::TryToEscape => return Event::Escaped { report: try_to_escape(job, flaws) },
    };
    result.unwrap_or_else(|error| failure(&error))
}

fn transcode(
    plan: &TranscodePlan,
    limits: &Limits,
    first_chunk: usize,
    poster_over: Option<u64>,
    out: &mut impl Write,
) -> Result<Event, MediaError> {
    let (job, source) = (Path::new(JOB), Path::new(JOB).join(SOURCE_FILE));
    let work = Work { source: &source, job, plan, limits, first_chunk, poster_over };
    let mut told = Instant::now();
    let stats = media::transcode(work, &mut |event| {
        let event = match event {
            MediaEvent::Progress(_) if told.elapsed() < PROGRESS_EVERY => return Ok(()),
            MediaEvent::Progress(frames) => Event::Progress { frames },
            MediaEvent::Poster(poster) => Event::Poster { poster },
            MediaEvent::Chunk(chunk, stages) => Event::Chunk { chunk, stages },
        };
        told = Instant::now();
        tell(out, &event).map_err(|source| MediaError::Io { step: "tell the parent", source })
    })?;
    Ok(Event::Finished { stats })
}

/// The source's fault or ours? What libav finds wrong with the data itself is the source's.
fn failure(error: &MediaError) -> Event {
    match error {
        MediaError::Refused(refusal) => Event::Refused { refusal: refusal.clone() },
        MediaError::Av { source: ffmpeg_next::Error::InvalidData, .. } => {
            Event::Refused { refusal: Refusal::new(RefusalCode::Damaged, error.to_string()) }
        }
        MediaError::NotRepackaged(detail) => Event::NotRepackaged { detail: detail.clone() },
        _ => Event::Failed { detail: error.to_string() },
    }
}

/// Tries what a taken-over decoder would try. Addresses are of this machine only, and nothing
/// harmful happens if an attempt succeeds.
fn try_to_escape(job: &Path, flaws: &Flaws) -> SandboxReport {
    let outside = job.join("../escaped");
    let loopback = (Ipv4Addr::LOCALHOST, 9);
    let attempts = [
        ("read /etc/passwd", refused(&File::open("/etc/passwd"))),
        ("list /", refused(&fs::read_dir("/"))),
        ("read /proc/self/environ", refused(&File::open("/proc/self/environ"))),
        ("write outside the job folder", refused(&File::create(outside))),
        ("make a TCP socket", refused(&TcpStream::connect(loopback))),
        ("make a UDP socket", refused(&UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))),
        ("make a Unix socket", refused(&UnixStream::pair())),
        ("start a program", refused(&Command::new("/bin/true").status())),
        ("hold a capability", !flaws.is_capable),
        ("raise a limit", raise_limit_refused()),
        ("cut a file by its name", cut_refused()),
        ("send the parent a signal", signal_refused()),
        ("have the parent sent a signal", sent_signal_refused()),
        ("write a file without a name", nameless_refused(job)),
        ("make a folder", refused(&fs::create_dir(job.join("folder")))),
        ("take room that no size shows", hidden_room_refused(job)),
        ("remove a file", refused(&fs::remove_file(job.join(SOURCE_FILE)))),
    ];
    let attempts = attempts.into_iter().map(|(what, refused)| Attempt { what: what.to_owned(), refused }).collect();
    // The parent knows from the start what is left to one layer alone.
    SandboxReport { attempts, gaps: Vec::new() }
}

/// Refused by the sandbox, not failed for another reason such as nobody listening.
fn refused<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

fn raise_limit_refused() -> bool {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Nofile, Rlimit { current: Some(4096), maximum: Some(4096) }).is_err()
}

/// Our own program, which is running and can therefore not be cut where this is not refused.
#[expect(unsafe_code, reason = "no safe binding exists")]
fn cut_refused() -> bool {
    // SAFETY: the name is a string that ends with a zero; nothing else is read or written.
    let done = unsafe { libc::truncate(c"/proc/self/exe".as_ptr(), 0) };
    done != 0 && is_denied()
}

/// Signal 0 arrives nowhere: the kernel only says whether another one might.
#[expect(unsafe_code, reason = "no safe binding exists")]
fn signal_refused() -> bool {
    let parent = rustix::process::getppid().map_or(1, |pid| pid.as_raw_nonzero().get());
    // SAFETY: three numbers go in, one comes out.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, parent, parent, 0) };
    sent != 0 && is_denied()
}

/// Names the parent as whom the kernel signals when our output is read, and how: nothing is sent, because the file is
/// not left in the state in which that happens.
#[expect(unsafe_code, reason = "no safe binding exists")]
fn sent_signal_refused() -> bool {
    let parent = rustix::process::getppid().map_or(1, |pid| pid.as_raw_nonzero().get());
    let (on, off) = (libc::O_WRONLY | libc::O_ASYNC, libc::O_WRONLY);
    let steps = [(libc::F_SETFL, on, off), (F_SETSIG, libc::SIGURG, 0), (libc::F_SETOWN, parent, 0)];
    steps.into_iter().all(|(command, to, back)| {
        // SAFETY: numbers go in, one comes out; the file is our standard output, which stays open.
        let done = unsafe { libc::fcntl(libc::STDOUT_FILENO, command, to) };
        let refused = done != 0 && is_denied();
        // SAFETY: as above.
        unsafe { libc::fcntl(libc::STDOUT_FILENO, command, back) };
        refused
    })
}

fn nameless_refused(job: &Path) -> bool {
    use std::os::unix::fs::OpenOptionsExt;
    refused(&fs::OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open(job))
}

/// Room beyond the end of a file is bound by no limit of the process on some file systems, and not seen in its length.
#[expect(unsafe_code, reason = "no safe binding exists")]
fn hidden_room_refused(job: &Path) -> bool {
    let Ok(file) = fs::OpenOptions::new().write(true).open(job.join(SOURCE_FILE)) else { return false };
    // SAFETY: numbers go in, one comes out; the file stays open.
    let done = unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, 0, 4096) };
    done != 0 && is_denied()
}

fn is_denied() -> bool {
    io::Error::last_os_error().kind() == io::ErrorKind::PermissionDenied
}

//! One source from file to published package, seen from the parent.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tokio::{fs, sync::mpsc};

use crate::{
    media::{BETTER_POSTER_FILE, POSTER_FILE, PosterReport, StageTimes, Stats, is_good_poster},
    package::{CheckError, ChunkFacts, InitReport},
    plan::{Adapted, Ladder, Limits, Refusal, TranscodePlan, WhyEncoded},
    sandbox::{Child, ChildCommand, ChildError, Event, Request, SOURCE_FILE, SandboxReport, Usage},
};
use planning::{plan_for, probe};
use verify::Verifier;

mod event;
mod planning;
mod poster;
mod verify;

pub use event::{ChunkReady, OutputFile, TranscodeEvent};
pub use poster::make_poster;

/// Events that may wait for their receiver.
pub const WAITING_EVENTS: usize = 16;

/// How to transcode.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the child is started.
    pub command: ChildCommand,
    /// Bounds on the source.
    pub limits: Limits,
    /// What earlier attempts have made, if there were any.
    pub resume: Option<Resume>,
}

/// What earlier attempts have made of the clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Resume {
    /// The plan of the first attempt.
    pub plan: TranscodePlan,
    /// The first chunk to make; those after it are made too.
    pub first_chunk: usize,
    /// Initialisation segments that are stored: those of every chunk must be the same. Empty when none are.
    pub inits: Vec<InitReport>,
    /// A poster is wanted that ranks above this, which is 0 where there is none yet.
    pub poster_over: Option<u64>,
}

/// A run that went to the end of the clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What the run made, chunk by chunk.
    pub chunks: Vec<ChunkFacts>,
    /// The poster, if this run made it.
    pub poster: Option<PosterReport>,
    /// Length of the clip, in milliseconds.
    pub duration_ms: u64,
    /// Width of the largest rendition.
    pub width: u32,
    /// Height of the largest rendition.
    pub height: u32,
    /// There is an audio rendition.
    pub has_audio: bool,
    /// Figures of this run.
    pub stats: Stats,
    /// What the child has used in all, unless nothing was left to do for it.
    pub usage: Option<Usage>,
    /// How long the probe took; nothing when an earlier attempt had done it.
    pub probed_in: Option<Duration>,
}

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// The source is at fault; trying again will not help.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The child failed; trying again may help, a bounded number of times.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The child wrote something that must not be published.
    #[error("{file}: {source}")]
    Output {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: CheckError,
    },
    /// The source cannot be repackaged, which showed after chunks were handed over: they do not
    /// fit the plan that encodes all rungs, and another attempt begins with that one.
    #[error("the source cannot be repackaged: {detail}")]
    Replanned {
        /// What the next attempt begins with.
        plan: Box<TranscodePlan>,
        /// What decoding showed, for operators.
        detail: String,
    },
    /// What earlier attempts stored was made by another encoder: nothing that this one makes can be played with it.
    #[error("the initialisation segments are not those that are stored")]
    EncoderChanged,
    /// The child said something that contradicts the plan or its files.
    #[error("the child's output is wrong: {0}")]
    Untrue(String),
    /// The work folder could not be used.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The receiver of the events is gone.
    #[error("nobody waits for the result any more")]
    Abandoned,
}

impl TranscodeError {
    /// Stable code for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code.as_str(),
            Self::Child(ChildError::TookTooLong(_) | ChildError::Silent(_)) => "took_too_long",
            Self::Child(ChildError::Died(_)) => "transcoder_crashed",
            Self::Child(ChildError::Overfull(_)) => "too_much_output",
            Self::Abandoned => "abandoned",
            Self::Replanned { .. } => "replanned",
            Self::EncoderChanged => "encoder_changed",
            _ => "transcoder_failed",
        }
    }

    /// The sentence the creator reads.
    pub fn message(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.message(),
            Self::Child(ChildError::TookTooLong(_) | ChildError::Silent(_)) => {
                "The clip took too long to process. Please try again, or export it with fewer pixels."
            }
            _ => "Something went wrong on our side while processing the clip. Please try again.",
        }
    }

    /// Trying again with the same source may help.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::EncoderChanged | Self::Child(ChildError::Overfull(_)))
    }
}

/// Makes a clip of `source`: probes, plans, and makes all chunks, or those from the one where a resume begins.
///
/// `work` is an empty folder on the file system of `source`, for this job alone; the child may write
/// there and nowhere else. Events go to `events` as they happen; when the receiver is dropped, the
/// child is killed. The future may be dropped at any time with the same effect.
///
/// # Errors
/// See [`TranscodeError`]; [`TranscodeError::is_retryable`] tells verdicts from accidents.
pub async fn transcode_file(
    work: &Path,
    source: &Path,
    options: &Options,
    events: mpsc::Sender<TranscodeEvent>,
) -> Result<Outcome, TranscodeError> {
    let work = fs::canonicalize(work).await?;
    place_source(source, &work.join(SOURCE_FILE)).await?;
    let mut child = Child::start(&options.command, &work).await?;
    let started = Instant::now();
    let (plan, ladder) = match &options.resume {
        Some(resume) if resume.plan.is_consistent() && resume.first_chunk < resume.plan.chunks.len() => {
            (resume.plan.clone(), None)
        }
        Some(_) => return Err(TranscodeError::Untrue("the stored plan contradicts itself".into())),
        None => {
            let info = probe(&mut child, &options.limits).await?;
            let Adapted { plan, ladder } = plan_for(&mut child, &info, &options.limits).await?;
            (plan, Some(ladder))
        }
    };
    let mut run = Run::new(work, plan, options.resume.as_ref(), events);
    run.probed_in = options.resume.is_none().then(|| started.elapsed());
    if let Some(probed_in) = run.probed_in {
        run.send(TranscodeEvent::Probed(probed_in)).await?;
    }
    run.announce(ladder).await?;
    run.carry_out(&mut child, &options.limits).await
}

/// Tries to get out of the sandbox, for `doctor`, readiness and metrics.
///
/// # Errors
/// When the child cannot be started or confined.
pub async fn check_sandbox(command: &ChildCommand, work: &Path) -> Result<SandboxReport, ChildError> {
    let job = tempfile::Builder::new().prefix("check-").tempdir_in(fs::canonicalize(work).await?)?;
    fs::write(job.path().join(SOURCE_FILE), []).await?;
    let mut child = Child::start(command, job.path()).await?;
    child.ask(&Request::TryToEscape).await?;
    match child.next().await? {
        Event::Escaped { report } => Ok(SandboxReport { gaps: child.gaps().to_vec(), ..report }),
        other => Err(ChildError::Protocol(format!("{other:?}"))),
    }
}

fn agree(stored: &[InitReport], made: &[InitReport]) -> bool {
    stored.len() == made.len() && stored.iter().zip(made).all(|(stored, made)| stored.agrees_with(made))
}

/// The child sees its folder only, so the source must lie in it.
async fn place_source(source: &Path, inside: &Path) -> io::Result<()> {
    if fs::try_exists(inside).await? && fs::canonicalize(source).await? == inside {
        return Ok(());
    }
    match fs::hard_link(source, inside).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => fs::copy(source, inside).await.map(|_| ()),
        Err(error) => Err(error),
    }
}

/// The making of one clip, from its first chunk to make to its end.
struct Run {
    plan: TranscodePlan,
    first_chunk: usize,
    chunks: Vec<ChunkFacts>,
    inits: Vec<InitReport>,
    poster_over: Option<u64>,
    poster: Option<PosterReport>,
    events: mpsc::Sender<TranscodeEvent>,
    verifier: Verifier,
    probed_in: Option<Duration>,
}

impl Run {
    fn new(work: PathBuf, plan: TranscodePlan, resume: Option<&Resume>, events: mpsc::Sender<TranscodeEvent>) -> Self {
        Self {
            plan,
            first_chunk: resume.map_or(0, |resume| resume.first_chunk),
            chunks: Vec::new(),
            inits: resume.map(|resume| resume.inits.clone()).unwrap_or_default(),
            poster_over: resume.map_or(Some(0), |resume| resume.poster_over),
            poster: None,
            events,
            verifier: Verifier::new(work),
            probed_in: None,
        }
    }

    async fn send(&self, event: TranscodeEvent) -> Result<(), TranscodeError> {
        self.events.send(event).await.map_err(|_| TranscodeError::Abandoned)
    }

    /// Tells what is made, and what became of the ladder if it is new.
    async fn announce(&self, ladder: Option<Ladder>) -> Result<(), TranscodeError> {
        self.send(TranscodeEvent::Planned(Box::new(self.plan.clone()))).await?;
        match ladder {
            Some(ladder) => self.send(TranscodeEvent::Looked(ladder)).await,
            None => Ok(()),
        }
    }

    async fn carry_out(&mut self, child: &mut Child, limits: &Limits) -> Result<Outcome, TranscodeError> {
        self.ask(child, limits).await?;
        loop {
            let event = tokio::select! {
                event = child.next() => event?,
                () = self.events.closed() => return Err(TranscodeError::Abandoned),
            };
            match event {
                Event::Progress { frames } => self.progress(frames).await?,
                Event::Poster { poster } => self.take_poster(poster).await?,
                Event::Chunk { chunk, stages } => self.take_chunk(chunk, stages, child.usage()).await?,
                Event::Finished { stats } => return self.outcome(stats, child.usage()),
                Event::NotRepackaged { detail } => self.plan_anew(child, limits, detail).await?,
                Event::Refused { refusal } => return Err(refusal.into()),
                Event::Failed { detail } => return Err(ChildError::Failed(detail).into()),
                other => return Err(ChildError::Protocol(format!("{other:?}")).into()),
            }
        }
    }

    /// Plans to encode all rungs, which happens at most once: such a plan repackages nothing.
    ///
    /// Its segments begin elsewhere. Where none is handed over yet the child goes on with it;
    /// otherwise what was handed over is worth nothing any more, and the caller begins anew.
    async fn plan_anew(&mut self, child: &mut Child, limits: &Limits, detail: String) -> Result<(), TranscodeError> {
        if self.plan.repackaged().is_none() {
            return Err(ChildError::Protocol("it failed to repackage what it should encode".into()).into());
        }
        tracing::warn!(error = %detail, "the source cannot be repackaged; all rungs are encoded");
        let mut info = probe(child, limits).await?;
        if let Some(video) = &mut info.video {
            video.coded = Err(WhyEncoded::Decoding);
        }
        let Adapted { plan, ladder } = plan_for(child, &info, limits).await?;
        if self.first_chunk > 0 || !self.chunks.is_empty() {
            return Err(TranscodeError::Replanned { plan: Box::new(plan), detail });
        }
        self.plan = plan;
        self.verifier.forget();
        self.announce(Some(ladder)).await?;
        self.ask(child, limits).await
    }

    async fn ask(&self, child: &mut Child, limits: &Limits) -> Result<(), TranscodeError> {
        self.verifier.make_folders(&self.plan).await?;
        let request = Request::Transcode {
            plan: Box::new(self.plan.clone()),
            limits: limits.clone(),
            first_chunk: self.first_chunk,
            poster_over: self.poster_over,
        };
        Ok(child.ask(&request).await?)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a short clip")]
    async fn progress(&self, frames: u64) -> Result<(), TranscodeError> {
        let share = frames.min(self.plan.total_frames) as f64 / self.plan.total_frames as f64;
        self.send(TranscodeEvent::Progress(share)).await
    }

    async fn take_poster(&mut self, poster: PosterReport) -> Result<(), TranscodeError> {
        let Some(over) = self.poster_over.filter(|over| poster.rank > *over) else {
            return Err(TranscodeError::Untrue("there is a poster too many".into()));
        };
        let name = if over == 0 { POSTER_FILE } else { BETTER_POSTER_FILE };
        let (file, _) = self.verifier.check_poster(&poster, name).await?;
        // One more may follow where the first shows no good picture.
        self.poster_over = (over == 0 && !is_good_poster(poster.rank)).then_some(poster.rank);
        self.poster = Some(poster.clone());
        self.send(TranscodeEvent::Poster(poster, file)).await
    }

    async fn take_chunk(
        &mut self,
        mut chunk: ChunkFacts,
        stages: StageTimes,
        usage: Option<Usage>,
    ) -> Result<(), TranscodeError> {
        let next = self.first_chunk + self.chunks.len();
        if chunk.index != next || next >= self.plan.chunks.len() {
            return Err(TranscodeError::Untrue(format!("chunk {} came out of turn", chunk.index)));
        }
        let files = self.verifier.check_chunk(&self.plan, &mut chunk).await?;
        if self.inits.is_empty() {
            self.inits.clone_from(&chunk.inits);
        } else if !agree(&self.inits, &chunk.inits) {
            // One child does not change its mind.
            let is_first = self.chunks.is_empty();
            let lie = || TranscodeError::Untrue("the initialisation segments changed".into());
            return Err(if is_first { TranscodeError::EncoderChanged } else { lie() });
        }
        self.chunks.push(chunk.clone());
        self.send(TranscodeEvent::Chunk(Box::new(ChunkReady { facts: chunk, files, stages, usage }))).await
    }

    fn outcome(&self, stats: Stats, usage: Option<Usage>) -> Result<Outcome, TranscodeError> {
        if self.first_chunk + self.chunks.len() != self.plan.chunks.len() {
            return Err(TranscodeError::Untrue("chunks are missing at the end".into()));
        }
        let top = self.plan.top();
        Ok(Outcome {
            chunks: self.chunks.clone(),
            poster: self.poster.clone(),
            duration_ms: self.plan.duration_ms(),
            width: top.width,
            height: top.height,
            has_audio: self.plan.audio.is_some(),
            stats,
            usage,
            probed_in: self.probed_in,
        })
    }
}

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use estrade_blobs::{BlobError, Blobs, key};
use estrade_db::media::{self, Failure, Work};
use estrade_db::{DbError, PgConnection, PgPool};
use estrade_domain::{ClipId, Clock, VersionId};
use estrade_events::Event;
use estrade_jobs::{Context, Handler, Job, JobError, Kind};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::TranscoderMetrics;
use super::publish::{Chunk, publish_chunk};
use crate::media::PosterReport;
use crate::plan::{Limits, Refusal, TranscodePlan};
use crate::sandbox::ChildCommand;
use crate::{
    ChunkReady, Options, Outcome, OutputFile, Resume, TranscodeError, TranscodeEvent, WAITING_EVENTS, transcode_file,
};

/// Objects stored at a time.
const STORES_AT_A_TIME: usize = 4;
/// Progress is written when it grew by this much.
const PROGRESS_STEP: f64 = 0.04;
/// The fetched source is called this and the name of its job's folder.
const SOURCE_PREFIX: &str = "source-of-";

/// Makes media versions of clips.
pub struct TranscodeHandler {
    /// Rows.
    pub pool: PgPool,
    /// Objects.
    pub blobs: Blobs,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How the child is started.
    pub command: ChildCommand,
    /// Folder for work in progress.
    pub work_dir: PathBuf,
    /// Where figures go.
    pub metrics: TranscoderMetrics,
}

/// What is kept with a version so that a later attempt goes on where this one ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    plan: TranscodePlan,
    poster: Option<PosterReport>,
}

/// One attempt at one version.
struct Attempt<'a> {
    handler: &'a TranscodeHandler,
    context: &'a Context,
    clip_id: ClipId,
    version_id: VersionId,
    /// Where this attempt's objects go, ending in a slash.
    folder: String,
    dir: &'a Path,
    started: Instant,
    saved: Option<Saved>,
    progress: f64,
}

impl Handler for TranscodeHandler {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::TranscodeClip]
    }

    async fn run(&self, job: Job, context: Context) -> Result<(), JobError> {
        let Job::TranscodeClip { clip_id, version_id } = job else {
            return Err(JobError::Discard { code: "wrong_kind".to_owned(), detail: format!("{job:?}") });
        };
        tokio::select! {
            // Leaving drops the work, and with it the child.
            () = context.stop.cancelled() => Err(JobError::Stopped),
            done = self.transcode(clip_id, version_id, &context) => done,
        }
    }

    fn discarded(
        &self,
        conn: &mut PgConnection,
        job: &Job,
        code: &str,
        detail: &str,
    ) -> impl Future<Output = Result<(), DbError>> + Send {
        let (code, detail) = (code.to_owned(), detail.to_owned());
        let clip_id = match job {
            Job::TranscodeClip { clip_id, .. } => Some(*clip_id),
            Job::DeleteMedia { .. } => None,
        };
        async move {
            let Some(clip_id) = clip_id else { return Ok(()) };
            let message = accident_message(&code);
            let failure = Failure { code: &code, message, detail: &detail, is_retryable: true };
            self.fail(conn, clip_id, &failure).await
        }
    }
}

/// What the creator reads when our side gave up.
fn accident_message(code: &str) -> &'static str {
    match code {
        "took_too_long" => "The clip took too long to process. Please try again, or export it with fewer pixels.",
        _ => "Something went wrong on our side while processing the clip. Please try again.",
    }
}

impl TranscodeHandler {
    async fn transcode(&self, clip_id: ClipId, version_id: VersionId, context: &Context) -> Result<(), JobError> {
        let started = Instant::now();
        let Some(work) = self.find_work(version_id).await? else { return Ok(()) };
        let dir = tempfile::Builder::new().prefix("clip-").tempdir_in(&self.work_dir).map_err(io_trouble)?;
        let source =
            self.work_dir.join(format!("{SOURCE_PREFIX}{}", dir.path().file_name().unwrap_or_default().display()));
        let fetched = SourceFile(source);
        self.fetch(&work, &fetched.0).await?;
        let resume = self.resume(version_id, &work).await?;
        let mut attempt = Attempt {
            handler: self,
            context,
            clip_id,
            version_id,
            folder: key::attempt_folder(&work.clip_public_id, version_id, context.lease.token),
            dir: dir.path(),
            started,
            saved: resume.as_ref().map(|resume| Saved { plan: resume.plan.clone(), poster: resume.poster.clone() }),
            progress: 0.0,
        };
        let verdict = attempt.run(&fetched.0, resume).await;
        self.settle(clip_id, version_id, context, verdict).await
    }

    async fn find_work(&self, version_id: VersionId) -> Result<Option<Work>, JobError> {
        let mut conn = self.pool.acquire().await.map_err(DbError::from)?;
        let work = media::find_work(&mut conn, version_id).await?;
        Ok(work.filter(|work| !work.is_deleted))
    }

    async fn fetch(&self, work: &Work, path: &Path) -> Result<(), JobError> {
        let started = Instant::now();
        let size = self.blobs.download(&work.source_key, path).await.map_err(|error| match error {
            BlobError::NotFound(_) => JobError::Discard {
                code: "source_missing".to_owned(),
                detail: "the source is not in the object store".to_owned(),
            },
            other => JobError::retry("storage", other),
        })?;
        self.metrics.source_bytes.inc_by(size);
        self.metrics.seconds.with_label_values(&["fetch"]).observe(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// What earlier attempts left; when it cannot be read, this one starts anew.
    async fn resume(&self, version_id: VersionId, work: &Work) -> Result<Option<Resume>, JobError> {
        let Some(plan) = &work.plan else { return Ok(None) };
        let saved = serde_json::from_value::<Saved>(plan.clone());
        let chunks =
            work.chunks.iter().map(|chunk| serde_json::from_value(chunk.clone())).collect::<Result<Vec<_>, _>>();
        match (saved, chunks) {
            (Ok(saved), Ok(chunks)) if saved.plan.is_consistent() => {
                Ok(Some(Resume { plan: saved.plan, chunks, poster: saved.poster }))
            }
            _ => {
                tracing::warn!(version.id = %version_id, "the plan of an earlier attempt cannot be read; starting anew");
                let mut tx = self.pool.begin().await.map_err(DbError::from)?;
                media::restart_version(&mut tx, version_id).await?;
                tx.commit().await.map_err(DbError::from)?;
                Ok(None)
            }
        }
    }

    /// A verdict on the source ends the job well and the clip failed; an accident is tried again.
    async fn settle(
        &self,
        clip_id: ClipId,
        version_id: VersionId,
        context: &Context,
        verdict: Result<(), AttemptError>,
    ) -> Result<(), JobError> {
        match verdict {
            Ok(()) => {
                self.metrics.outcomes.with_label_values(&["ready"]).inc();
                Ok(())
            }
            Err(AttemptError::Transcode(TranscodeError::Refused(refusal))) => {
                self.refuse(clip_id, context, &refusal).await?;
                tracing::info!(version.id = %version_id, clip.failure = refusal.code.as_str(), "the source was refused");
                self.metrics.outcomes.with_label_values(&[refusal.code.as_str()]).inc();
                Ok(())
            }
            Err(AttemptError::Transcode(error)) => {
                self.metrics.outcomes.with_label_values(&[error.code()]).inc();
                Err(JobError::retry(error.code(), error))
            }
            Err(AttemptError::Job(error)) => Err(error),
        }
    }

    async fn refuse(&self, clip_id: ClipId, context: &Context, refusal: &Refusal) -> Result<(), JobError> {
        let failure = Failure {
            code: refusal.code.as_str(),
            message: refusal.message(),
            detail: &refusal.detail,
            is_retryable: false,
        };
        let mut tx = self.pool.begin().await.map_err(DbError::from)?;
        context.hold(&mut tx).await?;
        self.fail(&mut tx, clip_id, &failure).await?;
        tx.commit().await.map_err(DbError::from)?;
        Ok(())
    }

    async fn fail(&self, conn: &mut PgConnection, clip_id: ClipId, failure: &Failure<'_>) -> Result<(), DbError> {
        if media::fail_clip(conn, clip_id, failure).await? {
            estrade_events::append(conn, &Event::ClipChanged { clip_id }).await?;
        }
        Ok(())
    }
}

/// The fetched source; gone when dropped. The child sees a link to it in its own folder.
struct SourceFile(PathBuf);

impl Drop for SourceFile {
    fn drop(&mut self) {
        // A file that was never written is no trouble, and the folder is emptied at start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Why an attempt did not finish.
enum AttemptError {
    Transcode(TranscodeError),
    Job(JobError),
}

impl From<JobError> for AttemptError {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

impl From<DbError> for AttemptError {
    fn from(error: DbError) -> Self {
        Self::Job(error.into())
    }
}

impl From<sqlx::Error> for AttemptError {
    fn from(error: sqlx::Error) -> Self {
        DbError::from(error).into()
    }
}

fn io_trouble(error: std::io::Error) -> JobError {
    JobError::retry("disk", error)
}

impl Attempt<'_> {
    /// Lets the child work and publishes what it makes, until both are done.
    async fn run(&mut self, source: &Path, resume: Option<Resume>) -> Result<(), AttemptError> {
        let outcome = self.drive(source, resume).await?;
        self.handler.metrics.media_ms.inc_by(outcome.duration_ms);
        self.observe("all");
        Ok(())
    }

    async fn drive(&mut self, source: &Path, resume: Option<Resume>) -> Result<Outcome, AttemptError> {
        let options = Options { command: self.handler.command.clone(), limits: Limits::default(), resume };
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let dir = self.dir;
        let work = transcode_file(dir, source, &options, sender);
        let publish = async {
            while let Some(event) = events.recv().await {
                self.take(event).await?;
            }
            Ok::<(), AttemptError>(())
        };
        tokio::pin!(work, publish);
        let outcome = tokio::select! {
            // Publishing ends first only when it fails: then the work is dropped, and the child with it.
            published = &mut publish => match published {
                Err(error) => return Err(error),
                Ok(()) => work.await,
            },
            outcome = &mut work => {
                let published = publish.await;
                published?;
                outcome
            }
        };
        outcome.map_err(AttemptError::Transcode)
    }

    fn observe(&self, stage: &str) {
        self.handler.metrics.seconds.with_label_values(&[stage]).observe(self.started.elapsed().as_secs_f64());
    }

    async fn take(&mut self, event: TranscodeEvent) -> Result<(), AttemptError> {
        match event {
            TranscodeEvent::Planned(plan) => {
                let poster = self.saved.take().and_then(|saved| saved.poster);
                self.save(Saved { plan: *plan, poster }).await
            }
            TranscodeEvent::Progress(share) => self.take_progress(share).await,
            TranscodeEvent::Poster(poster) => self.take_poster(poster).await,
            TranscodeEvent::Chunk(chunk) => self.take_chunk(&chunk).await,
        }
    }

    async fn save(&mut self, saved: Saved) -> Result<(), AttemptError> {
        let value = serde_json::to_value(&saved).unwrap_or_default();
        let mut tx = self.handler.pool.begin().await?;
        self.context.hold(&mut tx).await?;
        media::save_plan(&mut tx, self.version_id, &value).await?;
        tx.commit().await?;
        self.saved = Some(saved);
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
    async fn take_progress(&mut self, share: f64) -> Result<(), AttemptError> {
        if share < self.progress + PROGRESS_STEP {
            return Ok(());
        }
        self.progress = share;
        let mut conn = self.handler.pool.acquire().await?;
        // 1 is for the chunk that completes the clip.
        media::save_progress(&mut conn, self.clip_id, share.min(0.99) as f32).await?;
        Ok(())
    }

    async fn take_poster(&mut self, poster: PosterReport) -> Result<(), AttemptError> {
        let file = OutputFile { name: poster.file.clone(), bytes: poster.bytes, content_type: "image/jpeg" };
        self.store(&[file]).await?;
        let Some(mut saved) = self.saved.clone() else { return Ok(()) };
        saved.poster = Some(poster.clone());
        let thumbhash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &poster.thumbhash);
        let mut tx = self.handler.pool.begin().await?;
        self.context.hold(&mut tx).await?;
        media::save_plan(&mut tx, self.version_id, &serde_json::to_value(&saved).unwrap_or_default()).await?;
        media::save_poster(&mut tx, self.version_id, &poster.file, &thumbhash, self.context.lease.token).await?;
        estrade_events::append(&mut tx, &Event::ClipChanged { clip_id: self.clip_id }).await?;
        tx.commit().await?;
        self.saved = Some(saved);
        Ok(())
    }

    async fn take_chunk(&mut self, chunk: &ChunkReady) -> Result<(), AttemptError> {
        let started = Instant::now();
        self.store(&chunk.files).await?;
        let Some(saved) = &self.saved else { return Ok(()) };
        let written = Chunk {
            clip_id: self.clip_id,
            version_id: self.version_id,
            token: self.context.lease.token,
            plan: &saved.plan,
            facts: &chunk.facts,
            package: &chunk.package,
        };
        let mut tx = self.handler.pool.begin().await?;
        self.context.hold(&mut tx).await?;
        publish_chunk(&mut tx, &written, self.handler.clock.now()).await?;
        tx.commit().await?;
        self.handler.metrics.seconds.with_label_values(&["store"]).observe(started.elapsed().as_secs_f64());
        if chunk.facts.index == 0 {
            self.observe("first");
        }
        self.remove(&chunk.files).await;
        Ok(())
    }

    async fn store(&self, files: &[OutputFile]) -> Result<(), AttemptError> {
        for group in files.chunks(STORES_AT_A_TIME) {
            futures::future::try_join_all(group.iter().map(|file| self.store_file(file))).await?;
        }
        Ok(())
    }

    async fn store_file(&self, file: &OutputFile) -> Result<(), JobError> {
        let bytes = tokio::fs::read(self.dir.join(&file.name)).await.map_err(io_trouble)?;
        let key = format!("{}{}", self.folder, file.name);
        self.handler
            .blobs
            .put(&key, file.content_type, Bytes::from(bytes))
            .await
            .map_err(|error| JobError::retry("storage", error))?;
        self.handler.metrics.stored_bytes.inc_by(file.bytes);
        Ok(())
    }

    async fn remove(&self, files: &[OutputFile]) {
        for file in files {
            // The whole folder goes at the end; this only keeps it small meanwhile.
            let _ = tokio::fs::remove_file(self.dir.join(&file.name)).await;
        }
    }
}

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use estrade_blobs::{BlobError, Blobs, key};
use estrade_db::media::{self, Failure, Work};
use estrade_db::{DbError, PgConnection, PgPool};
use estrade_domain::{ClipId, Clock, Entropy, VersionId};
use estrade_events::Event;
use estrade_jobs::{Context, Handler, Job, JobError, Kind};

use super::TranscoderMetrics;
use super::attempt::{Attempt, AttemptError, Saved, io_trouble};
use crate::plan::Refusal;
use crate::sandbox::ChildCommand;
use crate::{Resume, TranscodeError};

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
        if let Err(AttemptError::Transcode(TranscodeError::Replanned { plan, detail })) = verdict {
            return self
                .start_over(clip_id, version_id, &work, context, Saved { plan: *plan, poster: None }, &detail)
                .await;
        }
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

    /// Makes the clip again from its beginning, as a version of its own: what players hold of this one stays
    /// true, because addresses carry the version. It is shown until the new one's first chunk is stored.
    async fn start_over(
        &self,
        clip_id: ClipId,
        version_id: VersionId,
        work: &Work,
        context: &Context,
        saved: Saved,
        detail: &str,
    ) -> Result<(), JobError> {
        let (now, entropy) = (self.clock.now(), Entropy::from_os());
        let next = VersionId::new(now, &entropy);
        let job = Job::TranscodeClip { clip_id, version_id: next };
        let mut tx = self.pool.begin().await.map_err(DbError::from)?;
        context.hold(&mut tx).await?;
        media::insert_version(&mut tx, next, clip_id, &work.source_key, now).await?;
        media::save_plan(&mut tx, next, &serde_json::to_value(&saved).unwrap_or_default()).await?;
        estrade_jobs::enqueue(&mut tx, &job, Some(work.creator_id), now, &entropy).await?;
        tx.commit().await.map_err(DbError::from)?;
        tracing::warn!(version.id = %version_id, version.next = %next, error = %detail, "the source cannot be repackaged; starting over");
        self.metrics.outcomes.with_label_values(&["replanned"]).inc();
        Ok(())
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

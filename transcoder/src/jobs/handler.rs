use std::future::Future;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use estrade_blobs::{BlobError, Blobs};
use estrade_db::media::{self, Failure};
use estrade_db::transcodes::{self, Work};
use estrade_db::{DbError, PgConnection, PgPool};
use estrade_domain::{Clock, Entropy, VersionId};
use estrade_events::Event;
use estrade_jobs::{Context, Handler, Job, JobError, Kind, Weight, enqueue};

use super::TranscoderMetrics;
use super::attempt::{Attempt, AttemptError, Saved, io_trouble};
use super::begin::{Begin, Start};
use super::extras::discard;
use super::sweep::{order_sweep, sweep_if_deleted};
use crate::TranscodeError;
use crate::media::{CHUNKS_LOOKED_AT, StageTimes, is_good_poster};
use crate::plan::{Refusal, TranscodePlan};
use crate::sandbox::ChildCommand;

/// The fetched source is called this and the name of its job's folder.
const SOURCE_PREFIX: &str = "source-of-";

/// Versions of a clip that are begun each time it is tried, by the house or by its creator.
const VERSIONS_PER_TRY: i64 = 5;

/// What a job asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// A look at the source, and the first chunk.
    Beginning,
    /// Some chunks of a version that is begun.
    Range(Range<usize>),
    /// A family, from its first chunk to its last.
    Family,
}

/// Makes media versions of clips.
#[derive(Clone)]
pub struct TranscodeHandler {
    /// Rows.
    pub pool: PgPool,
    /// Objects.
    pub blobs: Blobs,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness of ids.
    pub entropy: Entropy,
    /// How the child is started.
    pub command: ChildCommand,
    /// Folder for work in progress.
    pub work_dir: PathBuf,
    /// Where figures go.
    pub metrics: TranscoderMetrics,
}

impl Handler for TranscodeHandler {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::TranscodeClip, Kind::TranscodeRange, Kind::MakeFamily]
    }

    async fn run(&self, job: Job, context: Context) -> Result<(), JobError> {
        let (clip_id, version_id, asked) = match job {
            Job::TranscodeClip { clip_id, version_id } => (clip_id, version_id, Asked::Beginning),
            Job::TranscodeRange { clip_id, version_id, first, end } => (clip_id, version_id, Asked::Range(first..end)),
            Job::MakeFamily { clip_id, version_id } => (clip_id, version_id, Asked::Family),
            other => return Err(JobError::Discard { code: "wrong_kind".to_owned(), detail: format!("{other:?}") }),
        };
        let begin = Begin { handler: self, context: &context, clip_id, version_id };
        tokio::select! {
            // Leaving drops the work, and with it the child.
            () = context.stop.cancelled() => Err(JobError::Stopped),
            done = self.transcode(&begin, asked) => done,
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
        let (clip_id, version_id) = match job {
            Job::TranscodeClip { clip_id, version_id } | Job::TranscodeRange { clip_id, version_id, .. } => {
                (Some(*clip_id), Some(*version_id))
            }
            Job::MakeFamily { clip_id, .. } => (Some(*clip_id), None),
            _ => (None, None),
        };
        if version_id.is_none() {
            // The clip is whole without it, and it is not ordered again.
            tracing::warn!(job = ?job, error.code = code, error = detail, "a family is given up");
            self.metrics.families.with_label_values(&["given_up"]).inc();
        }
        async move {
            if let Some(clip_id) = clip_id {
                order_sweep(conn, &*self.clock, &self.entropy, clip_id).await?;
            }
            let Some(version_id) = version_id else { return Ok(()) };
            let (message, last_message) = accident_messages(&code);
            let failure = Failure { code: &code, message, last_message, detail: &detail, is_retryable: true };
            self.fail(conn, version_id, &failure).await
        }
    }
}

/// What the creator reads when our side gave up: while trying again is possible, and after that.
fn accident_messages(code: &str) -> (&'static str, &'static str) {
    match code {
        "took_too_long" => (
            "The clip took too long to process. Please try again, or export it with fewer pixels.",
            "The clip takes too long to process. Please export it with fewer pixels and upload that.",
        ),
        _ => (
            "Something went wrong on our side while processing the clip. Please try again.",
            "The clip could not be processed, however often it was tried. Please export it anew and upload that.",
        ),
    }
}

impl TranscodeHandler {
    async fn transcode(&self, begin: &Begin<'_>, asked: Asked) -> Result<(), JobError> {
        let done = match self.find_start(begin, asked).await {
            Ok(Some((work, start, base))) => self.work_on(begin, work, start, base).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        let is_deleted = sweep_if_deleted(&self.pool, &*self.clock, &self.entropy, begin.clip_id).await?;
        if is_deleted { Ok(()) } else { done }
    }

    /// What there is to do, if there is anything, and of a family the version that is to show it.
    async fn find_start(
        &self,
        begin: &Begin<'_>,
        asked: Asked,
    ) -> Result<Option<(Work, Start, Option<VersionId>)>, JobError> {
        let range = match asked {
            Asked::Beginning => None,
            Asked::Range(range) => Some(range),
            Asked::Family => {
                let found = self.find_family_start(begin).await?;
                return Ok(found.map(|(work, start, base)| (work, start, Some(base))));
            }
        };
        Ok(begin.find_start(range).await?.map(|(work, start)| (work, start, None)))
    }

    async fn work_on(
        &self,
        begin: &Begin<'_>,
        work: Work,
        start: Start,
        base: Option<VersionId>,
    ) -> Result<(), JobError> {
        let started = Instant::now();
        let dir = tempfile::Builder::new().prefix("clip-").tempdir_in(&self.work_dir).map_err(io_trouble)?;
        let source =
            self.work_dir.join(format!("{SOURCE_PREFIX}{}", dir.path().file_name().unwrap_or_default().display()));
        let fetched = SourceFile(source);
        self.fetch(&work, &fetched.0).await?;
        let Begin { context, clip_id, version_id, .. } = *begin;
        let resume = start.resume(poster_over(&work, start.first_chunk).filter(|_| base.is_none()));
        let mut attempt = Attempt {
            handler: self,
            context,
            clip_id,
            version_id,
            creator_id: work.creator_id,
            clip_public_id: &work.clip_public_id,
            dir: dir.path(),
            started,
            token: context.lease().await.token,
            base,
            is_frontier: start.is_frontier() && base.is_none(),
            is_whole: start.first_chunk == 0 && base.is_none(),
            planned: start.kept_plan(),
            part: start.part,
            progress: 0.0,
            stages: StageTimes::default(),
        };
        let verdict = attempt.run(&fetched.0, resume).await;
        let plan = attempt.planned.as_ref().map(|planned| planned.plan.clone());
        match verdict {
            verdict if base.is_some() => settle_family(verdict),
            Err(AttemptError::Transcode(TranscodeError::Replanned { plan, detail })) => {
                self.start_over(begin, Some(*plan), &detail).await
            }
            Err(AttemptError::Transcode(error @ TranscodeError::EncoderChanged)) => {
                self.start_over(begin, plan, &error.to_string()).await
            }
            verdict => self.settle(version_id, context, verdict).await,
        }
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

    /// Makes the clip again from its beginning, as a version of its own: what players hold of this one stays
    /// true, because addresses carry the version. It is shown until the new one's first chunk is stored,
    /// and nobody works on it any more. Without a plan the source is looked at again.
    ///
    /// Several ranges of the clip may find out: the first makes the new version. That has all its attempts, so there is
    /// an end to it: releases that cannot read each other would make a clip anew for as long as both run.
    pub(super) async fn start_over(
        &self,
        begin: &Begin<'_>,
        plan: Option<TranscodePlan>,
        detail: &str,
    ) -> Result<(), JobError> {
        let Begin { context, clip_id, version_id, .. } = *begin;
        let now = self.clock.now();
        let next = version_id.successor(now, &self.entropy);
        let job = Job::TranscodeClip { clip_id, version_id: next };
        let mut tx = self.pool.begin().await.map_err(DbError::from)?;
        context.hold(&mut tx).await?;
        transcodes::lock_version(&mut tx, version_id).await?;
        // Asked again with the version held: only now it is certain that nobody else made a newer one.
        let work = transcodes::find_work(&mut tx, version_id).await?;
        let Some(work) = work.filter(|work| work.is_wanted) else { return Ok(()) };
        if work.version_count >= VERSIONS_PER_TRY * (1 + work.retries) {
            return Err(discard("started_over", detail));
        }
        media::insert_version(&mut tx, next, clip_id, &work.source_key, now).await?;
        if let Some(plan) = plan {
            let plan = serde_json::to_value(Saved { plan }).unwrap_or_default();
            transcodes::save_plan(&mut tx, next, &plan, context.lease().await.token).await?;
        }
        enqueue(&mut tx, &job, Weight::light(work.creator_id), now, &self.entropy).await?;
        tx.commit().await.map_err(DbError::from)?;
        tracing::warn!(version.id = %version_id, version.next = %next, error = %detail, "a version cannot be gone on with; starting over");
        self.metrics.outcomes.with_label_values(&["replanned"]).inc();
        Ok(())
    }

    /// A verdict on the source ends the job well and the clip failed; an accident is tried again.
    async fn settle(
        &self,
        version_id: VersionId,
        context: &Context,
        verdict: Result<(), AttemptError>,
    ) -> Result<(), JobError> {
        match verdict {
            Ok(()) => Ok(()),
            Err(AttemptError::Transcode(TranscodeError::Refused(refusal))) => {
                self.refuse(version_id, context, &refusal).await?;
                tracing::info!(version.id = %version_id, clip.failure = refusal.code.as_str(), "the source was refused");
                Ok(())
            }
            Err(AttemptError::Transcode(error)) => Err(accident(&error)),
            Err(AttemptError::Job(error)) => Err(error),
        }
    }

    async fn refuse(&self, version_id: VersionId, context: &Context, refusal: &Refusal) -> Result<(), JobError> {
        let failure = Failure {
            code: refusal.code.as_str(),
            message: refusal.message(),
            last_message: refusal.message(),
            detail: &refusal.detail,
            is_retryable: false,
        };
        let mut tx = self.pool.begin().await.map_err(DbError::from)?;
        context.hold(&mut tx).await?;
        self.fail(&mut tx, version_id, &failure).await?;
        tx.commit().await.map_err(DbError::from)?;
        Ok(())
    }

    pub(super) async fn fail(
        &self,
        conn: &mut PgConnection,
        version_id: VersionId,
        failure: &Failure<'_>,
    ) -> Result<(), DbError> {
        if let Some(clip_id) = media::fail_clip(conn, version_id, failure).await? {
            estrade_events::append(conn, &Event::ClipChanged { clip_id }).await?;
            self.metrics.outcomes.with_label_values(&[failure.code]).inc();
        }
        Ok(())
    }
}

/// An accident is tried again, unless it would only happen again.
pub(super) fn accident(error: &TranscodeError) -> JobError {
    if error.is_retryable() { JobError::retry(error.code(), error) } else { discard(error.code(), &error.to_string()) }
}

/// A poster is wanted where there is none, and a better one while the first chunks go by and none is good.
fn poster_over(work: &Work, first_chunk: usize) -> Option<u64> {
    let Some(rank) = work.poster_rank else { return Some(0) };
    let rank = u64::try_from(rank).unwrap_or(u64::MAX);
    (first_chunk < CHUNKS_LOOKED_AT && !is_good_poster(rank)).then_some(rank)
}

/// The clip is whole without it: what is found wrong with the source now is for operators.
fn settle_family(verdict: Result<(), AttemptError>) -> Result<(), JobError> {
    match verdict {
        Ok(()) => Ok(()),
        Err(AttemptError::Transcode(TranscodeError::Refused(refusal))) => {
            Err(discard(refusal.code.as_str(), &refusal.detail))
        }
        Err(AttemptError::Transcode(error)) => Err(accident(&error)),
        Err(AttemptError::Job(error)) => Err(error),
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

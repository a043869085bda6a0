//! One attempt at one version: the child works, what it makes is stored and published.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use estrade_db::{DbError, media};
use estrade_domain::{ClipId, VersionId};
use estrade_events::Event;
use estrade_jobs::{Context, JobError};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::TranscodeHandler;
use super::publish::{Chunk, publish_chunk};
use crate::media::PosterReport;
use crate::plan::{Limits, TranscodePlan};
use crate::{
    ChunkReady, Options, Outcome, OutputFile, Resume, TranscodeError, TranscodeEvent, WAITING_EVENTS, transcode_file,
};

/// Objects stored at a time.
const STORES_AT_A_TIME: usize = 4;
/// Progress is written when it grew by this much.
const PROGRESS_STEP: f64 = 0.04;

/// What is kept with a version so that a later attempt goes on where this one ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) plan: TranscodePlan,
    pub(super) poster: Option<PosterReport>,
}

/// One attempt at one version.
pub(super) struct Attempt<'a> {
    pub(super) handler: &'a TranscodeHandler,
    pub(super) context: &'a Context,
    pub(super) clip_id: ClipId,
    pub(super) version_id: VersionId,
    /// Where this attempt's objects go, ending in a slash.
    pub(super) folder: String,
    pub(super) dir: &'a Path,
    pub(super) started: Instant,
    pub(super) saved: Option<Saved>,
    pub(super) progress: f64,
}

/// Why an attempt did not finish.
pub(super) enum AttemptError {
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

pub(super) fn io_trouble(error: std::io::Error) -> JobError {
    JobError::retry("disk", error)
}

impl Attempt<'_> {
    /// Lets the child work and publishes what it makes, until both are done.
    pub(super) async fn run(&mut self, source: &Path, resume: Option<Resume>) -> Result<(), AttemptError> {
        let outcome = self.drive(source, resume).await?;
        self.handler.metrics.media_ms.inc_by(outcome.duration_ms);
        if let Some(saved) = &self.saved {
            self.handler.metrics.observe_run(&saved.plan, &outcome, self.started.elapsed());
        }
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

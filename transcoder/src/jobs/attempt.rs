//! One attempt at a part of a version: the child works, what it makes is stored and published.

use std::convert::Infallible;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use estrade_blobs::key;
use estrade_db::media::MadePoster;
use estrade_db::{DbError, PgConnection, Transaction, downloads, media, transcodes};
use estrade_domain::{AccountId, ClipId, PublicId, VersionId};
use estrade_events::Event;
use estrade_jobs::{Context, Job, JobError, Weight, enqueue};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::TranscodeHandler;
use super::family::show_families;
use super::publish::{Published, Target, publish_chunk};
use super::rest::Rest;
use super::sweep::until_deleted;
use crate::media::{PosterReport, StageTimes};
use crate::package::ChunkFacts;
use crate::plan::{Limits, TranscodePlan};
use crate::{
    ChunkReady, Options, Outcome, OutputFile, Resume, TranscodeError, TranscodeEvent, WAITING_EVENTS, transcode_file,
};

/// Objects stored at a time.
const STORES_AT_A_TIME: usize = 4;
/// Progress is written when it grew by this much.
const PROGRESS_STEP: f64 = 0.04;

/// What is kept with a version so that whoever goes on does so with the same plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) plan: TranscodePlan,
}

/// A plan and the lease token of the attempt that made it.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) plan: TranscodePlan,
    pub(super) token: i64,
}

/// One attempt at a part of a version, and at the parts after it while nothing stands in the way.
pub(super) struct Attempt<'a> {
    pub(super) handler: &'a TranscodeHandler,
    pub(super) context: &'a Context,
    pub(super) clip_id: ClipId,
    pub(super) version_id: VersionId,
    pub(super) creator_id: AccountId,
    pub(super) clip_public_id: &'a PublicId,
    pub(super) dir: &'a Path,
    pub(super) started: Instant,
    /// The lease token: objects go into a folder of its own.
    pub(super) token: i64,
    pub(super) planned: Option<Planned>,
    /// The version that is to show the family it makes; none for the first family.
    pub(super) base: Option<VersionId>,
    /// Chunks the job at hand asks for.
    pub(super) part: Range<usize>,
    /// All before this attempt's first chunk is stored: how far it is, is how far the clip is.
    pub(super) is_frontier: bool,
    /// This attempt began with the first chunk.
    pub(super) is_whole: bool,
    pub(super) progress: f64,
    /// Where the time of the child went, as far as it has told.
    pub(super) stages: StageTimes,
}

impl Drop for Attempt<'_> {
    /// Most attempts end before the clip does: what is known of them is counted however they end.
    fn drop(&mut self) {
        if let Some(Planned { plan, .. }) = &self.planned {
            self.handler.metrics.observe_stages(plan, &self.stages, self.started.elapsed());
        }
    }
}

/// Whether an attempt goes on after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    /// What was asked for is done, and others do the rest.
    Leave,
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
    /// Lets the child work and publishes what it makes, until what is asked for is done.
    pub(super) async fn run(&mut self, source: &Path, resume: Option<Resume>) -> Result<(), AttemptError> {
        let command = self.handler.command.clone();
        let options = Options { command, limits: Limits::default(), resume };
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let dir = self.dir;
        let work = transcode_file(dir, source, &options, sender);
        let deleted = CancellationToken::new();
        let watch = Box::pin(until_deleted(self.handler.pool.clone(), self.clip_id));
        let publish = async {
            // Polled all along: it may hold a connection that others wait for.
            let watch = async {
                watch.await;
                deleted.cancel();
                std::future::pending::<Infallible>().await
            };
            tokio::select! {
                next = self.take_all(&mut events, &deleted) => next,
                never = watch => match never {},
            }
        };
        let ended = {
            tokio::pin!(work, publish);
            tokio::select! {
                // Publishing ends first when it fails or no more is wanted: the work is dropped, and the child with it.
                next = &mut publish => match next? {
                    Next::Leave => None,
                    Next::GoOn => Some((work.await, Next::GoOn)),
                },
                outcome = &mut work => Some((outcome, publish.await?)),
            }
        };
        let Some((outcome, next)) = ended else { return Ok(()) };
        match outcome {
            Ok(outcome) => self.count_whole(&outcome),
            Err(error) if next == Next::GoOn => return Err(AttemptError::Transcode(error)),
            // What was asked for is stored, whatever became of the child after that.
            Err(_) => {}
        }
        Ok(())
    }

    /// Takes what the child tells until it has told all, or no more is wanted.
    async fn take_all(
        &mut self,
        events: &mut mpsc::Receiver<TranscodeEvent>,
        deleted: &CancellationToken,
    ) -> Result<Next, AttemptError> {
        loop {
            // Asked between two events: what is being stored is stored whole, and swept up after that.
            let event = tokio::select! {
                event = events.recv() => event,
                () = deleted.cancelled() => return Ok(Next::Leave),
            };
            let Some(event) = event else { return Ok(Next::GoOn) };
            if self.take(event).await? == Next::Leave {
                return Ok(Next::Leave);
            }
        }
    }

    fn count_whole(&mut self, outcome: &Outcome) {
        self.stages.clone_from(&outcome.stats.stages);
        if let Some(Planned { plan, .. }) = &self.planned {
            self.handler.metrics.observe_speed(plan, outcome, self.started.elapsed());
        }
    }

    fn observe(&self, stage: &str) {
        self.handler.metrics.seconds.with_label_values(&[stage]).observe(self.started.elapsed().as_secs_f64());
    }

    async fn take(&mut self, event: TranscodeEvent) -> Result<Next, AttemptError> {
        match event {
            TranscodeEvent::Probed(took) => {
                self.handler.metrics.seconds.with_label_values(&["probe"]).observe(took.as_secs_f64());
            }
            TranscodeEvent::Looked(ladder) => {
                self.handler.metrics.ladders.with_label_values(&[ladder.as_str()]).inc();
            }
            TranscodeEvent::Planned(plan) => self.take_plan(*plan).await?,
            TranscodeEvent::Progress(share) => self.take_progress(share).await?,
            TranscodeEvent::Poster(poster, file) => self.take_poster(&poster, file).await?,
            TranscodeEvent::Chunk(chunk) => return self.take_chunk(&chunk).await,
        }
        Ok(Next::GoOn)
    }

    /// Keeps a new plan; that of an earlier attempt is kept already. Before the first chunk is stored
    /// a second plan may replace the first.
    async fn take_plan(&mut self, plan: TranscodePlan) -> Result<(), AttemptError> {
        if self.planned.as_ref().is_some_and(|planned| planned.plan == plan) {
            return Ok(());
        }
        let saved = Saved { plan };
        let value = serde_json::to_value(&saved).unwrap_or_default();
        let mut tx = self.handler.pool.begin().await?;
        self.context.hold(&mut tx).await?;
        transcodes::save_plan(&mut tx, self.version_id, &value, self.token).await?;
        tx.commit().await?;
        self.planned = Some(Planned { plan: saved.plan, token: self.token });
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
    async fn take_progress(&mut self, share: f64) -> Result<(), AttemptError> {
        if share < self.progress + PROGRESS_STEP {
            return Ok(());
        }
        self.progress = share;
        if !self.is_frontier {
            return Ok(());
        }
        let mut conn = self.handler.pool.acquire().await?;
        // 1 is for the chunk that completes the clip.
        media::save_progress(&mut conn, self.clip_id, share.min(0.99) as f32).await?;
        Ok(())
    }

    async fn take_poster(&mut self, poster: &PosterReport, file: OutputFile) -> Result<(), AttemptError> {
        self.store(&[file]).await?;
        let thumbhash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &poster.thumbhash);
        let mut tx = self.handler.pool.begin().await?;
        self.context.hold(&mut tx).await?;
        let made = MadePoster {
            name: &poster.file,
            thumbhash: &thumbhash,
            token: self.token,
            rank: i64::try_from(poster.rank).unwrap_or(i64::MAX),
        };
        // Another worker on this clip may have been first.
        if media::save_poster(&mut tx, self.version_id, &made).await? {
            estrade_events::append(&mut tx, &Event::ClipChanged { clip_id: self.clip_id }).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn take_chunk(&mut self, chunk: &ChunkReady) -> Result<Next, AttemptError> {
        let started = Instant::now();
        self.stages.clone_from(&chunk.stages);
        self.store(&chunk.files).await?;
        let next = self.publish(&chunk.facts).await?;
        self.handler.metrics.seconds.with_label_values(&["store"]).observe(started.elapsed().as_secs_f64());
        if chunk.facts.index == 0 {
            self.observe("first");
        }
        self.remove(&chunk.files).await;
        Ok(next)
    }

    /// Publishes a chunk and decides how it goes on, in one transaction.
    async fn publish(&mut self, chunk: &ChunkFacts) -> Result<Next, AttemptError> {
        let Some(Planned { plan, token: plan_token }) = self.planned.clone() else { return Ok(Next::Leave) };
        let (clip_id, version_id, token) = (self.clip_id, self.version_id, self.token);
        let target = Target { clip_id, version_id, plan: &plan, plan_token, token };
        let mut tx = self.handler.pool.begin().await?;
        self.context.hold(&mut tx).await?;
        let published = publish_chunk(&mut tx, &target, chunk, self.handler.clock.now()).await?;
        if published == Published::Unwanted {
            return Ok(Next::Leave);
        }
        match (self.base, published) {
            (Some(base), Published::Complete) => show_families(&mut tx, base).await?,
            (None, Published::Complete) => self.order_download(&mut tx).await?,
            _ => {}
        }
        if chunk.index == 0 && self.base.is_none() {
            self.rest(&plan).enqueue(&mut tx, |stored| stored == 0).await?;
        }
        let next = self.go_on_or_leave(tx, chunk.index + 1, &plan).await?;
        if published == Published::Complete {
            self.count_complete(&plan);
        }
        Ok(next)
    }

    /// The whole ladder stands: where its creator shares the clip, its file can be put together.
    async fn order_download(&self, conn: &mut PgConnection) -> Result<(), AttemptError> {
        if let Some(version_id) = downloads::find_wanted(conn, self.clip_id).await? {
            let job = Job::MakeDownload { clip_id: self.clip_id, version_id };
            let weight = Weight::light(self.creator_id);
            enqueue(conn, &job, weight, self.handler.clock.now(), &self.handler.entropy).await?;
        }
        Ok(())
    }

    /// After the last chunk the child has its say: it may yet find the source damaged. Between two
    /// chunks of a part more urgent work goes first. After a part the next one is gone on with if
    /// nobody has it.
    async fn go_on_or_leave(
        &mut self,
        mut tx: Transaction,
        next_chunk: usize,
        plan: &TranscodePlan,
    ) -> Result<Next, AttemptError> {
        if next_chunk >= plan.chunks.len() {
            tx.commit().await?;
            return Ok(Next::GoOn);
        }
        if next_chunk < self.part.end {
            let is_urgent = self.context.is_urgent_waiting(&mut tx).await?;
            tx.commit().await?;
            return if is_urgent { Err(JobError::HandedOver.into()) } else { Ok(Next::GoOn) };
        }
        let job = self.rest(plan).range(next_chunk..next_chunk + 1);
        let Some(successor) = self.context.claim_next(&mut tx, &job).await? else {
            tx.commit().await?;
            return Ok(Next::Leave);
        };
        if let Job::TranscodeRange { first, end, .. } = self.context.go_on(tx, successor).await? {
            self.part = first..end;
        }
        self.token = self.context.lease().await.token;
        Ok(Next::GoOn)
    }

    fn rest<'p>(&'p self, plan: &'p TranscodePlan) -> Rest<'p> {
        let (clip_id, version_id, creator_id) = (self.clip_id, self.version_id, self.creator_id);
        Rest { clip_id, version_id, creator_id, plan, clock: &*self.handler.clock, entropy: &self.handler.entropy }
    }

    fn count_complete(&self, plan: &TranscodePlan) {
        if self.base.is_some() {
            self.handler.metrics.families.with_label_values(&["made"]).inc();
            return;
        }
        self.handler.metrics.outcomes.with_label_values(&["ready"]).inc();
        self.handler.metrics.media_ms.inc_by(plan.duration_ms());
        if self.is_whole {
            self.observe("all");
        }
    }

    async fn store(&self, files: &[OutputFile]) -> Result<(), AttemptError> {
        for group in files.chunks(STORES_AT_A_TIME) {
            futures::future::try_join_all(group.iter().map(|file| self.store_file(file))).await?;
        }
        Ok(())
    }

    async fn store_file(&self, file: &OutputFile) -> Result<(), JobError> {
        let bytes = tokio::fs::read(self.dir.join(&file.name)).await.map_err(io_trouble)?;
        if !file.is_of(&bytes) {
            let detail = format!("{} is not what was checked", file.name);
            return Err(JobError::retry("output_changed", detail));
        }
        let folder = key::attempt_folder(self.clip_public_id, self.version_id, self.token);
        let key = format!("{folder}{}", file.name);
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

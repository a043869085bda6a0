//! Where an attempt begins: what earlier ones left, and what this one is to make.

use std::ops::Range;

use estrade_db::transcodes::{self, Work};
use estrade_db::{DbError, PgConnection, media};
use estrade_domain::{ClipId, VersionId};
use estrade_events::Event;
use estrade_jobs::{Context, Job, JobError};
use serde::Deserialize;

use super::TranscodeHandler;
use super::attempt::{Planned, Saved};
use super::extras::discard;
use super::publish::{contiguous, read_chunks};
use super::rest::Rest;
use crate::Resume;
use crate::package::ChunkFacts;
use crate::plan::TranscodePlan;

/// Token of a plan that no attempt has kept yet; those of leases begin at one.
const UNKEPT: i64 = 0;

/// A job that was claimed, before anything is done.
pub(super) struct Begin<'a> {
    pub(super) handler: &'a TranscodeHandler,
    pub(super) context: &'a Context,
    pub(super) clip_id: ClipId,
    pub(super) version_id: VersionId,
}

/// What an attempt is to make.
pub(super) struct Start {
    /// None where the source has yet to be looked at.
    pub(super) planned: Option<Planned>,
    /// What is stored, in order.
    stored: Vec<ChunkFacts>,
    /// Chunks the job asks for.
    pub(super) part: Range<usize>,
    /// The first of them that is not stored.
    pub(super) first_chunk: usize,
}

impl Start {
    /// What the driver has to know of earlier attempts.
    pub(super) fn resume(&self, poster_over: Option<u64>) -> Option<Resume> {
        let plan = self.planned.as_ref()?.plan.clone();
        let inits = self.stored.first().map(|first| first.inits.clone()).unwrap_or_default();
        Some(Resume { plan, first_chunk: self.first_chunk, inits, poster_over })
    }

    /// All of a family that is not stored; none when it is whole. `plan` is for the first attempt.
    pub(super) fn of_family(work: &Work, plan: TranscodePlan) -> Result<Option<Self>, JobError> {
        let known = read(work);
        if known.is_none() && !work.chunks.is_empty() {
            return Err(discard("unreadable", "what earlier attempts left cannot be read"));
        }
        let (planned, stored) = known.unwrap_or((Planned { plan, token: UNKEPT }, Vec::new()));
        let all = 0..planned.plan.chunks.len();
        Ok(start_in(planned, stored, all))
    }

    /// The plan, if it is kept with the version.
    pub(super) fn kept_plan(&self) -> Option<Planned> {
        self.planned.clone().filter(|planned| planned.token != UNKEPT)
    }

    /// Everything before its first chunk is stored.
    pub(super) fn is_frontier(&self) -> bool {
        contiguous(&self.stored).len() == self.first_chunk
    }
}

impl Begin<'_> {
    /// Finds out what there is to do; none when there is nothing, or others do it.
    pub(super) async fn find_start(&self, range: Option<Range<usize>>) -> Result<Option<(Work, Start)>, JobError> {
        let Some(work) = self.find_work().await? else { return Ok(None) };
        let known = read(&work);
        if known.is_none() && (work.plan.is_some() || !work.chunks.is_empty()) {
            self.handler.start_over(self, None, "what earlier attempts left cannot be read").await?;
            return Ok(None);
        }
        let start = match (known, range) {
            (Some((planned, stored)), None) if stored.first().is_some_and(|chunk| chunk.index == 0) => {
                self.share_out_rest(&work, planned, stored).await?
            }
            (Some((planned, stored)), None) => {
                Some(Start { planned: Some(planned), stored, part: 0..1, first_chunk: 0 })
            }
            (Some((planned, stored)), Some(range)) => start_in(planned, stored, range),
            (None, None) => Some(Start { planned: None, stored: Vec::new(), part: 0..1, first_chunk: 0 }),
            // Ranges are shared out with a plan.
            (None, Some(_)) => None,
        };
        Ok(start.map(|start| (work, start)))
    }

    async fn find_work(&self) -> Result<Option<Work>, JobError> {
        let mut conn = self.handler.pool.acquire().await.map_err(DbError::from)?;
        let work = self.find_work_with(&mut conn).await?;
        if work.is_some() {
            transcodes::take_up_version(&mut conn, self.version_id).await?;
        }
        Ok(work)
    }

    /// The version as it stands, if somebody still wants it.
    pub(super) async fn find_work_with(&self, conn: &mut PgConnection) -> Result<Option<Work>, JobError> {
        let work = transcodes::find_work(conn, self.version_id).await?;
        Ok(work.filter(|work| work.is_wanted))
    }

    /// The first chunk is there, so the clip can be played; the rest becomes jobs of its own, and
    /// this attempt goes on with the first of them if it may.
    async fn share_out_rest(
        &self,
        work: &Work,
        planned: Planned,
        stored: Vec<ChunkFacts>,
    ) -> Result<Option<Start>, JobError> {
        let handler = self.handler;
        let rest = Rest {
            clip_id: self.clip_id,
            version_id: self.version_id,
            creator_id: work.creator_id,
            plan: &planned.plan,
            clock: &*handler.clock,
            entropy: &handler.entropy,
        };
        let mut tx = handler.pool.begin().await.map_err(DbError::from)?;
        self.context.hold(&mut tx).await?;
        if media::publish_version(&mut tx, self.clip_id, self.version_id, handler.clock.now()).await? {
            estrade_events::append(&mut tx, &Event::ClipChanged { clip_id: self.clip_id }).await?;
        }
        let is_stored = |chunk| stored.iter().any(|stored| stored.index == chunk);
        let first = rest.enqueue(&mut tx, is_stored).await?;
        let successor = match first {
            Some(first) => self.context.claim_next(&mut tx, &rest.range(first..first + 1)).await?,
            None => None,
        };
        let Some(successor) = successor else {
            tx.commit().await.map_err(DbError::from)?;
            return Ok(None);
        };
        match self.context.go_on(tx, successor).await? {
            Job::TranscodeRange { first, end, .. } => Ok(start_in(planned, stored, first..end)),
            _ => Ok(None),
        }
    }
}

/// The plan and the chunks, where both can be read and fit together.
fn read(work: &Work) -> Option<(Planned, Vec<ChunkFacts>)> {
    let (value, token) = work.plan.as_ref()?;
    let plan = Saved::deserialize(value).ok()?.plan;
    let stored = read_chunks(&work.chunks).ok()?;
    let fits = plan.is_consistent() && stored.iter().all(|chunk| chunk.index < plan.chunks.len());
    fits.then_some((Planned { plan, token: *token }, stored))
}

/// The first chunk of the range that is not stored; none when all are.
fn start_in(planned: Planned, stored: Vec<ChunkFacts>, range: Range<usize>) -> Option<Start> {
    let part = range.start..range.end.min(planned.plan.chunks.len());
    let first_chunk = part.clone().find(|chunk| stored.iter().all(|stored| stored.index != *chunk))?;
    Some(Start { planned: Some(planned), stored, part, first_chunk })
}

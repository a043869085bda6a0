//! What is left of a clip once its first chunk is stored, as jobs.

use std::ops::Range;
use std::time::Duration;

use estrade_db::{DbError, PgConnection};
use estrade_domain::{AccountId, ClipId, Clock, Entropy, VersionId};
use estrade_jobs::{Job, Weight, enqueue};

use crate::plan::{TranscodePlan, plan_ranges};

/// The rest of a version.
pub(super) struct Rest<'a> {
    pub(super) clip_id: ClipId,
    pub(super) version_id: VersionId,
    pub(super) creator_id: AccountId,
    pub(super) plan: &'a TranscodePlan,
    pub(super) clock: &'a dyn Clock,
    pub(super) entropy: &'a Entropy,
}

impl Rest<'_> {
    /// The job that makes these chunks.
    pub(super) fn range(&self, chunks: Range<usize>) -> Job {
        let (clip_id, version_id) = (self.clip_id, self.version_id);
        Job::TranscodeRange { clip_id, version_id, first: chunks.start, end: chunks.end }
    }

    /// Enqueues jobs for all chunks that are not stored; where the first one begins.
    pub(super) async fn enqueue(
        &self,
        conn: &mut PgConnection,
        is_stored: impl Fn(usize) -> bool,
    ) -> Result<Option<usize>, DbError> {
        let ranges = plan_ranges(self.plan.chunks.len(), is_stored);
        // Short clips first, and all ranges of a clip alike.
        let weight = Weight { owner: self.creator_id, length: Duration::from_millis(self.plan.duration_ms()) };
        let first = ranges.first().map(|range| range.start);
        for range in ranges {
            enqueue(conn, &self.range(range), weight, self.clock.now(), self.entropy).await?;
        }
        Ok(first)
    }
}

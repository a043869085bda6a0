//! Looks for clips that nobody works on and that are neither whole nor failed: none is ever stuck.
//!
//! It should find nothing: every step that ends a job says in the same transaction what comes next.
//! It is here for what that cannot cover, such as jobs deleted by hand.

use std::time::Duration;

use estrade_db::media::Failure;
use estrade_db::{DbError, transcodes};
use estrade_jobs::{Job, Weight, enqueue};
use tokio_util::sync::CancellationToken;

use super::TranscodeHandler;

/// Rounds are this far apart, give or take a quarter.
const PERIOD: Duration = Duration::from_mins(1);
/// Versions looked after in one round.
const VERSIONS_PER_ROUND: i64 = 100;
/// A version found so more often than this is given up.
const RESCUES_MAX: i32 = 2;

impl TranscodeHandler {
    /// Looks after stranded clips until `stop`, at once and then every minute.
    pub async fn keep(&self, stop: CancellationToken) {
        loop {
            match self.rescue_stranded().await {
                Ok(0) => {}
                Ok(versions) => tracing::warn!(versions, "clips that nobody worked on are looked after"),
                Err(error) => tracing::warn!(error = %error, "stranded clips cannot be looked for"),
            }
            let pause = PERIOD.mul_f64(0.75 + self.entropy.fraction() / 2.0);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Has each stranded version gone on with, or ends it; how many there were.
    async fn rescue_stranded(&self) -> Result<usize, DbError> {
        let mut tx = self.pool.begin().await?;
        let stranded = transcodes::take_stranded(&mut tx, VERSIONS_PER_ROUND).await?;
        for version in &stranded {
            if version.rescues < RESCUES_MAX {
                let job = Job::TranscodeClip { clip_id: version.clip_id, version_id: version.version_id };
                let weight = Weight::light(version.creator_id);
                enqueue(&mut tx, &job, weight, self.clock.now(), &self.entropy).await?;
            } else {
                self.fail(&mut tx, version.version_id, &GIVEN_UP).await?;
            }
        }
        tx.commit().await?;
        self.metrics.rescues.inc_by(u64::try_from(stranded.len()).unwrap_or_default());
        Ok(stranded.len())
    }
}

const GIVEN_UP: Failure<'static> = Failure {
    code: "stranded",
    message: "Something went wrong on our side while processing the clip. Please try again.",
    last_message: "The clip could not be processed, however often it was tried. Please export it anew and upload that.",
    detail: "a keeper found again and again that no job worked on it",
    is_retryable: true,
};

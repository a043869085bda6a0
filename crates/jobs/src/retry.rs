//! What an operator's second chance for a discarded job means, by kind.

use estrade_db::jobs::{ListedJob, cancel_discarded, requeue_job};
use estrade_db::{DbError, PgConnection, transcodes};
use estrade_domain::{ClipId, Entropy, Time};

use crate::{Job, Weight, cancel_transcodes, enqueue};

/// What became of a discarded job that was to be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It waits again, with all its attempts.
    Requeued,
    /// Its clip is processed again, from where it was given up.
    Restarted(ClipId),
    /// Nothing waits for it any more, or the same work waits or runs already: the caller's transaction is to be rolled
    /// back.
    Unwanted,
    /// It is of another release, which may know what to do with it.
    Foreign,
}

/// Gives a discarded job, which the caller holds, a second chance in the caller's transaction. A clip that it had failed
/// is put back into processing first, without counting as its creator's try.
pub async fn retry_discarded(
    conn: &mut PgConnection,
    discarded: &ListedJob,
    now: Time,
    entropy: &Entropy,
) -> Result<Retried, DbError> {
    match Job::from_stored(&discarded.kind, &discarded.args) {
        Ok(Job::TranscodeClip { clip_id, version_id } | Job::TranscodeRange { clip_id, version_id, .. }) => {
            cancel_transcodes(&mut *conn, version_id).await?;
            // A clip with a verdict of its own since then keeps it.
            let code = discarded.error_code.as_deref().unwrap_or_default();
            let Some(creator_id) = transcodes::revive_version(&mut *conn, version_id, code).await? else {
                return Ok(Retried::Unwanted);
            };
            let job = Job::TranscodeClip { clip_id, version_id };
            enqueue(&mut *conn, &job, Weight::light(creator_id), now, entropy).await?;
            cancel_discarded(conn, discarded.id).await?;
            Ok(Retried::Restarted(clip_id))
        }
        // The choice of the moment was forgotten with the job.
        Ok(Job::MakePoster { .. }) => Ok(Retried::Unwanted),
        Err(_) => Ok(Retried::Foreign),
        Ok(_) => Ok(if requeue_job(conn, discarded.id).await? { Retried::Requeued } else { Retried::Unwanted }),
    }
}

//! A clip may be deleted while something of it is made.

use estrade_db::{DbError, PgPool, transcodes};
use estrade_domain::{ClipId, Clock, Entropy};
use estrade_jobs::{Job, JobError, Weight, enqueue};

/// Has the media of a deleted clip deleted once more, at the end of an attempt that may have stored something since
/// they were, or that follows one that was lost before it could look. This attempt stores nothing more.
pub(super) async fn sweep_if_deleted(
    pool: &PgPool,
    clock: &dyn Clock,
    entropy: &Entropy,
    clip_id: ClipId,
) -> Result<(), JobError> {
    let mut tx = pool.begin().await.map_err(DbError::from)?;
    let Some(creator_id) = transcodes::find_creator_of_deleted(&mut tx, clip_id).await? else {
        return Ok(());
    };
    let is_new =
        enqueue(&mut tx, &Job::DeleteMedia { clip_id }, Weight::light(creator_id), clock.now(), entropy).await?;
    tx.commit().await.map_err(DbError::from)?;
    // A deletion under way may have looked before the last object was stored.
    if is_new { Ok(()) } else { Err(JobError::retry("deletion_under_way", "the clip is being deleted")) }
}

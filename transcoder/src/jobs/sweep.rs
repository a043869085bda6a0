//! A clip may be deleted while something of it is made.

use std::time::Duration;

use estrade_db::{DbError, PgConnection, PgPool, transcodes};
use estrade_domain::{ClipId, Clock, Entropy};
use estrade_jobs::{Job, JobError, Weight, enqueue_again};

/// How often an attempt asks whether its clip is still there.
const LOOK: Duration = Duration::from_secs(2);

/// Ends when the clip was deleted.
pub(super) async fn until_deleted(pool: PgPool, clip_id: ClipId) {
    loop {
        tokio::time::sleep(LOOK).await;
        match is_deleted(&pool, clip_id).await {
            Ok(true) => return,
            Ok(false) => {}
            // If this goes on the lease lapses.
            Err(error) => {
                tracing::warn!(clip.id = %clip_id, error = %error, "whether a clip was deleted could not be asked");
            }
        }
    }
}

async fn is_deleted(pool: &PgPool, clip_id: ClipId) -> Result<bool, DbError> {
    let mut conn = pool.acquire().await?;
    Ok(transcodes::find_creator_of_deleted(&mut conn, clip_id).await?.is_some())
}

/// Has the media of a deleted clip deleted once more, at the end of an attempt that may have stored something since
/// they were, or that follows one that was lost before it could look. This attempt stores nothing more. `true` when the
/// clip was deleted: however the attempt ended, nothing of it is wanted any more.
pub(super) async fn sweep_if_deleted(
    pool: &PgPool,
    clock: &dyn Clock,
    entropy: &Entropy,
    clip_id: ClipId,
) -> Result<bool, JobError> {
    let mut tx = pool.begin().await.map_err(DbError::from)?;
    let is_deleted = order_sweep(&mut tx, clock, entropy, clip_id).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(is_deleted)
}

/// The same for an attempt that was lost and that none follows, in the transaction that gives its job up.
pub(super) async fn order_sweep(
    conn: &mut PgConnection,
    clock: &dyn Clock,
    entropy: &Entropy,
    clip_id: ClipId,
) -> Result<bool, DbError> {
    let Some(creator_id) = transcodes::find_creator_of_deleted(conn, clip_id).await? else { return Ok(false) };
    let (job, weight) = (Job::DeleteMedia { clip_id }, Weight::light(creator_id));
    enqueue_again(conn, &job, weight, clock.now(), entropy).await?;
    Ok(true)
}

//! A clip may be deleted while something of it is made.

use estrade_db::{DbError, PgConnection, PgPool, transcodes};
use estrade_domain::{ClipId, Clock, Entropy};
use estrade_jobs::{Job, JobError, Weight, enqueue_again};

/// Has the media of a deleted clip deleted once more, at the end of an attempt that may have stored something since
/// they were, or that follows one that was lost before it could look. This attempt stores nothing more.
pub(super) async fn sweep_if_deleted(
    pool: &PgPool,
    clock: &dyn Clock,
    entropy: &Entropy,
    clip_id: ClipId,
) -> Result<(), JobError> {
    let mut tx = pool.begin().await.map_err(DbError::from)?;
    order_sweep(&mut tx, clock, entropy, clip_id).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

/// The same for an attempt that was lost and that none follows, in the transaction that gives its job up.
pub(super) async fn order_sweep(
    conn: &mut PgConnection,
    clock: &dyn Clock,
    entropy: &Entropy,
    clip_id: ClipId,
) -> Result<(), DbError> {
    if let Some(creator_id) = transcodes::find_creator_of_deleted(conn, clip_id).await? {
        let (job, weight) = (Job::DeleteMedia { clip_id }, Weight::light(creator_id));
        enqueue_again(conn, &job, weight, clock.now(), entropy).await?;
    }
    Ok(())
}

//! Work that must look once more.

use estrade_db::jobs::interrupt_job;
use estrade_db::{DbError, PgConnection};
use estrade_domain::{Entropy, Time};

use crate::{Job, Weight, enqueue};

/// Enqueues a job in the caller's transaction that must see what was there before this call: one that runs already may
/// have looked too early, and begins again.
pub async fn enqueue_again(
    conn: &mut PgConnection,
    job: &Job,
    weight: Weight,
    now: Time,
    entropy: &Entropy,
) -> Result<(), DbError> {
    interrupt_job(&mut *conn, job.kind().as_str(), &job.unique_key()).await?;
    enqueue(conn, job, weight, now, entropy).await?;
    Ok(())
}

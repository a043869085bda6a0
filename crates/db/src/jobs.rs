//! `jobs`: every statement of the queue, on the database's clock.
//!
//! `available → running → completed | cancelled | discarded`; a running job whose lease lapsed is
//! claimed by the next worker. Every claim draws a new lease token, greater than any before, and
//! whatever a worker writes about its job carries its token: one that lost its lease can no longer
//! change anything.

use std::time::Duration;

use estrade_domain::{ClipId, JobId, VersionId};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use crate::Result;

mod claims;
mod overview;

pub use claims::{ClaimedJob, IDLE_PRIORITY, claim_if_next, claim_job, is_urgent_waiting};
pub use overview::{
    ClipName, JobState, ListedJob, QueueDepth, cancel_discarded, find_clip_names, find_discarded, list_jobs,
    queue_depths, requeue_job,
};

/// A job to insert.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// Its id.
    pub id: JobId,
    /// Its kind's name.
    pub kind: &'a str,
    /// Its arguments.
    pub args: &'a Value,
    /// At most one live job of this kind has this key.
    pub unique_key: Option<&'a str>,
    /// Whose fair share it counts against.
    pub owner_id: Option<Uuid>,
    /// Higher runs first.
    pub priority: i16,
    /// Media it works on, milliseconds; shorter runs first.
    pub length_ms: i32,
    /// Attempts before it is discarded.
    pub attempts_max: i32,
    /// Not before this much time from now.
    pub delay: Duration,
}

/// The right to run a job until the lease lapses.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// The fencing token.
    pub token: i64,
}

/// A lapsed job that had no attempts left and was discarded.
#[derive(Debug, Clone)]
pub struct LapsedJob {
    /// The job.
    pub job_id: JobId,
    /// Its kind's name.
    pub kind: String,
    /// Its arguments.
    pub args: Value,
}

pub(crate) fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}

/// Inserts a job; `false` when a live one of its kind has its unique key.
pub async fn insert_job(conn: &mut PgConnection, new: &NewJob<'_>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO jobs (id, kind, args, unique_key, owner_id, priority, length_ms, attempts_max, run_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + $9::interval, clock_timestamp())
         ON CONFLICT (kind, unique_key) WHERE state IN ('available', 'running') DO NOTHING",
        new.id.0,
        new.kind,
        new.args,
        new.unique_key,
        new.owner_id,
        new.priority,
        new.length_ms,
        new.attempts_max,
        interval(new.delay),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Discards jobs whose lease lapsed on their last attempt; each is returned once.
pub async fn discard_lapsed(conn: &mut PgConnection, kinds: &[String]) -> Result<Vec<LapsedJob>> {
    let rows = sqlx::query!(
        "UPDATE jobs SET state = 'discarded', worker = NULL, leased_until = NULL, finished_at = clock_timestamp(),
                lease_token = nextval('job_lease_tokens'),
                error_code = 'worker_lost', error_detail = 'the worker stopped answering on the last attempt'
         WHERE id IN (
             SELECT id FROM jobs
             WHERE state = 'running' AND leased_until < clock_timestamp() AND attempt >= attempts_max AND kind = ANY($1)
             FOR UPDATE SKIP LOCKED
         )
         RETURNING id, kind, args",
        kinds,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| LapsedJob { job_id: JobId(row.id), kind: row.kind, args: row.args }).collect())
}

/// Renews the lease; `false` when it was lost.
pub async fn renew_lease(conn: &mut PgConnection, held: &Lease, lease: Duration) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE jobs SET leased_until = clock_timestamp() + $3::interval
         WHERE id = $1 AND lease_token = $2 AND state = 'running'",
        held.job_id.0,
        held.token,
        interval(lease),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks the job's row while the lease is held, until the transaction ends; `false` when it was
/// lost. Whoever publishes a result does it in the same transaction.
pub async fn hold_lease(conn: &mut PgConnection, held: &Lease) -> Result<bool> {
    let row = sqlx::query_scalar!(
        "SELECT 1 AS one FROM jobs WHERE id = $1 AND lease_token = $2 AND state = 'running' FOR UPDATE",
        held.job_id.0,
        held.token,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.is_some())
}

/// Ends the job well; `false` when the lease was lost.
pub async fn complete_job(conn: &mut PgConnection, held: &Lease) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE jobs SET state = 'completed', worker = NULL, leased_until = NULL, finished_at = clock_timestamp()
         WHERE id = $1 AND lease_token = $2 AND state = 'running'",
        held.job_id.0,
        held.token,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts the job back to be tried again after `delay`; `false` when the lease was lost.
pub async fn retry_job(
    conn: &mut PgConnection,
    held: &Lease,
    delay: Duration,
    code: &str,
    detail: &str,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE jobs SET state = 'available', worker = NULL, leased_until = NULL,
                run_at = clock_timestamp() + $3::interval, error_code = $4, error_detail = $5
         WHERE id = $1 AND lease_token = $2 AND state = 'running'",
        held.job_id.0,
        held.token,
        interval(delay),
        code,
        detail,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Hands the lease back, as a graceful stop does and as work does that lets more urgent work go
/// first: the attempt does not count, and the job keeps its age.
pub async fn release_job(conn: &mut PgConnection, held: &Lease) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE jobs SET state = 'available', worker = NULL, leased_until = NULL, attempt = attempt - 1
         WHERE id = $1 AND lease_token = $2 AND state = 'running'",
        held.job_id.0,
        held.token,
    )
    .execute(&mut *conn)
    .await?;
    // Other workers wait for this notification, not for the next poll.
    sqlx::query!("SELECT pg_notify('jobs', '')").execute(&mut *conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Has a running job of this kind and key run again from its start, whoever runs it: they lose their lease, and the
/// attempt does not count.
pub async fn interrupt_job(conn: &mut PgConnection, kind: &str, unique_key: &str) -> Result<()> {
    sqlx::query!(
        "UPDATE jobs SET state = 'available', worker = NULL, leased_until = NULL, attempt = attempt - 1,
                run_at = clock_timestamp(), lease_token = nextval('job_lease_tokens')
         WHERE kind = $1 AND unique_key = $2 AND state = 'running'",
        kind,
        unique_key,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("SELECT pg_notify('jobs', '')").execute(&mut *conn).await?;
    Ok(())
}

/// Gives the job up with a reason; `false` when the lease was lost.
pub async fn discard_job(conn: &mut PgConnection, held: &Lease, code: &str, detail: &str) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE jobs SET state = 'discarded', worker = NULL, leased_until = NULL, finished_at = clock_timestamp(),
                error_code = $3, error_detail = $4
         WHERE id = $1 AND lease_token = $2 AND state = 'running'",
        held.job_id.0,
        held.token,
        code,
        detail,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends jobs of these kinds that wait to work on versions of these clips. What runs keeps its lease, and sees for itself.
pub async fn cancel_waiting(conn: &mut PgConnection, kinds: &[&str], clips: &[ClipId]) -> Result<()> {
    let clips: Vec<uuid::Uuid> = clips.iter().map(|id| id.0).collect();
    sqlx::query!(
        "UPDATE jobs SET state = 'cancelled', finished_at = clock_timestamp()
         WHERE args ->> 'version_id' = ANY (ARRAY(SELECT id::text FROM media_versions WHERE clip_id = ANY($1)))
           AND state = 'available' AND kind = ANY($2)",
        &clips,
        kinds as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends live jobs of these kinds for a version, whoever runs them: they lose their leases.
pub async fn cancel_jobs(conn: &mut PgConnection, kinds: &[&str], version_id: VersionId) -> Result<()> {
    sqlx::query!(
        "UPDATE jobs SET state = 'cancelled', worker = NULL, leased_until = NULL, finished_at = clock_timestamp(),
                lease_token = nextval('job_lease_tokens')
         WHERE args ->> 'version_id' = $1 AND state IN ('available', 'running') AND kind = ANY($2)",
        version_id.0.to_string(),
        kinds as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes jobs that ended more than `age` ago; how many.
pub async fn delete_finished(conn: &mut PgConnection, age: Duration) -> Result<u64> {
    let done = sqlx::query!("DELETE FROM jobs WHERE finished_at < clock_timestamp() - $1::interval", interval(age))
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

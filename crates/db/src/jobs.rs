//! `jobs`: every statement of the queue, on the database's clock.
//!
//! `available → running → completed | cancelled | discarded`; a running job whose lease lapsed is
//! claimed by the next worker. Every claim raises the lease token, and whatever a worker writes
//! about its job carries its token: one that lost its lease can no longer change anything.

use std::time::Duration;

use estrade_domain::JobId;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use crate::Result;

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

/// A job somebody just claimed.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// The right to run it.
    pub lease: Lease,
    /// Its kind's name.
    pub kind: String,
    /// Its arguments.
    pub args: Value,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Attempts before it is discarded.
    pub attempts_max: i32,
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

fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}

/// Inserts a job; `false` when a live one of its kind has its unique key.
pub async fn insert_job(conn: &mut PgConnection, new: &NewJob<'_>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO jobs (id, kind, args, unique_key, owner_id, priority, attempts_max, run_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8::interval, clock_timestamp())
         ON CONFLICT (kind, unique_key) WHERE state IN ('available', 'running') DO NOTHING",
        new.id.0,
        new.kind,
        new.args,
        new.unique_key,
        new.owner_id,
        new.priority,
        new.attempts_max,
        interval(new.delay),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Claims the next job of one of `kinds`: higher priority first, then owners with fewer running
/// jobs, then the longest waiting. A lapsed lease is as good as available.
pub async fn claim_job(
    conn: &mut PgConnection,
    worker: &str,
    kinds: &[String],
    lease: Duration,
) -> Result<Option<ClaimedJob>> {
    let row = sqlx::query!(
        "WITH running AS (
             SELECT owner_id, count(*) AS jobs FROM jobs
             WHERE state = 'running' AND owner_id IS NOT NULL GROUP BY owner_id
         ), next AS (
             SELECT j.id FROM jobs j LEFT JOIN running r ON r.owner_id = j.owner_id
             WHERE j.kind = ANY($2) AND j.attempt < j.attempts_max AND (
                 (j.state = 'available' AND j.run_at <= clock_timestamp())
                 OR (j.state = 'running' AND j.leased_until < clock_timestamp()))
             ORDER BY j.priority DESC, coalesce(r.jobs, 0), j.run_at
             LIMIT 1 FOR UPDATE OF j SKIP LOCKED
         )
         UPDATE jobs SET state = 'running', worker = $1, attempt = attempt + 1, lease_token = lease_token + 1,
                leased_until = clock_timestamp() + $3::interval
         FROM next WHERE jobs.id = next.id
         RETURNING jobs.id, jobs.kind, jobs.args, jobs.attempt, jobs.attempts_max, jobs.lease_token",
        worker,
        kinds,
        interval(lease),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| ClaimedJob {
        lease: Lease { job_id: JobId(row.id), token: row.lease_token },
        kind: row.kind,
        args: row.args,
        attempt: row.attempt,
        attempts_max: row.attempts_max,
    }))
}

/// Discards jobs whose lease lapsed on their last attempt; each is returned once.
pub async fn discard_lapsed(conn: &mut PgConnection, kinds: &[String]) -> Result<Vec<LapsedJob>> {
    let rows = sqlx::query!(
        "UPDATE jobs SET state = 'discarded', worker = NULL, leased_until = NULL, finished_at = clock_timestamp(),
                lease_token = lease_token + 1,
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

/// Hands the lease back unused, as a graceful stop does: the attempt does not count.
pub async fn release_job(conn: &mut PgConnection, held: &Lease, delay: Duration) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE jobs SET state = 'available', worker = NULL, leased_until = NULL, attempt = attempt - 1,
                run_at = clock_timestamp() + $3::interval
         WHERE id = $1 AND lease_token = $2 AND state = 'running'",
        held.job_id.0,
        held.token,
        interval(delay),
    )
    .execute(&mut *conn)
    .await?;
    // Other workers wait for this notification, not for the next poll.
    sqlx::query!("SELECT pg_notify('jobs', '')").execute(&mut *conn).await?;
    Ok(done.rows_affected() == 1)
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

/// How many jobs are in each state by kind, and how long the oldest runnable one waits, seconds.
#[derive(Debug, Clone)]
pub struct QueueDepth {
    /// The kind.
    pub kind: String,
    /// Jobs waiting.
    pub available: i64,
    /// Jobs running.
    pub running: i64,
    /// Age of the oldest job that could run now, seconds; 0 when there is none.
    pub oldest_secs: f64,
}

/// The queue as operators see it.
pub async fn queue_depths(conn: &mut PgConnection) -> Result<Vec<QueueDepth>> {
    let rows = sqlx::query!(
        r#"SELECT kind, count(*) FILTER (WHERE state = 'available') AS "available!",
                  count(*) FILTER (WHERE state = 'running') AS "running!",
                  coalesce(extract(epoch FROM max(clock_timestamp() - run_at)
                      FILTER (WHERE state = 'available' AND run_at <= clock_timestamp())), 0)::float8 AS "oldest!"
           FROM jobs WHERE state IN ('available', 'running') GROUP BY kind ORDER BY kind"#,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| QueueDepth {
            kind: row.kind,
            available: row.available,
            running: row.running,
            oldest_secs: row.oldest,
        })
        .collect())
}

/// Deletes jobs that ended more than `age` ago; how many.
pub async fn delete_finished(conn: &mut PgConnection, age: Duration) -> Result<u64> {
    let done = sqlx::query!("DELETE FROM jobs WHERE finished_at < clock_timestamp() - $1::interval", interval(age))
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

//! Which job is next. The rule and its reasons: `docs/decisions/0008-the-order-of-the-queue.md`.

use std::time::Duration;

use estrade_domain::JobId;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Lease, interval};
use crate::Result;

/// What an owner was served within this time counts against them.
const SERVED_LATELY: Duration = Duration::from_mins(10);
/// A job that waited longer than this is overdue.
const PATIENCE: Duration = Duration::from_mins(10);
/// One claim in so many goes to the oldest overdue job, whatever its rank.
const CLAIMS_PER_TURN: i64 = 4;

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
    /// Higher runs first.
    pub priority: i16,
}

struct ClaimedRow {
    id: Uuid,
    kind: String,
    args: Value,
    attempt: i32,
    attempts_max: i32,
    priority: i16,
    lease_token: i64,
}

impl From<ClaimedRow> for ClaimedJob {
    fn from(row: ClaimedRow) -> Self {
        let lease = Lease { job_id: JobId(row.id), token: row.lease_token };
        let ClaimedRow { kind, args, attempt, attempts_max, priority, .. } = row;
        Self { lease, kind, args, attempt, attempts_max, priority }
    }
}

/// Claims the next job of one of `kinds`. A lapsed lease is as good as available.
///
/// Higher priority first, then the owner with the fewest jobs running or served lately, then the
/// shorter media (in classes), then the longest wait. Every fourth claim is the turn of the job
/// that has been overdue the longest, so that nothing waits for ever behind better-placed jobs.
pub async fn claim_job(
    conn: &mut PgConnection,
    worker: &str,
    kinds: &[String],
    lease: Duration,
) -> Result<Option<ClaimedJob>> {
    let row = sqlx::query_as!(
        ClaimedRow,
        "WITH shares AS (
             SELECT owner_id, count(*) AS jobs FROM jobs
             WHERE kind = ANY($2) AND owner_id IS NOT NULL
               AND (state = 'running' OR finished_at > clock_timestamp() - $4::interval)
             GROUP BY owner_id
         ), turn AS MATERIALIZED (
             SELECT last_value % $6 = 0 AS is_oldest FROM job_lease_tokens
         ), next AS (
             SELECT j.id FROM jobs j CROSS JOIN turn LEFT JOIN shares s ON s.owner_id = j.owner_id
             WHERE j.kind = ANY($2) AND j.attempt < j.attempts_max AND (
                 (j.state = 'available' AND j.run_at <= clock_timestamp())
                 OR (j.state = 'running' AND j.leased_until < clock_timestamp()))
             ORDER BY
                 CASE WHEN turn.is_oldest AND j.run_at < clock_timestamp() - $5::interval THEN j.run_at END NULLS LAST,
                 j.priority DESC,
                 coalesce(s.jobs, 0),
                 width_bucket(j.length_ms, ARRAY[15000, 30000, 60000, 120000]),
                 j.run_at
             LIMIT 1 FOR UPDATE OF j SKIP LOCKED
         )
         UPDATE jobs SET state = 'running', worker = $1, attempt = attempt + 1,
                lease_token = nextval('job_lease_tokens'), leased_until = clock_timestamp() + $3::interval
         FROM next WHERE jobs.id = next.id
         RETURNING jobs.id, jobs.kind, jobs.args, jobs.attempt, jobs.attempts_max, jobs.priority, jobs.lease_token",
        worker,
        kinds,
        interval(lease),
        interval(SERVED_LATELY),
        interval(PATIENCE),
        CLAIMS_PER_TURN,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ClaimedJob::from))
}

/// Claims the job with this key if it waits and nothing more urgent does: for a worker that could
/// go on with it without beginning anew.
pub async fn claim_if_next(
    conn: &mut PgConnection,
    worker: &str,
    (kind, unique_key): (&str, &str),
    kinds: &[String],
    lease: Duration,
) -> Result<Option<ClaimedJob>> {
    let row = sqlx::query_as!(
        ClaimedRow,
        "WITH next AS (
             SELECT j.id FROM jobs j
             WHERE j.kind = $2 AND j.unique_key = $3 AND j.state = 'available'
               AND j.run_at <= clock_timestamp() AND j.attempt < j.attempts_max
               AND NOT EXISTS (
                   SELECT FROM jobs u WHERE u.kind = ANY($4) AND u.priority > j.priority AND u.state = 'available'
                     AND u.run_at <= clock_timestamp() AND u.attempt < u.attempts_max)
             FOR UPDATE OF j SKIP LOCKED
         )
         UPDATE jobs SET state = 'running', worker = $1, attempt = attempt + 1,
                lease_token = nextval('job_lease_tokens'), leased_until = clock_timestamp() + $5::interval
         FROM next WHERE jobs.id = next.id
         RETURNING jobs.id, jobs.kind, jobs.args, jobs.attempt, jobs.attempts_max, jobs.priority, jobs.lease_token",
        worker,
        kind,
        unique_key,
        kinds,
        interval(lease),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ClaimedJob::from))
}

/// Whether a job of one of `kinds` waits that is more urgent than `priority`.
pub async fn is_urgent_waiting(conn: &mut PgConnection, kinds: &[String], priority: i16) -> Result<bool> {
    let waits = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM jobs WHERE kind = ANY($1) AND priority > $2 AND state = 'available'
                 AND run_at <= clock_timestamp() AND attempt < attempts_max) AS "waits!""#,
        kinds,
        priority,
    )
    .fetch_one(conn)
    .await?;
    Ok(waits)
}

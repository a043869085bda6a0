//! Which job is next. The rule and its reasons: `docs/decisions/0008-the-order-of-the-queue.md`.
//!
//! No statement reads more of a queue the longer it is: each looks at a bounded number of rows that indexes
//! bring in the order of the rule. What waits for its time, after an accident, is read past in those indexes.

use std::time::Duration;

use estrade_domain::JobId;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{Lease, interval};
use crate::Result;

/// Jobs of this priority and below are work that nobody waits for: they never become overdue.
pub const IDLE_PRIORITY: i16 = -20;
/// What an owner was served within this time counts against them.
const SERVED_LATELY: Duration = Duration::from_mins(10);
/// A job that waited longer than this is overdue.
const PATIENCE: Duration = Duration::from_mins(10);
/// One claim in so many goes to the oldest overdue job, whatever its rank.
const CLAIMS_PER_TURN: i64 = 4;
/// Owners looked at in a rank, the first job of each: up to so many the choice is the rule's to the letter.
const OWNERS_LOOKED_AT: i32 = 256;
/// Jobs looked at in each class of length of a rank, whoever they belong to, where there are more owners.
const FRONT_LOOKED_AT: i64 = 64;
/// The best so many are tried: one would do, were none held by anybody else.
const HELD_BY_OTHERS_MAX: i64 = 16;

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
    if !is_any_waiting(&mut *conn, kinds).await? {
        return Ok(None);
    }
    let mut tx = conn.begin().await?;
    // Holds off other claims of these kinds: what follows sees all that they claimed.
    let is_turn = count_claim(&mut tx, kinds).await? % CLAIMS_PER_TURN == 0;
    let overdue = if is_turn { find_overdue(&mut tx, kinds).await? } else { None };
    let next = match overdue {
        Some(id) => Some(id),
        None => find_best(&mut tx, kinds).await?,
    };
    // Without a job the claim does not count either.
    let Some(next) = next else { return Ok(None) };
    let claimed = take(&mut tx, next, worker, lease).await?;
    tx.commit().await?;
    Ok(Some(claimed))
}

/// Whether there is anything to claim: asked by every idle worker, so nothing is written.
async fn is_any_waiting(conn: &mut PgConnection, kinds: &[String]) -> Result<bool> {
    let waits = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM unnest($1::text[]) AS k (kind) WHERE EXISTS (
                   SELECT FROM jobs j
                   WHERE j.kind = k.kind AND j.state = 'available' AND j.run_at <= statement_timestamp()
                     AND j.attempt < j.attempts_max)
           ) OR EXISTS (
               SELECT FROM jobs j
               WHERE j.state = 'running' AND j.leased_until < statement_timestamp() AND j.kind = ANY($1)
                 AND j.attempt < j.attempts_max
           ) AS "waits!""#,
        kinds,
    )
    .fetch_one(conn)
    .await?;
    Ok(waits)
}

/// Counts a claim of these kinds; how many there were with it.
async fn count_claim(conn: &mut PgConnection, kinds: &[String]) -> Result<i64> {
    let claims = sqlx::query_scalar!(
        "INSERT INTO job_turns AS t (kinds, claims) VALUES ($1, 1)
         ON CONFLICT (kinds) DO UPDATE SET claims = t.claims + 1 RETURNING claims",
        kinds,
    )
    .fetch_one(conn)
    .await?;
    Ok(claims)
}

/// Holds the job that has been overdue the longest.
async fn find_overdue(conn: &mut PgConnection, kinds: &[String]) -> Result<Option<Uuid>> {
    let id = sqlx::query_scalar!(
        "WITH candidates AS (
             SELECT f.id, f.run_at FROM unnest($1::text[]) AS k (kind) CROSS JOIN LATERAL (
                 SELECT j.id, j.run_at FROM jobs j
                 WHERE j.kind = k.kind AND j.state = 'available' AND j.run_at < statement_timestamp() - $2::interval
                   AND j.priority > $3 AND j.attempt < j.attempts_max
                 ORDER BY j.run_at LIMIT $4
             ) f
             UNION ALL
             SELECT j.id, j.run_at FROM jobs j
             WHERE j.state = 'running' AND j.leased_until < statement_timestamp() AND j.kind = ANY($1)
               AND j.attempt < j.attempts_max AND j.run_at < statement_timestamp() - $2::interval AND j.priority > $3
         )
         SELECT j.id FROM (SELECT id, run_at FROM candidates ORDER BY run_at LIMIT $4) c JOIN jobs j ON j.id = c.id
         WHERE j.attempt < j.attempts_max
           AND (j.state = 'available' OR (j.state = 'running' AND j.leased_until < statement_timestamp()))
         ORDER BY c.run_at LIMIT 1 FOR UPDATE OF j SKIP LOCKED",
        kinds,
        interval(PATIENCE),
        IDLE_PRIORITY,
        HELD_BY_OTHERS_MAX,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Holds the job that is next by the rule.
///
/// A rank is a kind and a priority. Of the highest that have something due the first job of every owner is looked
/// at, up to a number of owners that are found by skipping from one to the next; and, so that none of
/// more owners is out of sight for long, the front of the rank in each class of length.
async fn find_best(conn: &mut PgConnection, kinds: &[String]) -> Result<Option<Uuid>> {
    // The planner takes classes for rare and would fetch all of one to sort them, where its index has them in order.
    sqlx::query!("SET LOCAL enable_bitmapscan = off").execute(&mut *conn).await?;
    let id = sqlx::query_scalar!(
        r#"WITH RECURSIVE due AS NOT MATERIALIZED (
             SELECT id, kind, priority, owner_id, run_at,
                    width_bucket(length_ms, ARRAY[15000, 30000, 60000, 120000]) AS length_class
             FROM jobs
             WHERE state = 'available' AND run_at <= statement_timestamp() AND attempt < attempts_max
         ), ranks AS (
             SELECT k.kind, (SELECT max(d.priority) FROM due d WHERE d.kind = k.kind) AS priority
             FROM unnest($1::text[]) AS k (kind)
         ), top AS (
             SELECT kind, priority FROM ranks WHERE priority = (SELECT max(priority) FROM ranks)
         ), owners (kind, priority, owner_id, number) AS (
             SELECT t.kind, t.priority,
                    (SELECT d.owner_id FROM due d
                     WHERE d.kind = t.kind AND d.priority = t.priority AND d.owner_id IS NOT NULL
                     ORDER BY d.owner_id LIMIT 1), 1
             FROM top t
             UNION ALL
             SELECT o.kind, o.priority,
                    (SELECT d.owner_id FROM due d
                     WHERE d.kind = o.kind AND d.priority = o.priority AND d.owner_id > o.owner_id
                     ORDER BY d.owner_id LIMIT 1), o.number + 1
             FROM owners o WHERE o.owner_id IS NOT NULL AND o.number < $3
         ), candidates AS (
             SELECT f.* FROM owners o CROSS JOIN LATERAL (
                 SELECT d.id, d.priority, d.owner_id, d.length_class, d.run_at FROM due d
                 WHERE d.kind = o.kind AND d.priority = o.priority AND d.owner_id = o.owner_id
                 ORDER BY d.length_class, d.run_at LIMIT 1
             ) f
             UNION
             SELECT f.* FROM top t CROSS JOIN generate_series(0, 4) AS c (class) CROSS JOIN LATERAL (
                 SELECT d.id, d.priority, d.owner_id, d.length_class, d.run_at FROM due d
                 WHERE d.kind = t.kind AND d.priority = t.priority AND d.length_class = c.class
                 ORDER BY d.run_at LIMIT $4
             ) f
             UNION
             SELECT id, priority, owner_id, width_bucket(length_ms, ARRAY[15000, 30000, 60000, 120000]), run_at
             FROM jobs
             WHERE state = 'running' AND leased_until < statement_timestamp() AND kind = ANY($1)
               AND attempt < attempts_max
         ), shares AS (
             SELECT s.owner_id, count(*) AS jobs FROM (
                 SELECT j.owner_id FROM jobs j WHERE j.state = 'running' AND j.kind = ANY($1)
                 UNION ALL
                 SELECT j.owner_id FROM jobs j
                 WHERE j.finished_at > statement_timestamp() - $2::interval AND j.kind = ANY($1)
             ) s WHERE s.owner_id IS NOT NULL GROUP BY s.owner_id
         ), best AS (
             SELECT c.id, row_number() OVER (
                 ORDER BY c.priority DESC, coalesce(s.jobs, 0), c.length_class, c.run_at) AS place
             FROM candidates c LEFT JOIN shares s ON s.owner_id = c.owner_id ORDER BY place LIMIT $5
         )
         SELECT j.id FROM best b JOIN jobs j ON j.id = b.id
         WHERE j.attempt < j.attempts_max
           AND (j.state = 'available' OR (j.state = 'running' AND j.leased_until < statement_timestamp()))
         ORDER BY b.place
         LIMIT 1 FOR UPDATE OF j SKIP LOCKED"#,
        kinds,
        interval(SERVED_LATELY),
        OWNERS_LOOKED_AT,
        FRONT_LOOKED_AT,
        HELD_BY_OTHERS_MAX,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Leases a job that is held.
async fn take(conn: &mut PgConnection, id: Uuid, worker: &str, lease: Duration) -> Result<ClaimedJob> {
    let row = sqlx::query_as!(
        ClaimedRow,
        "UPDATE jobs SET state = 'running', worker = $2, attempt = attempt + 1,
                lease_token = nextval('job_lease_tokens'), leased_until = clock_timestamp() + $3::interval
         WHERE id = $1
         RETURNING id, kind, args, attempt, attempts_max, priority, lease_token",
        id,
        worker,
        interval(lease),
    )
    .fetch_one(conn)
    .await?;
    Ok(row.into())
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
                     AND u.run_at <= statement_timestamp() AND u.attempt < u.attempts_max)
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
                 AND run_at <= statement_timestamp() AND attempt < attempts_max) AS "waits!""#,
        kinds,
        priority,
    )
    .fetch_one(conn)
    .await?;
    Ok(waits)
}

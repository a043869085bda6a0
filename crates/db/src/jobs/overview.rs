//! The queue as operators see it.

use std::collections::HashMap;

use estrade_domain::{ClipId, JobId};
use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;

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

/// Which jobs an operator looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Those that wait, the oldest first.
    Waiting,
    /// Those that run, the oldest first.
    Running,
    /// Those that were given up, the latest first.
    Discarded,
}

impl JobState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "available",
            Self::Running => "running",
            Self::Discarded => "discarded",
        }
    }
}

/// A job as operators see it.
#[derive(Debug, Clone)]
pub struct ListedJob {
    /// The job.
    pub id: JobId,
    /// Its kind's name.
    pub kind: String,
    /// Its arguments.
    pub args: Value,
    /// Attempts so far.
    pub attempt: i32,
    /// Attempts before it is discarded.
    pub attempts_max: i32,
    /// Since it was enqueued, seconds.
    pub age_secs: f64,
    /// Code of the last error.
    pub error_code: Option<String>,
    /// The last error in words.
    pub error_detail: Option<String>,
}

struct ListedRow {
    id: uuid::Uuid,
    kind: String,
    args: Value,
    attempt: i32,
    attempts_max: i32,
    age_secs: f64,
    error_code: Option<String>,
    error_detail: Option<String>,
}

impl From<ListedRow> for ListedJob {
    fn from(row: ListedRow) -> Self {
        let ListedRow { id, kind, args, attempt, attempts_max, age_secs, error_code, error_detail } = row;
        Self { id: JobId(id), kind, args, attempt, attempts_max, age_secs, error_code, error_detail }
    }
}

/// Jobs in a state, of one kind or of all.
pub async fn list_jobs(
    conn: &mut PgConnection,
    state: JobState,
    kind: Option<&str>,
    limit: i64,
) -> Result<Vec<ListedJob>> {
    let rows = sqlx::query_as!(
        ListedRow,
        r#"SELECT id, kind, args, attempt, attempts_max, error_code, error_detail,
                  extract(epoch FROM clock_timestamp() - created_at)::float8 AS "age_secs!"
           FROM jobs WHERE state = $1 AND ($2::text IS NULL OR kind = $2)
           ORDER BY finished_at DESC, created_at, id LIMIT $3"#,
        state.as_str(),
        kind,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(ListedJob::from).collect())
}

/// How people name a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipName {
    /// Its public id.
    pub public_id: String,
    /// Handle of its creator.
    pub handle: String,
}

/// The names of those of these clips that there are.
pub async fn find_clip_names(conn: &mut PgConnection, clips: &[ClipId]) -> Result<HashMap<ClipId, ClipName>> {
    let ids: Vec<uuid::Uuid> = clips.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "SELECT c.id, c.public_id, a.handle FROM clips c JOIN accounts a ON a.id = c.creator_id WHERE c.id = ANY($1)",
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let named = rows.into_iter().map(|row| (ClipId(row.id), ClipName { public_id: row.public_id, handle: row.handle }));
    Ok(named.collect())
}

/// Holds a discarded job.
pub async fn find_discarded(conn: &mut PgConnection, id: JobId) -> Result<Option<ListedJob>> {
    let row = sqlx::query_as!(
        ListedRow,
        r#"SELECT id, kind, args, attempt, attempts_max, error_code, error_detail,
                  extract(epoch FROM clock_timestamp() - created_at)::float8 AS "age_secs!"
           FROM jobs WHERE id = $1 AND state = 'discarded' FOR UPDATE"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ListedJob::from))
}

/// Has a discarded job run again, with all its attempts; `false` when the same work waits or runs already.
pub async fn requeue_job(conn: &mut PgConnection, id: JobId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE jobs j SET state = 'available', attempt = 0, run_at = clock_timestamp(), finished_at = NULL
         WHERE id = $1 AND state = 'discarded' AND NOT EXISTS (
             SELECT FROM jobs l
             WHERE l.kind = j.kind AND l.unique_key = j.unique_key AND l.state IN ('available', 'running'))",
        id.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("SELECT pg_notify('jobs', '')").execute(&mut *conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a discarded job is not tried again: another takes its place, or nothing waits for it.
pub async fn cancel_discarded(conn: &mut PgConnection, id: JobId) -> Result<()> {
    sqlx::query!("UPDATE jobs SET state = 'cancelled' WHERE id = $1 AND state = 'discarded'", id.0)
        .execute(conn)
        .await?;
    Ok(())
}

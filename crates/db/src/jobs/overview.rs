//! The queue as operators see it.

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

//! `event_log`: ordered by (transaction, id), read up to the oldest transaction still running,
//! so that a transaction that commits late is never skipped.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;

/// A place in the log: everything up to and including it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Offset {
    /// The transaction that appended the event.
    pub xact: u64,
    /// The event's number.
    pub id: i64,
}

/// An event as stored.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its place.
    pub offset: Offset,
    /// Its kind.
    pub kind: String,
    /// Its content.
    pub payload: Value,
    /// When it was appended, by the database's clock.
    pub at: DateTime<Utc>,
}

/// Appends an event in the caller's transaction.
pub async fn append(conn: &mut PgConnection, kind: &str, payload: &Value) -> Result<()> {
    sqlx::query!("INSERT INTO event_log (kind, payload) VALUES ($1, $2)", kind, payload).execute(conn).await?;
    Ok(())
}

/// Reads at most `limit` events after `offset`, in order.
pub async fn read_after(conn: &mut PgConnection, offset: Offset, limit: i64) -> Result<Vec<StoredEvent>> {
    let rows = sqlx::query!(
        r#"SELECT xact::text AS "xact!", id, kind, payload, at FROM event_log
           WHERE (xact, id) > ($1::text::xid8, $2) AND xact < pg_snapshot_xmin(pg_current_snapshot())
           ORDER BY xact, id LIMIT $3"#,
        offset.xact.to_string(),
        offset.id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StoredEvent {
            // An xid8 is an unsigned 64-bit number by definition.
            offset: Offset { xact: row.xact.parse().unwrap_or_default(), id: row.id },
            kind: row.kind,
            payload: row.payload,
            at: row.at,
        })
        .collect())
}

/// The place from which a reader that has just loaded the present state must read on: everything
/// committed before is part of that state; what is read twice must be harmless.
pub async fn safe_end(conn: &mut PgConnection) -> Result<Offset> {
    let xact = sqlx::query_scalar!(r#"SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS "xmin!""#)
        .fetch_one(conn)
        .await?;
    // Everything of earlier transactions is visible; the first of this one is read again.
    Ok(Offset { xact: xact.parse::<u64>().unwrap_or_default().saturating_sub(1), id: i64::MAX })
}

/// Deletes events appended before `before`; how many.
pub async fn trim(conn: &mut PgConnection, before: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!("DELETE FROM event_log WHERE at < $1", before).execute(conn).await?;
    Ok(done.rows_affected())
}

//! `viewer_events`, `views` and the counters they move.
//!
//! `views` has one row a (viewer, occasion): the serving, or the clip itself where there was none.
//! A row is a counted view from 2 s of media time, one pass, or completion on. The counters of
//! `clip_counts` are moved by what the rows changed, in the statement that changed them, so they
//! always equal the rows.

use estrade_domain::{AccountId, ClipId, PublicId, Time, ViewerId};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// From this much media time on a view is counted, milliseconds. The statement in `watching.sql` says it too.
pub const COUNTED_WATCH_MS: i32 = 2000;

/// What a client reports, checked in all but what only the database knows.
#[derive(Debug, Clone)]
pub struct NewViewerEvent {
    /// The client's id for it.
    pub event_id: String,
    /// The kind's name.
    pub kind: &'static str,
    /// The clip.
    pub clip: PublicId,
    /// The serving as the client names it.
    pub served_id: Option<Uuid>,
    /// When it happened.
    pub at: Time,
    /// Media time seen so far, milliseconds.
    pub watch_ms: i32,
    /// Position in the clip, milliseconds.
    pub position_ms: i32,
    /// Passes so far.
    pub loops: i32,
    /// Of `quality` events.
    pub quality: Option<Value>,
}

/// The totals of a row of `views`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Media time, milliseconds.
    pub watch_ms: i32,
    /// Passes.
    pub loops: i32,
    /// Reached the end.
    pub is_completed: bool,
}

impl Totals {
    /// Whether a row with these totals is a counted view.
    pub fn is_counted(&self) -> bool {
        self.watch_ms >= COUNTED_WATCH_MS || self.loops >= 1 || self.is_completed
    }
}

/// What became of one reported event whose clip the viewer may see.
#[derive(Debug, Clone)]
pub struct RecordedEvent {
    /// Its place in the batch.
    pub index: usize,
    /// It was new; otherwise its id was known.
    pub is_new: bool,
    /// The clip.
    pub clip_id: ClipId,
    /// The serving, when it was one to this viewer of this clip.
    pub served_id: Option<Uuid>,
    /// The totals of its occasion before the batch.
    pub before: Totals,
}

/// Holds a viewer until the transaction ends, so that batches of one viewer follow each other; the
/// viewer they belong to now: a guest's account, once their history went there.
pub async fn hold_viewer(conn: &mut PgConnection, viewer: ViewerId) -> Result<ViewerId> {
    let merged_into = hold(&mut *conn, viewer).await?;
    match merged_into {
        Some(account_viewer) => {
            hold(conn, account_viewer).await?;
            Ok(account_viewer)
        }
        None => Ok(viewer),
    }
}

async fn hold(conn: &mut PgConnection, viewer: ViewerId) -> Result<Option<ViewerId>> {
    let merged_into = sqlx::query_scalar!("SELECT merged_into FROM viewers WHERE id = $1 FOR NO KEY UPDATE", viewer.0)
        .fetch_one(conn)
        .await?;
    Ok(merged_into.map(ViewerId))
}

/// Keeps a batch, moves totals and counters, all in one statement; the viewer is held. Events whose
/// clip the viewer may not see are missing from the answer.
pub async fn insert_events(
    conn: &mut PgConnection,
    viewer: ViewerId,
    account: Option<AccountId>,
    events: &[NewViewerEvent],
    now: Time,
) -> Result<Vec<RecordedEvent>> {
    let rows = sqlx::query_file!(
        "src/watching.sql",
        viewer.0,
        account.map(|id| id.0),
        now,
        &column(events, |event| event.event_id.clone()),
        &column(events, |event| event.kind.to_owned()),
        &column(events, |event| event.clip.to_string()),
        &column(events, |event| event.served_id) as &[Option<Uuid>],
        &column(events, |event| event.at),
        &column(events, |event| event.watch_ms),
        &column(events, |event| event.position_ms),
        &column(events, |event| event.loops),
        &column(events, |event| event.quality.clone()) as &[Option<Value>],
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RecordedEvent {
            // Places in a batch of at most a hundred.
            index: usize::try_from(row.number).unwrap_or_default(),
            is_new: row.is_new,
            clip_id: ClipId(row.clip_id),
            served_id: row.served_id,
            before: Totals { watch_ms: row.watch_ms, loops: row.loops, is_completed: row.is_completed },
        })
        .collect())
}

fn column<T>(events: &[NewViewerEvent], take: impl Fn(&NewViewerEvent) -> T) -> Vec<T> {
    events.iter().map(take).collect()
}

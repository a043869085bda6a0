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

/// From this much media time on a view is counted, milliseconds. The statement below says it too.
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
    let rows = sqlx::query!(
        r#"WITH input AS (
               SELECT number - 1 AS number, event_id, kind, clip, named_id, at, watch_ms, position_ms, loops, quality
               FROM unnest($4::text[], $5::text[], $6::text[], $7::uuid[], $8::timestamptz[], $9::int4[], $10::int4[],
                           $11::int4[], $12::jsonb[])
                    WITH ORDINALITY AS i (event_id, kind, clip, named_id, at, watch_ms, position_ms, loops, quality, number)
           ), visible AS (
               SELECT i.*, c.id AS clip_id, s.id AS served_id, coalesce(s.id, c.id) AS occasion,
                      row_number() OVER (PARTITION BY i.event_id ORDER BY i.number) AS repetition
               FROM input i
               JOIN clips c ON c.public_id = i.clip
               JOIN clip_audiences a ON a.clip_id = c.id
               LEFT JOIN servings s ON s.id = i.named_id AND s.viewer_id = $1 AND s.clip_id = c.id
               WHERE a.audience IN ('everyone', 'link')
                  OR (c.creator_id = $2 AND c.deleted_at IS NULL)
                  OR (a.audience = 'followers'
                      AND EXISTS (SELECT FROM follows f WHERE f.follower_id = $2 AND f.creator_id = c.creator_id))
           ), added AS (
               INSERT INTO viewer_events (viewer_id, event_id, kind, clip_id, served_id, at, received_at, watch_ms,
                                          position_ms, loops, quality)
               SELECT $1, event_id, kind, clip_id, served_id, at, $3, watch_ms, position_ms, loops, quality
               FROM visible WHERE repetition = 1
               ON CONFLICT (viewer_id, event_id) DO NOTHING
               RETURNING event_id, kind, clip_id, coalesce(served_id, clip_id) AS occasion, at, watch_ms, loops
           ), folded AS (
               SELECT clip_id, occasion, max(watch_ms) AS watch_ms, max(loops) AS loops,
                      bool_or(kind = 'impression') AS is_impressed, bool_or(kind = 'completion') AS is_completed,
                      bool_or(kind = 'skip') AS is_skipped, min(at) AS first_at, max(at) AS last_at
               FROM added WHERE kind IN ('impression', 'view', 'completion', 'skip')
               GROUP BY clip_id, occasion
           ), moved AS (
               SELECT f.*, coalesce(v.watch_ms, 0) AS old_watch_ms, coalesce(v.is_impressed, false) AS was_impressed,
                      coalesce(v.is_completed, false) AS was_completed, coalesce(v.is_skipped, false) AS was_skipped,
                      coalesce(v.watch_ms >= 2000 OR v.loops >= 1 OR v.is_completed, false) AS was_counted,
                      f.watch_ms >= 2000 OR f.loops >= 1 OR f.is_completed AS is_counted
               FROM folded f
               LEFT JOIN views v ON v.viewer_id = $1 AND v.clip_id = f.clip_id AND v.occasion = f.occasion
           ), raised AS (
               INSERT INTO views (viewer_id, clip_id, occasion, watch_ms, loops, is_impressed, is_completed, is_skipped,
                                  first_at, last_at)
               SELECT $1, clip_id, occasion, watch_ms, loops, is_impressed, is_completed, is_skipped, first_at, last_at
               FROM folded
               ON CONFLICT (viewer_id, clip_id, occasion) DO UPDATE SET
                   watch_ms = greatest(views.watch_ms, excluded.watch_ms),
                   loops = greatest(views.loops, excluded.loops),
                   is_impressed = views.is_impressed OR excluded.is_impressed,
                   is_completed = views.is_completed OR excluded.is_completed,
                   is_skipped = views.is_skipped OR excluded.is_skipped,
                   first_at = least(views.first_at, excluded.first_at),
                   last_at = greatest(views.last_at, excluded.last_at)
           ), steps AS (
               SELECT clip_id, 0 AS shares,
                      (is_counted AND NOT was_counted)::int AS views,
                      (is_impressed AND NOT was_impressed)::int AS impressions,
                      (is_completed AND NOT was_completed)::int AS completions,
                      (is_skipped AND NOT was_skipped)::int AS skips,
                      greatest(watch_ms - old_watch_ms, 0) AS watch_ms
               FROM moved
               UNION ALL
               SELECT clip_id, 1, 0, 0, 0, 0, 0 FROM added WHERE kind = 'share'
           ), counted AS (
               INSERT INTO clip_counts (clip_id, shares, views, impressions, completions, skips, watch_ms)
               SELECT clip_id, sum(shares), sum(views), sum(impressions), sum(completions), sum(skips), sum(watch_ms)
               FROM steps GROUP BY clip_id ORDER BY clip_id
               ON CONFLICT (clip_id) DO UPDATE SET
                   shares = clip_counts.shares + excluded.shares,
                   views = clip_counts.views + excluded.views,
                   impressions = clip_counts.impressions + excluded.impressions,
                   completions = clip_counts.completions + excluded.completions,
                   skips = clip_counts.skips + excluded.skips,
                   watch_ms = clip_counts.watch_ms + excluded.watch_ms
           )
           SELECT i.number AS "number!", i.clip_id AS "clip_id!", i.served_id AS "served_id?",
                  a.event_id IS NOT NULL AS "is_new!",
                  coalesce(v.watch_ms, 0) AS "watch_ms!", coalesce(v.loops, 0) AS "loops!",
                  coalesce(v.is_completed, false) AS "is_completed!"
           FROM visible i
           LEFT JOIN added a ON a.event_id = i.event_id AND i.repetition = 1
           LEFT JOIN views v ON v.viewer_id = $1 AND v.clip_id = i.clip_id AND v.occasion = i.occasion
           ORDER BY i.number"#,
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

//! What the feed learns from and remembers of viewers.
//!
//! Only servings that were profiled teach: a shared link can be pushed by anybody, and where
//! profiling is off nothing is learned.

use estrade_domain::{AccountId, ClipId, SlateId, Time, ViewerId};
use sqlx::PgConnection;

use crate::Result;

/// What became of a clip with one viewer, over all its profiled servings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Who watched.
    pub viewer_id: ViewerId,
    /// The clip.
    pub clip_id: ClipId,
    /// Reached its end.
    pub is_completed: bool,
    /// Was left at once.
    pub is_skipped: bool,
    /// Media time watched in the longest of the servings, milliseconds.
    pub watch_ms: i32,
    /// Passes in that serving.
    pub loops: i32,
    /// When the viewer was last heard of with it.
    pub at: Time,
}

/// Outcomes since `since` of viewers with profiling on, after (viewer, clip) in that order.
pub async fn list_outcomes(
    conn: &mut PgConnection,
    after: (ViewerId, ClipId),
    since: Time,
    limit: i64,
) -> Result<Vec<Outcome>> {
    let rows = sqlx::query!(
        r#"SELECT v.viewer_id, v.clip_id, bool_or(v.is_completed) AS "is_completed!", bool_or(v.is_skipped) AS "is_skipped!",
                  max(v.watch_ms) AS "watch_ms!", max(v.loops) AS "loops!", max(v.last_at) AS "at!"
           FROM views v
           JOIN servings s ON s.id = v.occasion AND s.is_profiled
           JOIN viewers w ON w.id = v.viewer_id
           LEFT JOIN accounts a ON a.id = w.account_id
           WHERE (v.viewer_id, v.clip_id) > ($1, $2) AND v.last_at > $3 AND coalesce(a.profiling, true)
           GROUP BY v.viewer_id, v.clip_id ORDER BY v.viewer_id, v.clip_id LIMIT $4"#,
        after.0.0,
        after.1.0,
        since,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Outcome {
            viewer_id: ViewerId(row.viewer_id),
            clip_id: ClipId(row.clip_id),
            is_completed: row.is_completed,
            is_skipped: row.is_skipped,
            watch_ms: row.watch_ms,
            loops: row.loops,
            at: row.at,
        })
        .collect())
}

/// A like that teaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikeOutcome {
    /// Who likes.
    pub account_id: AccountId,
    /// The clip.
    pub clip_id: ClipId,
    /// Since when.
    pub at: Time,
}

/// Likes since `since` of accounts with profiling on, after (account, clip) in that order.
pub async fn list_likes(
    conn: &mut PgConnection,
    after: (AccountId, ClipId),
    since: Time,
    limit: i64,
) -> Result<Vec<LikeOutcome>> {
    let rows = sqlx::query!(
        "SELECT l.account_id, l.clip_id, l.created_at FROM likes l
         JOIN accounts a ON a.id = l.account_id AND a.profiling
         WHERE (l.account_id, l.clip_id) > ($1, $2) AND l.created_at > $3
         ORDER BY l.account_id, l.clip_id LIMIT $4",
        after.0.0,
        after.1.0,
        since,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LikeOutcome {
            account_id: AccountId(row.account_id),
            clip_id: ClipId(row.clip_id),
            at: row.created_at,
        })
        .collect())
}

/// A clip a viewer was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The clip.
    pub clip_id: ClipId,
    /// The slate it was part of.
    pub slate_id: SlateId,
    /// When.
    pub at: Time,
}

/// The servings to this viewer since `since` with profiling on, the latest `limit`, latest first.
pub async fn list_served(conn: &mut PgConnection, viewer: ViewerId, since: Time, limit: i64) -> Result<Vec<Served>> {
    let rows = sqlx::query!(
        "SELECT clip_id, slate_id, served_at FROM servings
         WHERE viewer_id = $1 AND served_at > $2 AND is_profiled ORDER BY served_at DESC LIMIT $3",
        viewer.0,
        since,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Served { clip_id: ClipId(row.clip_id), slate_id: SlateId(row.slate_id), at: row.served_at })
        .collect())
}

/// What this viewer did with a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The clip.
    pub clip_id: ClipId,
    /// Reached its end.
    pub is_completed: bool,
    /// Was left at once.
    pub is_skipped: bool,
    /// Media time watched, milliseconds.
    pub watch_ms: i32,
    /// Passes.
    pub loops: i32,
    /// The viewer was served it by a feed, so it teaches.
    pub is_served: bool,
    /// When last.
    pub at: Time,
}

/// The clips this viewer watched since `since`, the latest `limit`; not what was watched with
/// profiling off.
pub async fn list_watched(conn: &mut PgConnection, viewer: ViewerId, since: Time, limit: i64) -> Result<Vec<Watched>> {
    let rows = sqlx::query!(
        r#"SELECT v.clip_id, bool_or(v.is_completed) AS "is_completed!", bool_or(v.is_skipped) AS "is_skipped!",
                  max(v.watch_ms) AS "watch_ms!", max(v.loops) AS "loops!", max(v.last_at) AS "at!",
                  bool_or(s.id IS NOT NULL) AS "is_served!"
           FROM views v LEFT JOIN servings s ON s.id = v.occasion
           WHERE v.viewer_id = $1 AND v.last_at > $2 AND coalesce(s.is_profiled, true)
           GROUP BY v.clip_id ORDER BY max(v.last_at) DESC LIMIT $3"#,
        viewer.0,
        since,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Watched {
            clip_id: ClipId(row.clip_id),
            is_completed: row.is_completed,
            is_skipped: row.is_skipped,
            watch_ms: row.watch_ms,
            loops: row.loops,
            is_served: row.is_served,
            at: row.at,
        })
        .collect())
}

/// The clips this viewer asked for less of since `since`, the latest `limit`; not what was said of
/// servings with profiling off.
pub async fn list_not_interested(
    conn: &mut PgConnection,
    viewer: ViewerId,
    since: Time,
    limit: i64,
) -> Result<Vec<(ClipId, Time)>> {
    let rows = sqlx::query!(
        "SELECT e.clip_id, e.at FROM viewer_events e LEFT JOIN servings s ON s.id = e.served_id
         WHERE e.viewer_id = $1 AND e.kind = 'not_interested' AND e.at > $2 AND coalesce(s.is_profiled, true)
         ORDER BY e.at DESC LIMIT $3",
        viewer.0,
        since,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (ClipId(row.clip_id), row.at)).collect())
}

/// The creators this account follows, the latest `limit`.
pub async fn list_followed(conn: &mut PgConnection, account: AccountId, limit: i64) -> Result<Vec<AccountId>> {
    let ids = sqlx::query_scalar!(
        "SELECT creator_id FROM follows WHERE follower_id = $1 ORDER BY created_at DESC LIMIT $2",
        account.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AccountId).collect())
}

/// The clips this account likes, the latest `limit`.
pub async fn list_liked(conn: &mut PgConnection, account: AccountId, limit: i64) -> Result<Vec<ClipId>> {
    let ids = sqlx::query_scalar!(
        "SELECT clip_id FROM likes WHERE account_id = $1 ORDER BY created_at DESC LIMIT $2",
        account.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ClipId).collect())
}

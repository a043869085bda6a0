//! `likes`, `follows`, `reports`, and creators as others see them.

use estrade_domain::text::Handle;
use estrade_domain::{AccountId, ClipId, PublicId, ReportId, Standing, Time, ViewerId};
use sqlx::PgConnection;

use crate::{DbError, Result};

/// Adds a like and counts it, in one statement; `false` when it was there.
pub async fn insert_like(conn: &mut PgConnection, account: AccountId, clip: ClipId, at: Time) -> Result<bool> {
    let done = sqlx::query!(
        "WITH added AS (
             INSERT INTO likes (account_id, clip_id, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (account_id, clip_id) DO NOTHING RETURNING clip_id
         )
         INSERT INTO clip_counts (clip_id, likes) SELECT clip_id, 1 FROM added
         ON CONFLICT (clip_id) DO UPDATE SET likes = clip_counts.likes + 1",
        account.0,
        clip.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a like back and counts it, in one statement; `false` when there was none.
pub async fn delete_like(conn: &mut PgConnection, account: AccountId, clip: ClipId) -> Result<bool> {
    let done = sqlx::query!(
        "WITH removed AS (DELETE FROM likes WHERE account_id = $1 AND clip_id = $2 RETURNING clip_id)
         UPDATE clip_counts SET likes = likes - 1 FROM removed WHERE clip_counts.clip_id = removed.clip_id",
        account.0,
        clip.0,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Adds a follow; `false` when it was there.
pub async fn insert_follow(conn: &mut PgConnection, follower: AccountId, creator: AccountId, at: Time) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO follows (follower_id, creator_id, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (follower_id, creator_id) DO NOTHING",
        follower.0,
        creator.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a follow back; `false` when there was none.
pub async fn delete_follow(conn: &mut PgConnection, follower: AccountId, creator: AccountId) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM follows WHERE follower_id = $1 AND creator_id = $2", follower.0, creator.0)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes what connects an account with others: whom it follows and who follows it.
pub async fn delete_follows_of(conn: &mut PgConnection, account: AccountId) -> Result<()> {
    sqlx::query!("DELETE FROM follows WHERE follower_id = $1 OR creator_id = $1", account.0).execute(conn).await?;
    Ok(())
}

/// A report to keep.
#[derive(Debug)]
pub struct NewReport<'a> {
    /// Its id.
    pub id: ReportId,
    /// Its public id.
    pub public_id: &'a PublicId,
    /// The clip it is about.
    pub clip_id: ClipId,
    /// Who reports.
    pub reporter_id: ViewerId,
    /// The reason's code.
    pub reason: &'a str,
    /// In the reporter's own words.
    pub detail: Option<&'a str>,
    /// Now.
    pub at: Time,
}

/// Keeps a report and says its public id; who reports the same clip for the same reason again gets
/// the id of the first report, which stays as it is.
pub async fn insert_report(conn: &mut PgConnection, new: &NewReport<'_>) -> Result<PublicId> {
    // The update changes nothing; it makes the row that was there come back.
    let id = sqlx::query_scalar!(
        "INSERT INTO reports (id, public_id, clip_id, reporter_id, reason, detail, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (clip_id, reporter_id, reason) DO UPDATE SET reason = excluded.reason
         RETURNING public_id",
        new.id.0,
        new.public_id.as_str(),
        new.clip_id.0,
        new.reporter_id.0,
        new.reason,
        new.detail,
        new.at,
    )
    .fetch_one(conn)
    .await?;
    id.parse().map_err(|_| DbError::corrupt("reports", "public_id", &id))
}

/// A creator as others see them.
#[derive(Debug, Clone)]
pub struct Creator {
    /// Internal id.
    pub id: AccountId,
    /// Public id.
    pub public_id: PublicId,
    /// Handle.
    pub handle: String,
    /// Display name.
    pub name: String,
    /// Account standing.
    pub standing: Standing,
    /// When the account was made.
    pub created_at: Time,
    /// The asker follows them.
    pub is_following: bool,
}

/// The creator with this handle, unless deleted.
pub async fn find_creator(
    conn: &mut PgConnection,
    handle: &Handle,
    asker: Option<AccountId>,
) -> Result<Option<Creator>> {
    let row = sqlx::query!(
        r#"SELECT a.id, a.public_id, a.handle, a.name, a.standing, a.created_at,
                  EXISTS (SELECT FROM follows f WHERE f.follower_id = $2 AND f.creator_id = a.id) AS "is_following!"
           FROM accounts a WHERE a.handle = $1 AND a.deleted_at IS NULL"#,
        handle.as_str(),
        asker.map(|id| id.0),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let corrupt = |column| DbError::corrupt("accounts", column, row.id);
        Ok(Creator {
            id: AccountId(row.id),
            public_id: row.public_id.parse().map_err(|_| corrupt("public_id"))?,
            handle: row.handle,
            name: row.name,
            standing: Standing::from_name(&row.standing).ok_or_else(|| corrupt("standing"))?,
            created_at: row.created_at,
            is_following: row.is_following,
        })
    })
    .transpose()
}

/// What a creator's page counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatorCounts {
    /// Clips everyone may see.
    pub clips: i64,
    /// Likes of those clips.
    pub likes: i64,
    /// Who follows them.
    pub followers: i64,
    /// Whom they follow.
    pub following: i64,
}

/// Takes back every like of an account that goes.
pub async fn delete_likes_of(conn: &mut PgConnection, account_id: AccountId) -> Result<()> {
    sqlx::query!(
        "WITH removed AS (DELETE FROM likes WHERE account_id = $1 RETURNING clip_id)
         UPDATE clip_counts SET likes = likes - 1 FROM removed WHERE clip_counts.clip_id = removed.clip_id",
        account_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts a creator's clips, likes and follows.
pub async fn count_creator(conn: &mut PgConnection, creator: AccountId) -> Result<CreatorCounts> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "clips!", coalesce(sum(n.likes), 0)::bigint AS "likes!",
                  (SELECT count(*) FROM follows WHERE creator_id = $1) AS "followers!",
                  (SELECT count(*) FROM follows WHERE follower_id = $1) AS "following!"
           FROM clips c
           JOIN clip_audiences a ON a.clip_id = c.id AND a.audience = 'everyone'
           LEFT JOIN clip_counts n ON n.clip_id = c.id
           WHERE c.creator_id = $1 AND c.deleted_at IS NULL"#,
        creator.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(CreatorCounts { clips: row.clips, likes: row.likes, followers: row.followers, following: row.following })
}

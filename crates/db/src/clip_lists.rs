//! Lists of clips, page by page. They say where clips are; [`crate::clips`] says what they are.

use estrade_domain::{AccountId, Processing, PublicId, Time};
use sqlx::PgConnection;

use crate::{DbError, Result};

/// A place in a list of clips: its time and, between equals, its public id.
pub type ClipPosition = (Time, PublicId);

struct Stored {
    at: Time,
    public_id: String,
}

impl TryFrom<Stored> for ClipPosition {
    type Error = DbError;

    fn try_from(row: Stored) -> Result<Self> {
        let id = row.public_id.parse().map_err(|_| DbError::corrupt("clips", "public_id", &row.public_id))?;
        Ok((row.at, id))
    }
}

/// Where a creator's own clips are, drafts and failed ones too, newest first, after `after`.
pub async fn list_own_clips(
    conn: &mut PgConnection,
    creator: AccountId,
    processing: Option<Processing>,
    after: Option<&ClipPosition>,
    limit: i64,
) -> Result<Vec<ClipPosition>> {
    let found = sqlx::query_as!(
        Stored,
        "SELECT created_at AS at, public_id FROM clips
         WHERE creator_id = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR processing = $2)
           AND ($3::timestamptz IS NULL OR (created_at, public_id) < ($3, $4))
         ORDER BY created_at DESC, public_id DESC LIMIT $5",
        creator.0,
        processing.map(Processing::as_str),
        after.map(|(at, _)| *at),
        after.map(|(_, id)| id.as_str()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    found.into_iter().map(ClipPosition::try_from).collect()
}

/// Where the clips are that a creator shows on their page, latest published first, after `after`.
/// Unlisted clips are not on it; clips for followers are when `with_followers`.
pub async fn list_shown_clips(
    conn: &mut PgConnection,
    creator: AccountId,
    with_followers: bool,
    after: Option<&ClipPosition>,
    limit: i64,
) -> Result<Vec<ClipPosition>> {
    let found = sqlx::query_as!(
        Stored,
        r#"SELECT c.published_at AS "at!", c.public_id FROM clips c JOIN clip_audiences a ON a.clip_id = c.id
         WHERE c.creator_id = $1 AND c.deleted_at IS NULL AND c.published_at IS NOT NULL
           AND (a.audience = 'everyone' OR ($2 AND a.audience = 'followers'))
           AND ($3::timestamptz IS NULL OR (c.published_at, c.public_id) < ($3, $4))
         ORDER BY c.published_at DESC, c.public_id DESC LIMIT $5"#,
        creator.0,
        with_followers,
        after.map(|(at, _)| *at),
        after.map(|(_, id)| id.as_str()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    found.into_iter().map(ClipPosition::try_from).collect()
}

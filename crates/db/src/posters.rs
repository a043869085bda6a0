//! `clip_posters`: posters their creators chose, and which one a clip shows.

use estrade_domain::{ClipId, PosterId, Time, VersionId};
use sqlx::PgConnection;

use crate::Result;

/// A moment of a clip that is to become its poster.
#[derive(Debug, Clone, Copy)]
pub struct PickedMoment {
    /// The poster to be.
    pub id: PosterId,
    /// The clip.
    pub clip_id: ClipId,
    /// The moment, milliseconds.
    pub at_ms: i32,
}

/// A chosen poster as its object is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChosenPoster {
    /// Its id.
    pub id: PosterId,
    /// Lease token of the attempt that made it; none of a picture that was sent.
    pub token: Option<i64>,
}

/// Notes a picked moment; one that was picked before and not made yet is forgotten.
pub async fn insert_picked(conn: &mut PgConnection, picked: &PickedMoment, at: Time) -> Result<()> {
    sqlx::query!("DELETE FROM clip_posters WHERE clip_id = $1 AND thumbhash IS NULL", picked.clip_id.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "INSERT INTO clip_posters (id, clip_id, at_ms, created_at) VALUES ($1, $2, $3, $4)",
        picked.id.0,
        picked.clip_id.0,
        picked.at_ms,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A picked moment that still waits to be made, with the version its clip shows now.
pub async fn find_picked(conn: &mut PgConnection, id: PosterId) -> Result<Option<(PickedMoment, VersionId)>> {
    let row = sqlx::query!(
        r#"SELECT p.clip_id, p.at_ms AS "at_ms!", c.version_id AS "version_id!"
           FROM clip_posters p JOIN clips c ON c.id = p.clip_id
           WHERE p.id = $1 AND p.thumbhash IS NULL AND c.deleted_at IS NULL AND c.version_id IS NOT NULL"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let picked = PickedMoment { id, clip_id: ClipId(row.clip_id), at_ms: row.at_ms };
        (picked, VersionId(row.version_id))
    }))
}

/// Gives up a picked moment: the clip goes on with the poster it has.
pub async fn forget_picked(conn: &mut PgConnection, id: PosterId) -> Result<Option<ClipId>> {
    let clip =
        sqlx::query_scalar!("DELETE FROM clip_posters WHERE id = $1 AND thumbhash IS NULL RETURNING clip_id", id.0,)
            .fetch_optional(conn)
            .await?;
    Ok(clip.map(ClipId))
}

/// Notes that a picked moment is made and its object stored by the attempt with this lease token; `false` when another
/// choice was made since, or the clip was deleted.
pub async fn complete_picked(conn: &mut PgConnection, id: PosterId, thumbhash: &str, token: i64) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE clip_posters p SET thumbhash = $2, token = $3
         WHERE id = $1 AND thumbhash IS NULL
           AND EXISTS (SELECT FROM clips c WHERE c.id = p.clip_id AND c.deleted_at IS NULL)",
        id.0,
        thumbhash,
        token,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes a picture whose object is stored.
pub async fn insert_sent(
    conn: &mut PgConnection,
    id: PosterId,
    clip_id: ClipId,
    thumbhash: &str,
    at: Time,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO clip_posters (id, clip_id, thumbhash, created_at) VALUES ($1, $2, $3, $4)",
        id.0,
        clip_id.0,
        thumbhash,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Shows a poster that is made, or the automatic one; all others of the clip are forgotten, and
/// returned, for their objects may go.
pub async fn show_poster(conn: &mut PgConnection, clip_id: ClipId, id: Option<PosterId>) -> Result<Vec<ChosenPoster>> {
    let id = id.map(|id| id.0);
    sqlx::query!("UPDATE clips SET poster_id = $2 WHERE id = $1", clip_id.0, id).execute(&mut *conn).await?;
    let forgotten = sqlx::query!(
        "DELETE FROM clip_posters WHERE clip_id = $1 AND id IS DISTINCT FROM $2 RETURNING id, token",
        clip_id.0,
        id,
    )
    .fetch_all(conn)
    .await?;
    Ok(forgotten.into_iter().map(|row| ChosenPoster { id: PosterId(row.id), token: row.token }).collect())
}

//! `viewers`: whoever looks, with an account or as a guest.

use estrade_domain::{Time, ViewerId};
use sqlx::PgConnection;

use crate::Result;

/// Inserts a guest for the SHA-256 of their token.
pub async fn insert_guest(conn: &mut PgConnection, id: ViewerId, guest_hash: &[u8; 32], at: Time) -> Result<()> {
    sqlx::query!(
        "INSERT INTO viewers (id, guest_hash, created_at) VALUES ($1, $2, $3)",
        id.0,
        guest_hash.as_slice(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The guest with this token. One whose history went to an account is no longer a guest.
pub async fn find_guest(conn: &mut PgConnection, guest_hash: &[u8; 32]) -> Result<Option<ViewerId>> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM viewers WHERE guest_hash = $1 AND merged_into IS NULL",
        guest_hash.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(ViewerId))
}

/// Moves a guest's history to an account's viewer, once; `false` when it had been moved before.
/// What both saw of the same serving is merged: the higher totals stay.
pub async fn merge_guest(conn: &mut PgConnection, guest: ViewerId, into: ViewerId) -> Result<bool> {
    let claimed = sqlx::query!(
        "UPDATE viewers SET merged_into = $2 WHERE id = $1 AND guest_hash IS NOT NULL AND merged_into IS NULL",
        guest.0,
        into.0,
    )
    .execute(&mut *conn)
    .await?;
    if claimed.rows_affected() == 0 {
        return Ok(false);
    }
    // Batches of either viewer wait: none may add a row to what is being moved.
    sqlx::query!("SELECT id FROM viewers WHERE id = $1 FOR NO KEY UPDATE", into.0).fetch_one(&mut *conn).await?;
    sqlx::query!("UPDATE servings SET viewer_id = $2 WHERE viewer_id = $1", guest.0, into.0)
        .execute(&mut *conn)
        .await?;
    // An event id both used stays with the guest: it was counted once, under that viewer.
    sqlx::query!(
        "UPDATE viewer_events e SET viewer_id = $2 WHERE e.viewer_id = $1
         AND NOT EXISTS (SELECT FROM viewer_events o WHERE o.viewer_id = $2 AND o.event_id = e.event_id)",
        guest.0,
        into.0,
    )
    .execute(&mut *conn)
    .await?;
    // Rows move, they are not added up: counters count rows and stay true. Where the account has a
    // row of the same occasion (the same shared link), the guest's stays where it is.
    sqlx::query!(
        "UPDATE views v SET viewer_id = $2 WHERE v.viewer_id = $1
         AND NOT EXISTS (
             SELECT FROM views o WHERE o.viewer_id = $2 AND o.clip_id = v.clip_id AND o.occasion = v.occasion
         )",
        guest.0,
        into.0,
    )
    .execute(conn)
    .await?;
    Ok(true)
}

//! `sessions`: opaque tokens, stored hashed, so that a ban bites at once.

use estrade_domain::{AccountId, PublicId, Standing, Time, ViewerId};
use sqlx::PgConnection;

use crate::{DbError, Result};

/// Who a valid session belongs to.
#[derive(Debug, Clone)]
pub struct SessionHolder {
    /// The account.
    pub account_id: AccountId,
    /// The account's viewer.
    pub viewer_id: ViewerId,
    /// The account's public id.
    pub public_id: PublicId,
    /// The account's handle.
    pub handle: String,
    /// Account standing; banned accounts have no sessions.
    pub standing: Standing,
    /// Whether feeds may learn from what it watches.
    pub profiling: bool,
    /// Holds the role `moderator`.
    pub is_moderator: bool,
    /// Holds the role `operator`.
    pub is_operator: bool,
}

/// Inserts a session for the SHA-256 of its token.
pub async fn insert_session(
    conn: &mut PgConnection,
    token_hash: &[u8; 32],
    account_id: AccountId,
    at: Time,
    expires_at: Time,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO sessions (token_hash, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        token_hash.as_slice(),
        account_id.0,
        at,
        expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Who holds this token; none when it is unknown or expired, or its account is deleted or banned.
pub async fn find_session(conn: &mut PgConnection, token_hash: &[u8; 32], now: Time) -> Result<Option<SessionHolder>> {
    let row = sqlx::query!(
        r#"SELECT s.account_id, v.id AS viewer_id, a.public_id, a.handle, a.standing, a.profiling,
                  EXISTS (SELECT FROM account_roles r WHERE r.account_id = a.id AND r.role = 'moderator') AS "is_moderator!",
                  EXISTS (SELECT FROM account_roles r WHERE r.account_id = a.id AND r.role = 'operator') AS "is_operator!"
           FROM sessions s
           JOIN accounts a ON a.id = s.account_id
           JOIN viewers v ON v.account_id = a.id
           WHERE s.token_hash = $1 AND s.expires_at > $2 AND a.deleted_at IS NULL AND a.standing <> 'banned'"#,
        token_hash.as_slice(),
        now,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(SessionHolder {
            account_id: AccountId(row.account_id),
            viewer_id: ViewerId(row.viewer_id),
            public_id: row.public_id.parse().map_err(|_| DbError::corrupt("accounts", "public_id", row.account_id))?,
            handle: row.handle,
            standing: Standing::from_name(&row.standing)
                .ok_or_else(|| DbError::corrupt("accounts", "standing", row.account_id))?,
            profiling: row.profiling,
            is_moderator: row.is_moderator,
            is_operator: row.is_operator,
        })
    })
    .transpose()
}

/// Ends a session; ending it twice is no error.
pub async fn delete_session(conn: &mut PgConnection, token_hash: &[u8; 32]) -> Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE token_hash = $1", token_hash.as_slice()).execute(conn).await?;
    Ok(())
}

/// Ends all sessions of an account.
pub async fn delete_sessions_of(conn: &mut PgConnection, account_id: AccountId) -> Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE account_id = $1", account_id.0).execute(conn).await?;
    Ok(())
}

/// Ends all but the `keep` newest sessions of an account.
pub async fn trim_sessions(conn: &mut PgConnection, account_id: AccountId, keep: i64) -> Result<()> {
    sqlx::query!(
        "DELETE FROM sessions WHERE token_hash IN (
             SELECT token_hash FROM sessions WHERE account_id = $1 ORDER BY created_at DESC OFFSET $2
         )",
        account_id.0,
        keep,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes sessions that expired before `now`; how many.
pub async fn delete_expired(conn: &mut PgConnection, now: Time) -> Result<u64> {
    let done = sqlx::query!("DELETE FROM sessions WHERE expires_at <= $1", now).execute(conn).await?;
    Ok(done.rows_affected())
}

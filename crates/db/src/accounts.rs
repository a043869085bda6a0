//! `accounts`, `account_roles`, `follows`.

use estrade_domain::text::{DisplayName, Handle, Language};
use estrade_domain::{AccountId, PublicId, Standing, Time, ViewerId};
use sqlx::PgConnection;

use crate::{DbError, Result};

/// The constraint that keeps handles unique.
pub const HANDLE_TAKEN: &str = "accounts_handle_key";

/// A new account and its viewer.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Its id.
    pub id: AccountId,
    /// The id of its viewer.
    pub viewer_id: ViewerId,
    /// Its public id.
    pub public_id: &'a PublicId,
    /// Its handle.
    pub handle: &'a Handle,
    /// Its display name.
    pub name: &'a DisplayName,
    /// Where to write to, if given.
    pub email: Option<&'a str>,
    /// The language its creator reads.
    pub language: Option<&'a str>,
    /// argon2id in PHC form.
    pub password_hash: &'a str,
    /// Now.
    pub at: Time,
}

/// An account as its owner sees it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Internal id.
    pub id: AccountId,
    /// Public id.
    pub public_id: PublicId,
    /// Handle.
    pub handle: String,
    /// Display name.
    pub name: String,
    /// E-mail address, if given.
    pub email: Option<String>,
    /// Language tag, if given.
    pub language: Option<String>,
    /// Account standing.
    pub standing: Standing,
    /// Whether feeds may learn from what it watches.
    pub profiling: bool,
    /// Roles held.
    pub roles: Vec<String>,
    /// When it was made.
    pub created_at: Time,
}

/// What a login needs.
#[derive(Debug)]
pub struct Login {
    /// The account.
    pub account_id: AccountId,
    /// The account's viewer.
    pub viewer_id: ViewerId,
    /// argon2id in PHC form.
    pub password_hash: String,
}

/// What its owner changes of an account; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountChanges {
    /// Display name.
    pub name: Option<DisplayName>,
    /// E-mail address, or none any more.
    pub email: Option<Option<String>>,
    /// Language tag, or none any more.
    pub language: Option<Option<Language>>,
    /// Whether feeds may learn from what it watches.
    pub profiling: Option<bool>,
}

/// Inserts the account and its viewer. A taken handle is the constraint [`HANDLE_TAKEN`].
pub async fn insert_account(conn: &mut PgConnection, new: &NewAccount<'_>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO accounts (id, public_id, handle, name, email, language, password_hash, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id.0,
        new.public_id.as_str(),
        new.handle.as_str(),
        new.name.as_str(),
        new.email,
        new.language,
        new.password_hash,
        new.at,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO viewers (id, account_id, created_at) VALUES ($1, $2, $3)",
        new.viewer_id.0,
        new.id.0,
        new.at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The account with this id, unless it was deleted.
pub async fn find_account(conn: &mut PgConnection, id: AccountId) -> Result<Option<Account>> {
    let row = sqlx::query!(
        r#"SELECT a.public_id, a.handle, a.name, a.email, a.language, a.standing, a.profiling, a.created_at,
                  ARRAY(SELECT role FROM account_roles r WHERE r.account_id = a.id ORDER BY role) AS "roles!"
           FROM accounts a WHERE a.id = $1 AND a.deleted_at IS NULL"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Account {
            id,
            public_id: row.public_id.parse().map_err(|_| DbError::corrupt("accounts", "public_id", id))?,
            handle: row.handle,
            name: row.name,
            email: row.email,
            language: row.language,
            standing: Standing::from_name(&row.standing).ok_or_else(|| DbError::corrupt("accounts", "standing", id))?,
            profiling: row.profiling,
            roles: row.roles,
            created_at: row.created_at,
        })
    })
    .transpose()
}

/// What a login with this handle needs; deleted accounts are not found.
pub async fn find_login(conn: &mut PgConnection, handle: &Handle) -> Result<Option<Login>> {
    let row = sqlx::query!(
        "SELECT a.id, v.id AS viewer_id, a.password_hash FROM accounts a JOIN viewers v ON v.account_id = a.id
         WHERE a.handle = $1 AND a.deleted_at IS NULL",
        handle.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Login {
        account_id: AccountId(row.id),
        viewer_id: ViewerId(row.viewer_id),
        password_hash: row.password_hash,
    }))
}

/// Replaces the stored password hash, unless somebody changed it since it was read.
pub async fn replace_password_hash(conn: &mut PgConnection, id: AccountId, old: &str, new: &str) -> Result<()> {
    sqlx::query!("UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2", id.0, old, new)
        .execute(conn)
        .await?;
    Ok(())
}

/// Changes an account that is not deleted.
pub async fn update_account(conn: &mut PgConnection, id: AccountId, changes: &AccountChanges) -> Result<()> {
    let (email, language) = (changes.email.as_ref(), changes.language.as_ref());
    sqlx::query!(
        "UPDATE accounts SET
             name = coalesce($2, name),
             email = CASE WHEN $3 THEN $4 ELSE email END,
             language = CASE WHEN $5 THEN $6 ELSE language END,
             profiling = coalesce($7, profiling)
         WHERE id = $1 AND deleted_at IS NULL",
        id.0,
        changes.name.as_ref().map(DisplayName::as_str),
        email.is_some(),
        email.and_then(|email| email.as_deref()),
        language.is_some(),
        language.and_then(|tag| tag.as_ref()).map(Language::as_str),
        changes.profiling,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes an account: what is personal is forgotten, the handle stays taken so that nobody can
/// pose as who held it. `false` when it was deleted before.
pub async fn delete_account(conn: &mut PgConnection, id: AccountId, at: Time) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE accounts SET deleted_at = $2, name = handle, email = NULL, language = NULL, password_hash = '', profiling = false
         WHERE id = $1 AND deleted_at IS NULL",
        id.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Grants a role to the account with this handle; `false` when there is none.
pub async fn grant_role(conn: &mut PgConnection, handle: &str, role: &str, at: Time) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO account_roles (account_id, role, granted_at)
         SELECT id, $2, $3 FROM accounts WHERE handle = $1 AND deleted_at IS NULL
         ON CONFLICT (account_id, role) DO UPDATE SET granted_at = account_roles.granted_at",
        handle,
        role,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

use chrono::Duration;
use estrade_db::accounts::{Account, find_account, find_login, replace_password_hash};
use estrade_db::{PgConnection, sessions, viewers};
use estrade_domain::limits::SESSION_DAYS;
use estrade_domain::text::Handle;
use estrade_domain::{AccountId, Standing, Time, ViewerId};
use estrade_events::Event;
use estrade_http::identity::Token;
use estrade_http::{Problem, Result};

use crate::ApiState;
use crate::passwords::Verdict;
use estrade_http::rate::Network;

/// Sessions one account keeps; the oldest end.
const SESSIONS_MAX: i64 = 100;

/// What somebody signs in with.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub handle: String,
    pub password: String,
    pub network: Network,
    pub guest: Option<ViewerId>,
}

/// A session just opened.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub account: Account,
    pub token: String,
    pub expires_at: Time,
    pub is_guest_merged: bool,
}

/// Opens a session for whoever knows the password; a guest's history goes along.
pub(crate) async fn open_session(api: &ApiState, credentials: Credentials) -> Result<SignedIn> {
    let Credentials { handle, password, network, guest } = credentials;
    api.attempts.login(network, api.now())?;
    let handle: Option<Handle> = handle.parse().ok();
    if let Some(handle) = &handle {
        api.attempts.password_of(handle, network, api.now())?;
    }
    let login = match &handle {
        Some(handle) => find_login(&mut *api.conn().await?, handle).await?,
        None => None,
    };
    let stored = login.as_ref().map(|login| login.password_hash.clone());
    let (Verdict::Right { renewed }, Some(login), Some(handle)) =
        (api.passwords.verify(password, stored).await?, login, handle)
    else {
        return Err(Problem::unauthorized("invalid_credentials", "no account has this handle and password"));
    };
    api.attempts.password_was_right(&handle, network);
    let mut tx = api.begin().await?;
    if let Some(renewed) = renewed {
        replace_password_hash(&mut tx, login.account_id, &login.password_hash, &renewed).await?;
    }
    let signed_in = sign_in(api, &mut tx, login.account_id, login.viewer_id, guest).await?;
    tx.commit().await.map_err(estrade_db::DbError::from)?;
    Ok(signed_in)
}

/// Makes the session and merges the guest, in the caller's transaction.
pub(super) async fn sign_in(
    api: &ApiState,
    conn: &mut PgConnection,
    account_id: AccountId,
    viewer_id: ViewerId,
    guest: Option<ViewerId>,
) -> Result<SignedIn> {
    let account = find_account(conn, account_id).await?;
    let account =
        account.ok_or_else(|| Problem::unauthorized("invalid_credentials", "this account was just deleted"))?;
    if account.standing == Standing::Banned {
        return Err(Problem::forbidden("account_banned", "this account is closed"));
    }
    let now = api.now();
    let (token, expires_at) = (Token::draw(api.entropy()), now + Duration::days(SESSION_DAYS));
    sessions::insert_session(conn, &token.hash, account_id, now, expires_at).await?;
    sessions::trim_sessions(conn, account_id, SESSIONS_MAX).await?;
    let is_guest_merged = match guest {
        Some(guest) => merge_guest(conn, guest, viewer_id).await?,
        None => false,
    };
    Ok(SignedIn { account, token: token.text, expires_at, is_guest_merged })
}

async fn merge_guest(conn: &mut PgConnection, guest: ViewerId, into: ViewerId) -> Result<bool> {
    let is_merged = viewers::merge_guest(conn, guest, into).await?;
    if is_merged {
        estrade_events::append(conn, &Event::ViewerMerged { from: guest, into }).await?;
    }
    Ok(is_merged)
}

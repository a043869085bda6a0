//! Accounts and sessions as their owner sees them.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_db::accounts::Account;
use estrade_domain::Time;
use estrade_domain::limits::SESSION_DAYS;
use estrade_http::{Identity, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::SignedIn;

/// An account as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody {
    /// Opaque id.
    #[schema(example = "7k2m9x0q4v8n3c5t1w6z")]
    pub id: String,
    /// Handle, unique.
    #[schema(example = "ada")]
    pub handle: String,
    /// Display name.
    #[schema(example = "Ada L.")]
    pub name: String,
    /// E-mail address, if given; shown to its owner alone.
    #[schema(example = "ada@example.org")]
    pub email: Option<String>,
    /// Language tag, if given.
    #[schema(example = "en")]
    pub language: Option<String>,
    /// Whether feeds may learn from what this account watches.
    pub profiling: bool,
    /// `good`, `limited`, `suspended` or `banned`.
    #[schema(example = "good")]
    pub standing: &'static str,
    /// Roles held: `moderator`, `operator`.
    #[schema(max_items = 2)]
    pub roles: Vec<String>,
    /// When it was made.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Time,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.public_id.to_string(),
            handle: account.handle,
            name: account.name,
            email: account.email,
            language: account.language,
            profiling: account.profiling,
            standing: account.standing.as_str(),
            roles: account.roles,
            created_at: account.created_at,
        }
    }
}

/// A session that was opened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Whose it is.
    pub account: AccountBody,
    /// Send it as `Authorization: Bearer TOKEN`. Not there when a cookie was asked for.
    #[schema(example = "pX3nT0kX9q7s1yq0qJrGm6cT2b0Jf0y8m3a1uYwQh2E")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When the session ends.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub expires_at: Time,
}

/// 201 with the session: its token in the body or, for a browser, in a cookie no page can read.
pub(crate) fn session_response(identity: &Identity, signed_in: SignedIn, by_cookie: bool) -> Response {
    let mut headers = HeaderMap::new();
    let SignedIn { account, token, expires_at, is_guest_merged } = signed_in;
    if by_cookie {
        let cookie = identity.cookie(identity.session_cookie(), &token, SESSION_DAYS * 24 * 3600);
        headers.append(header::SET_COOKIE, cookie);
    }
    if is_guest_merged {
        headers.append(header::SET_COOKIE, identity.cookie(identity.guest_cookie(), "", 0));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let body = SessionBody { account: account.into(), token: (!by_cookie).then_some(token), expires_at };
    (StatusCode::CREATED, headers, Json(body)).into_response()
}

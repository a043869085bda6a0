use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_db::sessions;
use estrade_http::identity::{find_cookie, hash_token};
use estrade_http::{Account, Result};

use crate::ApiState;
use crate::wire::problems::Always;
use crate::wire::query::NoQuery;

/// Log out
///
/// Ends the session the request came with, and deletes the browser's cookie.
#[utoipa::path(delete, path = "/v1/sessions/current", tag = "accounts", security(("session" = [])),
    responses((status = 204, description = "Logged out"), Always))]
pub(crate) async fn delete_session(
    State(api): State<ApiState>,
    _: Account,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response> {
    let cookie_name = api.identity.session_cookie();
    let cookie = find_cookie(&headers, cookie_name);
    // The bearer token wins, as it did when the request was recognised.
    if let Some(token) = bearer(&headers).or(cookie) {
        sessions::delete_session(&mut *api.conn().await?, &hash_token(token)).await?;
    }
    let mut answer = HeaderMap::new();
    if cookie.is_some() {
        answer.insert(header::SET_COOKIE, api.identity.cookie(cookie_name, "", 0));
    }
    Ok((StatusCode::NO_CONTENT, answer).into_response())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (_, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(token.trim())
}

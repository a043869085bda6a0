use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_http::identity::find_cookie;
use estrade_http::rate::Network;
use estrade_http::{Account, Json, Result};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::app;
use crate::wire::problems::{Always, Limited, WithBody};
use crate::wire::query::NoQuery;

/// Who deletes an account has to know its password.
#[derive(Deserialize, ToSchema)]
#[schema(as = AccountDeletion)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteMeBody {
    /// Your password; a wrong one is 403 `wrong_password`.
    #[schema(max_length = 256, example = "correct horse battery")]
    password: String,
}

/// Delete your account
///
/// All sessions end and all clips are gone at once, their media soon after. The handle stays taken.
#[utoipa::path(delete, path = "/v1/me", tag = "accounts", security(("session" = [])), request_body = DeleteMeBody,
    responses((status = 204, description = "Deleted"), Always, WithBody, Limited))]
pub(crate) async fn delete_me(
    State(api): State<ApiState>,
    network: Network,
    Account(me): Account,
    _: NoQuery,
    headers: HeaderMap,
    Json(body): Json<DeleteMeBody>,
) -> Result<Response> {
    app::delete_account(&api, &me, body.password, network).await?;
    let mut answer = HeaderMap::new();
    let cookie_name = api.identity.session_cookie();
    if find_cookie(&headers, cookie_name).is_some() {
        answer.insert(header::SET_COOKIE, api.identity.cookie(cookie_name, "", 0));
    }
    Ok((StatusCode::NO_CONTENT, answer).into_response())
}

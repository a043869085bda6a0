use axum::extract::State;
use axum::response::Response;
use estrade_http::{Json, Result};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::access::SigningGuest;
use crate::app::{self, Credentials};
use crate::wire::account::{SessionBody, session_response};
use crate::wire::problems::{Always, Limited, WithBody};
use crate::wire::query::NoQuery;
use estrade_http::rate::Network;

/// What somebody logs in with.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewSession)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSessionBody {
    /// Handle; case does not matter.
    #[schema(max_length = 30, example = "ada")]
    handle: String,
    /// Password.
    #[schema(max_length = 256, example = "correct horse battery")]
    password: String,
    /// Set the browser cookie and keep the token out of the body.
    #[serde(default)]
    cookie: bool,
}

/// Log in
///
/// Sent by a guest (header `Estrade-Guest` or their cookie), the guest's history goes along.
/// 401 `invalid_credentials` does not say whether the handle exists.
#[utoipa::path(post, path = "/v1/sessions", tag = "accounts", request_body = CreateSessionBody,
    params(("Estrade-Guest" = Option<String>, Header, description = "A guest's token")),
    responses((status = 201, description = "Logged in", body = SessionBody), Always, WithBody, Limited))]
pub(crate) async fn create_session(
    State(api): State<ApiState>,
    network: Network,
    guest: SigningGuest,
    _: NoQuery,
    Json(body): Json<CreateSessionBody>,
) -> Result<Response> {
    let by_cookie = body.cookie;
    let credentials = Credentials { handle: body.handle, password: body.password, network, guest: guest.0 };
    let signed_in = app::open_session(&api, credentials).await?;
    Ok(session_response(&api.identity, signed_in, by_cookie))
}

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_http::{Json, Result};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::wire::problems::{Always, Limited};
use crate::wire::query::NoQuery;
use estrade_http::rate::Network;

/// A guest just made.
#[derive(Serialize, ToSchema)]
#[schema(as = Guest)]
pub(crate) struct GuestBody {
    /// Send it as `Estrade-Guest: TOKEN`.
    #[schema(example = "pX3nT0kX9q7s1yq0qJrGm6cT2b0Jf0y8m3a1uYwQh2E")]
    token: String,
}

/// Become a guest
///
/// Feeds do this by themselves for whoever comes without identity; an app may do it ahead.
#[utoipa::path(post, path = "/v1/guests", tag = "accounts",
    responses((status = 201, description = "A new guest", body = GuestBody), Always, Limited))]
pub(crate) async fn create_guest(State(api): State<ApiState>, network: Network, _: NoQuery) -> Result<Response> {
    let (_, token) = api.identity.create_guest(network).await?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(GuestBody { token: token.text }))
        .into_response())
}

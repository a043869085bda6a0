use axum::extract::State;
use axum::http::StatusCode;
use estrade_http::{Account, Path, Result};

use crate::ApiState;
use crate::app;
use crate::wire::problems::{Always, Missing};
use crate::wire::query::NoQuery;

/// No longer follow a creator
///
/// Doing it twice changes nothing; nobody follows themselves.
#[utoipa::path(delete, path = "/v1/creators/{handle}/follow", tag = "social", security(("session" = [])),
    params(("handle" = String, Path, description = "Handle")),
    responses((status = 204, description = "No longer followed"), Always, Missing))]
pub(crate) async fn unfollow_creator(
    State(api): State<ApiState>,
    Account(me): Account,
    Path(handle): Path<String>,
    _: NoQuery,
) -> Result<StatusCode> {
    app::set_follow(&api, &me, &handle, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

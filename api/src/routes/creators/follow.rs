use axum::extract::State;
use axum::http::StatusCode;
use estrade_http::{Account, Path, Result};

use crate::ApiState;
use crate::app;
use crate::wire::problems::{Always, Missing};
use crate::wire::query::NoQuery;

/// Follow a creator
///
/// Doing it twice changes nothing; nobody follows themselves.
#[utoipa::path(put, path = "/v1/creators/{handle}/follow", tag = "social", security(("session" = [])),
    params(("handle" = String, Path, description = "Handle")),
    responses((status = 204, description = "Followed"), Always, Missing))]
pub(crate) async fn follow_creator(
    State(api): State<ApiState>,
    Account(me): Account,
    Path(handle): Path<String>,
    _: NoQuery,
) -> Result<StatusCode> {
    app::set_follow(&api, &me, &handle, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

use axum::extract::State;
use axum::http::StatusCode;
use estrade_domain::PublicId;
use estrade_http::{Account, Path, Result, Viewer};

use crate::ApiState;
use crate::app;
use crate::wire::problems::{Always, Missing};
use crate::wire::query::NoQuery;

/// Like a clip
///
/// Doing it twice changes nothing.
#[utoipa::path(put, path = "/v1/clips/{id}/like", tag = "social", security(("session" = [])),
    params(("id" = String, Path, description = "Clip id")),
    responses((status = 204, description = "Liked"), Always, Missing))]
pub(crate) async fn like_clip(
    State(api): State<ApiState>,
    viewer: Viewer,
    Account(me): Account,
    Path(id): Path<PublicId>,
    _: NoQuery,
) -> Result<StatusCode> {
    app::set_like(&api, &me, &id, true, viewer.is_profiled).await?;
    Ok(StatusCode::NO_CONTENT)
}

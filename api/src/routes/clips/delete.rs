use axum::extract::State;
use axum::http::StatusCode;
use estrade_domain::PublicId;
use estrade_http::{Account, Path, Result};

use crate::ApiState;
use crate::app;
use crate::wire::problems::{Always, Missing};
use crate::wire::query::NoQuery;

/// Delete a clip
///
/// Its creator alone may. Nobody sees it from now on; its media goes soon after, caches included.
#[utoipa::path(delete, path = "/v1/clips/{id}", tag = "clips", security(("session" = [])),
    params(("id" = String, Path, description = "Clip id")),
    responses((status = 204, description = "Deleted"), Always, Missing))]
pub(crate) async fn delete_clip(
    State(api): State<ApiState>,
    Account(me): Account,
    Path(id): Path<PublicId>,
    _: NoQuery,
) -> Result<StatusCode> {
    app::delete_clip(&api, me.account_id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

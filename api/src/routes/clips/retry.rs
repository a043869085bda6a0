use axum::extract::State;
use axum::http::StatusCode;
use estrade_domain::PublicId;
use estrade_http::clip_body::ClipBody;
use estrade_http::{Account, Json, Path, Result};

use crate::ApiState;
use crate::app;
use crate::wire::clip::clip_body;
use crate::wire::problems::{Always, Conflicting, Missing};
use crate::wire::query::NoQuery;

/// Try a failed clip again
///
/// 409 `not_failed` or `not_retryable` unless it failed with `retryable`, 409 `retries_exhausted` after the third time.
#[utoipa::path(post, path = "/v1/clips/{id}/retry", tag = "clips", security(("session" = [])),
    params(("id" = String, Path, description = "Clip id")),
    responses((status = 202, description = "Processing again", body = ClipBody), Always, Missing, Conflicting))]
pub(crate) async fn retry_clip(
    State(api): State<ApiState>,
    Account(me): Account,
    Path(id): Path<PublicId>,
    _: NoQuery,
) -> Result<(StatusCode, Json<ClipBody>)> {
    let restarted = app::retry_clip(&api, &me, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(clip_body(&api, restarted.row, restarted.class))))
}

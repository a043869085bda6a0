use axum::extract::State;
use axum::http::StatusCode;
use estrade_domain::PublicId;
use estrade_http::{Account, Path, Result};

use crate::ApiState;
use crate::app;
use crate::wire::field;
use crate::wire::problems::{Always, Missing};
use crate::wire::query::NoQuery;

/// Delete captions
///
/// Its creator alone may. Their address answers 404 from now on.
#[utoipa::path(delete, path = "/v1/clips/{id}/captions/{language}", tag = "clips", security(("session" = [])),
    params(("id" = String, Path, description = "Clip id"),
        ("language" = String, Path, description = "Language tag", example = "en")),
    responses((status = 204, description = "Deleted"), Always, Missing))]
pub(crate) async fn delete_captions(
    State(api): State<ApiState>,
    Account(me): Account,
    Path((id, language)): Path<(PublicId, String)>,
    _: NoQuery,
) -> Result<StatusCode> {
    app::delete_captions(&api, me.account_id, &id, &field::parse("language", &language)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

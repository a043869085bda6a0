use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use estrade_domain::PublicId;
use estrade_http::clip_body::ClipBody;
use estrade_http::{Json, Path, Result, Viewer};

use crate::ApiState;
use crate::access::find_visible;
use crate::wire::clip::clip_body;
use crate::wire::problems::{Always, Missing};
use crate::wire::query::NoQuery;

/// A clip
///
/// For whoever may see it; its creator sees it always, with why it failed.
#[utoipa::path(get, path = "/v1/clips/{id}", tag = "clips", params(("id" = String, Path, description = "Clip id")),
    responses((status = 200, description = "The clip", body = ClipBody), Always, Missing))]
pub(crate) async fn get_clip(
    State(api): State<ApiState>,
    viewer: Viewer,
    Path(id): Path<PublicId>,
    _: NoQuery,
) -> Result<Response> {
    let found = find_visible(&mut *api.conn().await?, &id, viewer.account_id()).await?;
    let body = clip_body(&api, found.row, found.class);
    // It carries the asker's own marks, and tickets.
    Ok(([(header::CACHE_CONTROL, "private, no-store")], Json(body)).into_response())
}

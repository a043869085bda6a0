use axum::extract::State;
use estrade_db::clip_lists::list_own_clips;
use estrade_http::{Account, Json, Query, Result};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ApiState;
use crate::wire::clip::{ClipState, clip_page};
use crate::wire::page::{ClipPageBody, PageRequest};
use crate::wire::problems::Always;

/// Which of your clips.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListMyClipsQuery {
    /// Only clips in this state.
    #[param(inline)]
    state: Option<ClipState>,
    /// Where to go on, as the page before said.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// Clips of the page.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// Your clips
///
/// All of them, drafts, processing and failed ones too, newest first.
#[utoipa::path(get, path = "/v1/me/clips", tag = "clips", security(("session" = [])), params(ListMyClipsQuery),
    responses((status = 200, description = "A page of clips", body = ClipPageBody), Always))]
pub(crate) async fn list_my_clips(
    State(api): State<ApiState>,
    Account(me): Account,
    Query(query): Query<ListMyClipsQuery>,
) -> Result<Json<ClipPageBody>> {
    let state = query.state.map_or("", ClipState::as_str);
    let list = format!("my-clips:{}:{state}", me.account_id);
    let page = PageRequest::parse(&api.key, list, query.limit, query.cursor.as_deref())?;
    let mut conn = api.conn().await?;
    let processing = query.state.map(ClipState::processing);
    let places = list_own_clips(&mut conn, me.account_id, processing, page.after.as_ref(), page.rows()).await?;
    Ok(Json(clip_page(&api, &mut conn, &page, places, Some(me.account_id)).await?))
}

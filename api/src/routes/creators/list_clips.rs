use axum::extract::State;
use estrade_db::clip_lists::list_shown_clips;
use estrade_http::{Json, Path, Query, Result, Viewer};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ApiState;
use crate::access::find_open_creator;
use crate::wire::clip::clip_page;
use crate::wire::page::{ClipPageBody, PageRequest};
use crate::wire::problems::{Always, Missing};

/// Which clips.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListCreatorClipsQuery {
    /// Where to go on, as the page before said.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// Clips of the page.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// A creator's clips
///
/// What everyone may see, and what followers may when you are one; latest published first.
#[utoipa::path(get, path = "/v1/creators/{handle}/clips", tag = "creators",
    params(("handle" = String, Path, description = "Handle"), ListCreatorClipsQuery),
    responses((status = 200, description = "A page of clips", body = ClipPageBody), Always, Missing))]
pub(crate) async fn list_creator_clips(
    State(api): State<ApiState>,
    viewer: Viewer,
    Path(handle): Path<String>,
    Query(query): Query<ListCreatorClipsQuery>,
) -> Result<Json<ClipPageBody>> {
    let asker = viewer.account_id();
    let mut conn = api.conn().await?;
    let creator = find_open_creator(&mut conn, &handle, asker).await?;
    let page = PageRequest::parse(&api.key, format!("clips-of:{}", creator.id), query.limit, query.cursor.as_deref())?;
    let with_followers = creator.is_following || asker == Some(creator.id);
    let places = list_shown_clips(&mut conn, creator.id, with_followers, page.after.as_ref(), page.rows()).await?;
    Ok(Json(clip_page(&api, &mut conn, &page, places, asker).await?))
}

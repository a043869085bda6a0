use axum::extract::State;
use estrade_db::social::count_creator;
use estrade_http::{Json, Path, Result, Viewer};

use crate::ApiState;
use crate::access::find_open_creator;
use crate::wire::creator::ProfileBody;
use crate::wire::problems::{Always, Missing};
use crate::wire::query::NoQuery;

/// A creator
#[utoipa::path(get, path = "/v1/creators/{handle}", tag = "creators", params(("handle" = String, Path, description = "Handle")),
    responses((status = 200, description = "The creator", body = ProfileBody), Always, Missing))]
pub(crate) async fn get_creator(
    State(api): State<ApiState>,
    viewer: Viewer,
    Path(handle): Path<String>,
    _: NoQuery,
) -> Result<Json<ProfileBody>> {
    let mut conn = api.conn().await?;
    let creator = find_open_creator(&mut conn, &handle, viewer.account_id()).await?;
    let counts = count_creator(&mut conn, creator.id).await?;
    Ok(Json(ProfileBody::new(creator, counts)))
}

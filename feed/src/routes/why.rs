use axum::extract::State;
use estrade_db::DbError;
use estrade_db::feed_servings::{Serving, find_serving};
use estrade_domain::ServedId;
use estrade_http::problem::ProblemBody;
use estrade_http::{Json, Path, Problem, Result, Viewer};
use uuid::Uuid;

use crate::Feed;
use crate::pipeline::SourceKind;
use crate::reason::Reason;
use crate::wire::{WhyBody, WhyTerm};

/// Why a clip was served
///
/// What was kept when it was served; only for the viewer it was served to.
#[utoipa::path(get, path = "/v1/feeds/why/{served_id}", tag = "feeds", params(
    ("served_id" = String, Path, description = "A serving, from a page", example = "01936f2e-7d4b-7c3a-9f10-2b6c8d0e4a57"),
    ("Estrade-Guest" = Option<String>, Header, description = "A guest's token"),
), responses(
    (status = 200, description = "Where the clip came from and what moved its score", body = WhyBody),
    (status = 401, description = "`invalid_token`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "No such serving to this viewer", body = ProblemBody, content_type = "application/problem+json"),
    (status = 500, description = "Our fault", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "Overloaded or the database is away: try again after `Retry-After`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn get_why(
    State(feed): State<Feed>,
    viewer: Viewer,
    Path(served_id): Path<Uuid>,
) -> Result<Json<WhyBody>> {
    let missing = || Problem::not_found("you were not served this");
    let viewer_id = viewer.viewer_id().ok_or_else(missing)?;
    let mut conn = feed.conn().await?;
    let serving = find_serving(&mut conn, ServedId(served_id), viewer_id).await?.ok_or_else(missing)?;
    Ok(Json(body(serving)?))
}

fn body(serving: Serving) -> Result<WhyBody> {
    let corrupt = |column| Problem::from(DbError::corrupt("servings", column, serving.id));
    let reason = Reason::from_code(&serving.reason).ok_or_else(|| corrupt("reason"))?;
    let terms: Vec<WhyTerm> = serde_json::from_value(serving.terms.clone()).map_err(|_| corrupt("terms"))?;
    Ok(WhyBody {
        served_id: serving.id.to_string(),
        clip_id: serving.clip_public_id.to_string(),
        feed: serving.feed,
        position: serving.position,
        reason: reason.into(),
        explored: serving.source == SourceKind::Trial.as_str(),
        source: serving.source,
        terms,
        propensity: serving.propensity,
        profiled: serving.is_profiled,
        parameters_version: serving.parameters,
        served_at: serving.served_at,
    })
}

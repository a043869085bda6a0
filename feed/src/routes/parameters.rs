use estrade_http::Json;

use crate::wire::ParametersBody;

/// The numbers the feeds rank by
///
/// Weights, half-lives, places for clips on trial; every serving names their version.
#[utoipa::path(get, path = "/v1/feeds/parameters", tag = "feeds", responses(
    (status = 200, description = "The parameters in force", body = ParametersBody),
    (status = 503, description = "Overloaded: try again after `Retry-After`", body = estrade_http::problem::ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn get_parameters() -> Json<ParametersBody> {
    Json(ParametersBody::in_force())
}

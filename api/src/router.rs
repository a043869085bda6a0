//! The whole URL space of the service on one page.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::routes::media;

/// Every route of the service, with its documentation.
pub fn router(state: ApiState) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(media::get::get_file))
        .routes(routes!(media::get::get_rendition_file))
        .routes(routes!(media::get::get_file_by_ticket))
        .routes(routes!(media::get::get_rendition_file_by_ticket))
        .with_state(state)
}

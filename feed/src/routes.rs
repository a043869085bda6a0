//! The URL space below `/v1/feeds/`.

mod following;
mod for_you;
mod parameters;
mod request;
mod trending;
mod why;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Feed;

/// Every route of the feed, with its documentation.
pub(crate) fn router() -> OpenApiRouter<Feed> {
    OpenApiRouter::new()
        .routes(routes!(for_you::get_for_you))
        .routes(routes!(following::get_following))
        .routes(routes!(trending::get_trending))
        .routes(routes!(why::get_why))
        .routes(routes!(parameters::get_parameters))
}

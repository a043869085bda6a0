//! tus 1.0.0 at `/v1/uploads`: core, creation, creation-with-upload, creation-defer-length,
//! checksum, expiration, termination.

mod answer;
mod append;
mod create;
mod describe;
mod find;
mod headers;
mod overridden;
mod protocol;
mod terminate;

use axum::middleware;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;

/// The routes of uploads. A body may take hours: they stand outside the deadline of other requests.
pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create::create_upload, describe::describe_uploads))
        .routes(routes!(
            append::append_to_upload,
            find::find_offset,
            find::get_upload,
            terminate::terminate_upload,
            overridden::override_method,
            describe::describe_upload
        ))
        .route_layer(middleware::from_fn(protocol::speak_tus))
}

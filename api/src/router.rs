//! The whole URL space of the service on one page.

use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;

/// Every route of the service, with its documentation.
pub fn router(state: ApiState) -> OpenApiRouter {
    OpenApiRouter::new().with_state(state)
}

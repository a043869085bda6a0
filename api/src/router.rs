//! The whole URL space of the service on one page.

use axum::middleware::{from_fn, from_fn_with_state};
use estrade_http::limit::{ClassLimit, hold_place};
use estrade_http::problem::ProblemBody;
use estrade_http::request::deadline;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::routes::{accounts, clips, creators, events, guests, me, media, sessions, uploads};
use crate::{ApiState, Limits};

/// Every route of the service, with its documentation. Each class of requests has its limit and, but
/// for media and streams, its deadline.
pub fn router(state: ApiState, limits: &Limits) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Shared::openapi())
        .merge(bounded(sign_in(), &limits.sign_in))
        .merge(bounded(reads(), &limits.reads))
        .merge(bounded(writes(), &limits.writes))
        .merge(bounded(watching(), &limits.events))
        .merge(streams())
        .merge(playback())
        .merge(uploads::router())
        .with_state(state)
}

/// The documentation of every route, without serving any.
pub fn document() -> Document {
    let routers = [sign_in(), reads(), writes(), watching(), streams(), playback(), uploads::router()];
    routers.into_iter().fold(OpenApiRouter::with_openapi(Shared::openapi()), OpenApiRouter::merge).into_openapi()
}

fn sign_in() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(accounts::create::create_account))
        .routes(routes!(sessions::create::create_session))
        .routes(routes!(guests::create::create_guest))
        .routes(routes!(me::delete::delete_me))
}

fn reads() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(me::get::get_me))
        .routes(routes!(me::list_clips::list_my_clips))
        .routes(routes!(clips::get::get_clip))
        .routes(routes!(creators::get::get_creator))
        .routes(routes!(creators::list_clips::list_creator_clips))
}

fn writes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(sessions::delete::delete_session))
        .routes(routes!(me::update::update_me))
        .routes(routes!(clips::update::update_clip, clips::delete::delete_clip))
        .routes(routes!(clips::like::like_clip, clips::unlike::unlike_clip))
        .routes(routes!(clips::put_captions::put_captions, clips::delete_captions::delete_captions))
        .routes(routes!(clips::retry::retry_clip))
        .routes(routes!(clips::report::report_clip))
        .routes(routes!(clips::poster::choose_poster, clips::poster::reset_poster))
        .routes(routes!(creators::follow::follow_creator, creators::unfollow::unfollow_creator))
}

fn watching() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(events::record::record_events))
}

/// They last; their number is bounded by [`crate::ClipStreams`].
fn streams() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(clips::stream::stream_clip))
}

fn playback() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(media::get::get_file))
        .routes(routes!(media::get::get_rendition_file))
        .routes(routes!(media::get::get_file_by_ticket))
        .routes(routes!(media::get::get_rendition_file_by_ticket))
}

fn bounded(routes: OpenApiRouter<ApiState>, limit: &ClassLimit) -> OpenApiRouter<ApiState> {
    routes.layer(from_fn_with_state(limit.clone(), hold_place)).layer(from_fn(deadline))
}

/// What all routes' documentation refers to.
#[derive(OpenApi)]
#[openapi(components(schemas(ProblemBody)), modifiers(&Security))]
struct Shared;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let session =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A session's token, or its cookie"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::Http(session.build()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    fn document() -> serde_json::Value {
        serde_json::to_value(super::document()).expect("json")
    }

    #[test]
    fn every_operation_of_the_contract_is_routed_and_documented() {
        let document = document();
        let mut operations = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            operations.extend(item.as_object().expect("item").keys().map(|method| format!("{method} {path}")));
        }
        for operation in [
            "post /v1/accounts",
            "post /v1/sessions",
            "delete /v1/sessions/current",
            "post /v1/guests",
            "get /v1/me",
            "patch /v1/me",
            "delete /v1/me",
            "get /v1/me/clips",
            "get /v1/clips/{id}",
            "patch /v1/clips/{id}",
            "delete /v1/clips/{id}",
            "get /v1/clips/{id}/events",
            "put /v1/clips/{id}/like",
            "delete /v1/clips/{id}/like",
            "put /v1/clips/{id}/captions/{language}",
            "delete /v1/clips/{id}/captions/{language}",
            "post /v1/clips/{id}/retry",
            "post /v1/clips/{id}/reports",
            "put /v1/clips/{id}/poster",
            "delete /v1/clips/{id}/poster",
            "get /v1/creators/{handle}",
            "get /v1/creators/{handle}/clips",
            "put /v1/creators/{handle}/follow",
            "delete /v1/creators/{handle}/follow",
            "post /v1/events",
            "post /v1/uploads",
            "get /v1/uploads/{id}",
            "patch /v1/uploads/{id}",
            "delete /v1/uploads/{id}",
        ] {
            assert!(operations.contains(operation), "{operation} is missing");
        }
    }

    #[test]
    fn everything_the_documentation_refers_to_is_in_it() {
        let document = document();
        let text = document.to_string();
        let references = text.split("\"#/components/").skip(1).filter_map(|rest| rest.split('"').next());
        let missing: BTreeSet<_> =
            references.filter(|at| document.pointer(&format!("/components/{at}")).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

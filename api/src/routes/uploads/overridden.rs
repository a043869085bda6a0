use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use estrade_http::problem::ProblemBody;
use estrade_http::{Account, Path, Problem, Result};

use super::headers::{METHOD_OVERRIDE, single};
use super::{append, find, terminate};
use crate::ApiState;

/// For clients whose network knows only GET and POST: the method stands in `X-HTTP-Method-Override`
#[utoipa::path(post, path = "/v1/uploads/{id}", tag = "uploads", security(("session" = [])),
    params(
        ("id" = String, Path, description = "Upload id"),
        ("X-HTTP-Method-Override" = String, Header, description = "`PATCH`, `HEAD` or `DELETE`"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream", description = "As of the method"),
    responses(
        (status = 200, description = "As of HEAD"),
        (status = 204, description = "As of PATCH or DELETE"),
        (status = "4XX", description = "As of the method", body = ProblemBody),
        (status = "5XX", description = "As of the method", body = ProblemBody),
    ))]
pub(super) async fn override_method(
    State(api): State<ApiState>,
    Account(holder): Account,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let caller = holder.account_id;
    match single(&headers, &METHOD_OVERRIDE)? {
        Some("PATCH") => Ok(append::append(&api, &id, caller, &headers, body).await?.into_response()),
        Some("HEAD") => Ok(find::head(&api, &id, caller).await?.into_response()),
        Some("DELETE") => Ok(terminate::terminate(&api, &id, caller).await?.into_response()),
        _ => Err(not_a_method()),
    }
}

fn not_a_method() -> Problem {
    let detail = "POST on an upload needs X-HTTP-Method-Override: PATCH, HEAD or DELETE";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).with_field(
        "X-HTTP-Method-Override",
        "unknown_value",
        detail,
    )
}

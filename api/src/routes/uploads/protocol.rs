use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use estrade_http::Problem;

use super::headers::{METHOD_OVERRIDE, TUS_RESUMABLE, TUS_VERSION};

/// The one version spoken.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
/// What pages of other origins may do. They sign in with a token: cookies are never let through.
const METHODS: HeaderValue = HeaderValue::from_static("POST, GET, HEAD, PATCH, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Tus-Resumable, Upload-Checksum, Upload-Defer-Length, Upload-Length, \
     Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Requested-With",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Location, Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Expires, Tus-Resumable, \
     Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Retry-After, Estrade-Clip, Estrade-Request-Id",
);
/// Browsers may remember the preflight for a day.
const PREFLIGHT_SECS: HeaderValue = HeaderValue::from_static("86400");

/// Middleware: the protocol's version on every request and answer, and what other origins may see.
pub(super) async fn speak_tus(request: Request, next: Next) -> Response {
    let is_foreign = request.headers().contains_key(header::ORIGIN);
    let is_spoken = !needs_version(&request) || speaks_version(request.headers());
    let mut response = if is_spoken { next.run(request).await } else { other_version().into_response() };
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, VERSION);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if is_foreign {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }
    response
}

/// What a browser asks before a request from another origin.
pub(super) fn allow_preflight(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECS);
}

/// OPTIONS asks for the version, and GET is no part of the protocol.
fn needs_version(request: &Request) -> bool {
    let is_overridden = request.method() == Method::POST && request.headers().contains_key(METHOD_OVERRIDE);
    is_overridden || !matches!(*request.method(), Method::OPTIONS | Method::GET)
}

fn speaks_version(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(TUS_RESUMABLE).iter();
    values.next() == Some(&VERSION) && values.next().is_none()
}

fn other_version() -> Problem {
    let detail = "send Tus-Resumable: 1.0.0";
    Problem::new(StatusCode::PRECONDITION_FAILED, "unsupported_version", detail)
        .with_field("Tus-Resumable", "unsupported", detail)
        .with_header(TUS_VERSION, VERSION)
}

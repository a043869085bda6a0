//! One id, one log line and one deadline a request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use estrade_domain::{Clock, Entropy};

use crate::Problem;
use crate::metrics::RequestMetrics;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The header that carries the request's id back.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("estrade-request-id");
/// An ordinary request is answered within this time, or given up with 503.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(15);

/// The address a request came from: the peer, or what a trusted proxy said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// The id of the request being answered; empty outside of one.
pub fn current_request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// What [`observe`] needs.
#[derive(Clone)]
pub struct Observer {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Entropy,
    /// Where requests are counted.
    pub metrics: RequestMetrics,
}

/// Middleware: gives the request an id, requires a Host, counts it and writes its log line.
pub async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let id = observer.entropy.uuid(observer.clock.now()).simple().to_string();
    let method = request.method().clone();
    // The pattern, not the address: addresses carry tickets.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let started = Instant::now();
    let answer = REQUEST_ID
        .scope(id.clone(), async move { if has_host(&request) { next.run(request).await } else { host_missing() } });
    let mut response = answer.await;
    let elapsed = started.elapsed();
    observer.metrics.record(method.as_str(), &route, response.status(), elapsed);
    tracing::info!(
        request.id = %id,
        http.method = %method,
        http.route = %route,
        http.status = response.status().as_u16(),
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    response
}

fn has_host(request: &Request) -> bool {
    request.headers().get_all(header::HOST).iter().count() == 1
}

fn host_missing() -> Response {
    Problem::bad_request("host_missing", "the request has no single Host header").into_response()
}

/// Middleware: ends a request that takes longer than [`REQUEST_DEADLINE`]. Not for uploads and streams.
pub async fn deadline(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::unavailable("deadline_exceeded", "the request took too long and was given up").into_response()
        }
    }
}

/// Fallback handler: nothing is at this address.
pub fn no_such_route() -> std::future::Ready<Problem> {
    std::future::ready(Problem::not_found("there is nothing at this address"))
}

/// Fallback handler: the address exists, the method does not.
pub fn no_such_method() -> std::future::Ready<Problem> {
    let detail = "this address does not take that method";
    std::future::ready(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail))
}

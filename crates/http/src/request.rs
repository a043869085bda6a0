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

/// Request line and headers of a request in all, bytes.
pub(crate) const HEADERS_MAX_BYTES: usize = 32 << 10;

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
    let answer = REQUEST_ID.scope(id.clone(), async move {
        match find_fault(&request) {
            None => next.run(request).await,
            Some(problem) => problem.into_response(),
        }
    });
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

/// What is wrong with a request whatever it asks for.
fn find_fault(request: &Request) -> Option<Problem> {
    if request.headers().get_all(header::HOST).iter().count() != 1 {
        return Some(Problem::bad_request("host_missing", "the request has no single Host header"));
    }
    // The connection's buffer bounds what is read; this bounds it exactly.
    let line = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    if line + fields.sum::<usize>() <= HEADERS_MAX_BYTES {
        return None;
    }
    let detail = format!("the request line and headers have at most {HEADERS_MAX_BYTES} bytes");
    Some(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail))
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

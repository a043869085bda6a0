//! One small static concurrency limit per class of requests, with a short deadline for a place.
//! Without a bound, twice the capacity leaves a sixth of the answers in time and never recovers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use estrade_domain::limits::JSON_BODY_MAX_BYTES;
use prometheus::IntCounter;
use tokio::sync::Semaphore;

use crate::Problem;
use crate::extract::{is_json, read_body};
use crate::metrics::RequestMetrics;

/// How long a request waits for a place before it is turned away.
const PLACE_DEADLINE: Duration = Duration::from_millis(200);
/// A JSON body is here within this time.
const BODY_DEADLINE: Duration = Duration::from_secs(5);

/// The places of one class of requests.
#[derive(Debug, Clone)]
pub struct ClassLimit {
    places: Arc<Semaphore>,
    shed: IntCounter,
}

impl ClassLimit {
    /// `places` requests of `class` at a time.
    pub fn new(class: &'static str, places: usize, metrics: &RequestMetrics) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), shed: metrics.shed.with_label_values(&[class]) }
    }
}

/// Middleware: holds a place of the class while the request is answered, or answers 503.
pub async fn hold_place(State(limit): State<ClassLimit>, request: Request, next: Next) -> Response {
    // A place is for work, not for waiting on a client that dribbles its body.
    let request = match receive_json(request).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    if let Ok(Ok(_place)) = tokio::time::timeout(PLACE_DEADLINE, limit.places.acquire()).await {
        return next.run(request).await;
    }
    limit.shed.inc();
    Problem::unavailable("overloaded", "too many requests at the moment; try again shortly").into_response()
}

/// The request with its JSON body in memory; other bodies stream.
async fn receive_json(request: Request) -> Result<Request, Problem> {
    if !is_json(request.headers()) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_DEADLINE, read_body(&parts.headers, body, JSON_BODY_MAX_BYTES, "a JSON body"));
    let bytes = read.await.map_err(|_| {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not come within five seconds")
    })??;
    Ok(Request::from_parts(parts, bytes.into()))
}

//! Errors as people and programs read them: RFC 9457 `application/problem+json` with a stable code.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_db::DbError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::request::current_request_id;

/// What a handler answers.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// Seconds after which a client that was turned away may try again.
const RETRY_AFTER_SECS: u32 = 2;

/// One field that was refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// Where it stands, such as `caption` or `events[3].type`.
    #[schema(example = "handle")]
    pub field: String,
    /// Stable code in snake case.
    #[schema(example = "wrong_length")]
    pub code: String,
    /// A sentence.
    #[schema(example = "a handle has 3 to 30 characters")]
    pub detail: String,
    /// Number of the line, from one, where a text of lines was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// The body of every error answer (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`; programs switch on `code`.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: &'static str,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// Stable code in snake case.
    #[schema(example = "invalid_field")]
    pub code: String,
    /// A sentence for people.
    #[schema(example = "a handle has 3 to 30 characters")]
    pub detail: String,
    /// The request's id, also in the log.
    pub request_id: String,
    /// The fields that were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// An error answer in the making.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    code: String,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// An error with its status, stable code and sentence.
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// 400: the request is malformed.
    pub fn bad_request(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: nobody is signed in, or the token is not valid.
    pub fn unauthorized(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403: the caller may know it exists, but may not do this.
    pub fn forbidden(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: it does not exist, or the caller may not know that it does.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 409: the present state does not allow it.
    pub fn conflict(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422 with one field that was refused.
    pub fn invalid_field(field: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail.clone()).with_field(field, code, detail)
    }

    /// 429: too often; `after_secs` says when the next try may succeed.
    pub fn too_many(code: impl Into<String>, detail: impl Into<String>, after_secs: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from(after_secs))
    }

    /// 503 with `Retry-After`: overloaded, or something this request needs is away.
    pub fn unavailable(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECS))
    }

    /// 500: the cause goes to the log, once, here; the answer says nothing of it.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %chain(cause), "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side")
    }

    /// Adds a refused field.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let (field, code, detail) = (field.into(), code.into(), detail.into());
        self.0.errors.push(FieldError { field, code, detail, line: None });
        self
    }

    /// Adds a refused line of the body.
    #[must_use]
    pub fn with_line(mut self, line: usize, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let (code, detail) = (code.into(), detail.into());
        self.0.errors.push(FieldError { field: "body".to_owned(), code, detail, line: Some(line) });
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }
}

/// An error and its causes in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        line.push_str(": ");
        line.push_str(&next.to_string());
        cause = next.source();
    }
    line
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        if error.is_unavailable() {
            tracing::warn!(error = %chain(&error), "database unavailable");
            return Self::unavailable("database_unavailable", "the database is not available at the moment");
        }
        if error.is_conflict() {
            return Self::unavailable("conflict_retry", "two changes got in each other's way; try again");
        }
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Inner { status, code, detail, errors, headers } = *self.0;
        let body = ProblemBody {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail,
            request_id: current_request_id(),
            errors,
        };
        // Strings and numbers always serialise.
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, json).into_response();
        let fixed = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        for (name, value) in fixed.into_iter().chain(headers) {
            // Extending would add a second value beside axum's own.
            response.headers_mut().insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_names_code_field_and_retry() {
        let response = Problem::unavailable("busy", "try later").with_field("a", "b", "c").into_response();
        assert_eq!(response.status(), 503);
        let kinds: Vec<_> = response.headers().get_all(header::CONTENT_TYPE).iter().collect();
        assert_eq!(kinds, ["application/problem+json"]);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.expect("body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("json");
        assert_eq!(body["code"], "busy");
        assert_eq!(body["errors"][0]["field"], "a");
    }
}

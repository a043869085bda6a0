//! Queries of routes that take none.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use estrade_http::{Problem, Result};

/// Refuses every query parameter: what is not understood is not ignored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        match url::form_urlencoded::parse(query.as_bytes()).next() {
            None => Ok(Self),
            Some((name, _)) => {
                let name: String = name.chars().take(100).collect();
                Err(Problem::invalid_field(name, "unknown_field", "this address takes no query parameters"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn ask(address: &str) -> Result<NoQuery> {
        let (mut parts, ()) = Request::get(address).body(()).expect("request").into_parts();
        NoQuery::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn a_query_is_refused() {
        assert!(ask("/v1/me").await.is_ok());
        assert!(ask("/v1/me?").await.is_ok());
        assert_eq!(ask("/v1/me?a=1").await.expect_err("query").status(), 422);
    }
}

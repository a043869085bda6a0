//! Extractors that answer problems: JSON bodies, queries and paths, each naming the field at fault.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_domain::limits::JSON_BODY_MAX_BYTES;
use futures::StreamExt;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::Problem;

/// A body that is too large is read and thrown away if it is not larger than this: twice the largest we take.
const DISCARDED_MAX_BYTES: u64 = 16 << 20;

/// A JSON body, in and out. In: `application/json`, at most 64 KiB, every field known.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let bytes = read_body(&parts.headers, body, JSON_BODY_MAX_BYTES, "a JSON body").await?;
        parse_json(&bytes).map(Self)
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    if is_json(headers) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "send the body as application/json"))
}

/// Whether the body says that it is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// A whole body of at most `bytes_max`; `what` it is called when there is more.
pub async fn read_body(headers: &HeaderMap, body: Body, bytes_max: usize, what: &str) -> Result<bytes::Bytes, Problem> {
    let too_large = || {
        let detail = format!("{what} has at most {bytes_max} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = declared.filter(|length| *length > bytes_max as u64) {
        if length <= DISCARDED_MAX_BYTES {
            discard(body).await;
        }
        return Err(too_large());
    }
    to_bytes(body, bytes_max).await.map_err(|error| {
        let is_too_large = std::error::Error::source(&error)
            .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if is_too_large { too_large() } else { Problem::bad_request("body_incomplete", "the body ended early") }
    })
}

/// Clients write before they read: closing at once would cut them off from the refusal.
async fn discard(body: Body) {
    let mut body = body.into_data_stream();
    while let Some(Ok(_)) = body.next().await {}
}

/// Parses a JSON object; a syntax error is 400 `invalid_json`, a value that does not fit 422 `invalid_field`.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // The whole text comes first, so that a fault of syntax is never told as one of a field.
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map_err(|error| Problem::bad_request("invalid_json", format!("the body is not valid JSON: {error}")))?;
    // serde would take the values of an array for the fields in their order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::invalid_field("", "invalid", "the body is not a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let field = unknown_field(&message).unwrap_or(path);
        Problem::invalid_field(field, data_code(&message), strip_place(&message))
    })
}

/// serde names the unknown or missing field in its message only.
fn unknown_field(message: &str) -> Option<String> {
    let rest = ["unknown field `", "missing field `"].iter().find_map(|start| message.strip_prefix(start))?;
    Some(rest.split('`').next()?.to_owned())
}

fn data_code(message: &str) -> &'static str {
    if message.starts_with("unknown field") {
        "unknown_field"
    } else if message.starts_with("missing field") {
        "missing"
    } else {
        "invalid"
    }
}

fn strip_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text).to_owned()
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}

/// A query string; every parameter known and valid, else 422 naming it.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let deserializer = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(deserializer).map(Self).map_err(|error| {
            let path = error.path().to_string();
            let message = error.into_inner().to_string();
            Problem::invalid_field(unknown_field(&message).unwrap_or(path), data_code(&message), message)
        })
    }
}

/// Path parameters; one that cannot be an id names nothing, so it is 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| Problem::not_found("there is nothing at this address"))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only parsed")]
        items: Vec<u8>,
    }

    fn field(json: &str) -> (u16, String) {
        let response = parse_json::<Body>(json.as_bytes()).expect_err(json);
        let errors = format!("{response:?}");
        let field = errors.split("field: \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        (response.status().as_u16(), field.to_owned())
    }

    #[test]
    fn json_errors_name_the_field() {
        assert_eq!(field(r#"{"items":[1,300]}"#), (422, "items[1]".into()));
        assert_eq!(field(r#"{"items":[],"x":1}"#), (422, "x".into()));
        assert_eq!(field("{}"), (422, "items".into()));
        assert_eq!(field("{").0, 400);
        assert_eq!(field(r#"{"items":[]} tail"#).0, 400);
        assert_eq!(field("[1,").0, 400, "syntax comes before fields");
        assert_eq!(field("[[1]]").0, 422, "an array is no object, whatever is in it");
        assert_eq!(field(&"[".repeat(60_000)).0, 400);
        assert_eq!(field(&format!(r#"{{"items":{}"#, "[".repeat(60_000))).0, 400);
    }
}

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::headers::{TUS_CHECKSUM_ALGORITHM, TUS_EXTENSION, TUS_MAX_SIZE, TUS_VERSION};
use super::protocol::{VERSION, allow_preflight};
use crate::ApiState;
use crate::uploads::ALGORITHMS;

const EXTENSIONS: HeaderValue =
    HeaderValue::from_static("creation,creation-with-upload,creation-defer-length,expiration,checksum,termination");

/// What the upload protocol can do here; also answers preflight requests of browsers
#[utoipa::path(options, path = "/v1/uploads", tag = "uploads",
    responses((status = 204, description = "Versions, extensions and limits", headers(
        ("Tus-Version" = String, description = "`1.0.0`"),
        ("Tus-Extension" = String, description = "Extensions, comma separated"),
        ("Tus-Max-Size" = u64, description = "Largest upload, bytes"),
        ("Tus-Checksum-Algorithm" = String, description = "Algorithms of `Upload-Checksum`, comma separated"),
    ))))]
pub(super) async fn describe_uploads(State(api): State<ApiState>) -> (StatusCode, HeaderMap) {
    let mut headers = HeaderMap::from_iter([
        (TUS_VERSION, VERSION),
        (TUS_EXTENSION, EXTENSIONS),
        (TUS_MAX_SIZE, HeaderValue::from(api.uploads.max_bytes())),
        (TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(ALGORITHMS)),
    ]);
    allow_preflight(&mut headers);
    (StatusCode::NO_CONTENT, headers)
}

/// The same as on `/v1/uploads`, for any upload
#[utoipa::path(options, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path, description = "Upload id")),
    responses((status = 204, description = "Versions, extensions and limits", headers(
        ("Tus-Version" = String, description = "`1.0.0`"),
        ("Tus-Extension" = String, description = "Extensions, comma separated"),
        ("Tus-Max-Size" = u64, description = "Largest upload, bytes"),
        ("Tus-Checksum-Algorithm" = String, description = "Algorithms of `Upload-Checksum`, comma separated"),
    ))))]
pub(super) async fn describe_upload(state: State<ApiState>) -> (StatusCode, HeaderMap) {
    describe_uploads(state).await
}

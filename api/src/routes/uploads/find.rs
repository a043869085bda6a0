use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use estrade_db::uploads::{Rejection, Upload};
use estrade_domain::{AccountId, PublicId, Time};
use estrade_http::problem::ProblemBody;
use estrade_http::{Account, Json, Path, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::headers::{UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET};
use crate::ApiState;

/// An upload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
pub(super) struct UploadBody {
    #[schema(value_type = String)]
    id: PublicId,
    /// `receiving`, `stored`, `rejected` or `expired`.
    state: &'static str,
    /// Bytes that are durable.
    offset: u64,
    /// Size of the source, bytes; null until it is declared.
    #[schema(required)]
    length: Option<u64>,
    /// Digest of the whole source, once it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// When it expires unless more bytes come.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
    /// The clip it becomes.
    #[schema(value_type = String)]
    clip_id: PublicId,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<RejectionBody>,
}

/// Why an upload was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rejection)]
pub(super) struct RejectionBody {
    /// Stable code in snake case.
    code: String,
    /// A sentence for its creator.
    message: String,
}

impl UploadBody {
    fn new(upload: Upload, now: Time) -> Self {
        Self {
            state: answer::present_state(&upload, now).as_str(),
            id: upload.public_id,
            offset: upload.offset,
            length: upload.length,
            sha256: upload.sha256.map(hex::encode),
            expires_at: upload.expires_at,
            clip_id: upload.clip_public_id,
            rejection: upload.rejection.map(|Rejection { code, message }| RejectionBody { code, message }),
        }
    }
}

/// State of an upload, for its creator
#[utoipa::path(get, path = "/v1/uploads/{id}", tag = "uploads", security(("session" = [])),
    params(("id" = String, Path, description = "Upload id")),
    responses(
        (status = 200, description = "The upload", body = UploadBody),
        (status = 401, description = "Nobody is signed in", body = ProblemBody),
        (status = 404, description = "No such upload of yours", body = ProblemBody),
        (status = 503, description = "Try again", body = ProblemBody),
    ))]
pub(super) async fn get_upload(
    State(api): State<ApiState>,
    Account(holder): Account,
    Path(id): Path<String>,
) -> Result<Json<UploadBody>> {
    let upload = answer::find(&api, &id, holder.account_id).await?;
    Ok(Json(UploadBody::new(upload, api.now())))
}

/// Where an upload stands, to resume it
///
/// Cuts a request that still writes the upload, so that the offset stands still.
#[utoipa::path(head, path = "/v1/uploads/{id}", tag = "uploads", security(("session" = [])),
    params(
        ("id" = String, Path, description = "Upload id"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses(
        (status = 200, description = "The upload can be resumed", headers(
            ("Upload-Offset" = u64, description = "Bytes durable now"),
            ("Upload-Length" = u64, description = "Size of the source, once declared, bytes"),
            ("Upload-Defer-Length" = String, description = "`1` until the size is declared"),
            ("Upload-Metadata" = String, description = "As sent at creation"),
            ("Upload-Expires" = String, description = "When it expires unless more bytes come"),
            ("Estrade-Clip" = String, description = "Id of the clip"),
        )),
        (status = 401, description = "Nobody is signed in"),
        (status = 404, description = "No such upload of yours"),
        (status = 410, description = "Expired"),
        (status = 412, description = "Another protocol version"),
        (status = 415, description = "Refused: not a video"),
        (status = 423, description = "An older request does not leave; try again"),
        (status = 503, description = "Try again"),
    ))]
pub(super) async fn find_offset(
    State(api): State<ApiState>,
    Account(holder): Account,
    Path(id): Path<String>,
) -> Result<(StatusCode, HeaderMap)> {
    head(&api, &id, holder.account_id).await
}

pub(super) async fn head(api: &ApiState, id: &str, caller: AccountId) -> Result<(StatusCode, HeaderMap)> {
    let mut upload = answer::find(api, id, caller).await?;
    if api.uploads.settle(&upload).await? {
        upload = answer::find(api, id, caller).await?;
    }
    answer::require_resumable(&upload, api.now())?;
    let mut headers = HeaderMap::from_iter([(UPLOAD_OFFSET, HeaderValue::from(upload.offset))]);
    match upload.length {
        Some(length) => headers.insert(UPLOAD_LENGTH, HeaderValue::from(length)),
        None => headers.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    if let Ok(metadata) = HeaderValue::from_str(&upload.metadata)
        && !metadata.is_empty()
    {
        headers.insert(UPLOAD_METADATA, metadata);
    }
    answer::put_expiry(&mut headers, &upload, upload.offset, upload.expires_at);
    answer::put_clip(&mut headers, &upload);
    Ok((StatusCode::OK, headers))
}

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use estrade_domain::AccountId;
use estrade_http::problem::ProblemBody;
use estrade_http::{Account, Path, Result};

use super::answer;
use super::headers::{self, TUS_MAX_SIZE, UPLOAD_LENGTH, UPLOAD_OFFSET};
use crate::ApiState;
use crate::uploads::{AppendRequest, Appended};

/// Appends bytes to an upload at exactly its offset
///
/// Takes the upload over from an older request. Whatever ends the body, `Upload-Offset` says what is durable.
#[utoipa::path(patch, path = "/v1/uploads/{id}", tag = "uploads", security(("session" = [])),
    params(
        ("id" = String, Path, description = "Upload id"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "Where the body begins: the upload's offset, bytes"),
        ("Upload-Length" = Option<u64>, Header, description = "Size of the source, when it was not declared before, bytes"),
        ("Upload-Checksum" = Option<String>, Header, description = "Algorithm and base64 digest of the body: it counts whole or not at all"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream", description = "The next bytes"),
    responses(
        (status = 204, description = "The bytes are durable", headers(
            ("Upload-Offset" = u64, description = "Bytes durable now"),
            ("Upload-Expires" = String, description = "When it expires unless more bytes come"),
            ("Estrade-Clip" = String, description = "Id of the clip"),
        )),
        (status = 400, description = "A header is malformed, or the body ended early", body = ProblemBody),
        (status = 401, description = "Nobody is signed in", body = ProblemBody),
        (status = 403, description = "The page is foreign", body = ProblemBody),
        (status = 404, description = "No such upload of yours", body = ProblemBody),
        (status = 408, description = "The body was too slow", body = ProblemBody),
        (status = 409, description = "The upload stands elsewhere, or a newer request took over", body = ProblemBody, headers(
            ("Upload-Offset" = u64, description = "Bytes durable now"),
        )),
        (status = 410, description = "Expired", body = ProblemBody),
        (status = 412, description = "Another protocol version", body = ProblemBody),
        (status = 413, description = "Too large, or longer than declared", body = ProblemBody),
        (status = 415, description = "Not a video, or the wrong content type", body = ProblemBody),
        (status = 422, description = "The source is empty", body = ProblemBody),
        (status = 423, description = "An older request does not leave; try again", body = ProblemBody),
        (status = 460, description = "The body does not have the digest of Upload-Checksum", body = ProblemBody),
        (status = 503, description = "Try again", body = ProblemBody),
        (status = 507, description = "No room at the moment", body = ProblemBody),
    ))]
pub(super) async fn append_to_upload(
    State(api): State<ApiState>,
    Account(holder): Account,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, HeaderMap)> {
    append(&api, &id, holder.account_id, &headers, body).await
}

pub(super) async fn append(
    api: &ApiState,
    id: &str,
    caller: AccountId,
    headers: &HeaderMap,
    body: Body,
) -> Result<(StatusCode, HeaderMap)> {
    let request = read_request(api, headers)?;
    let upload = answer::find(api, id, caller).await?;
    let Appended { offset, expires_at } = api.uploads.append(&upload, request, body).await?;
    let mut answer = HeaderMap::from_iter([(UPLOAD_OFFSET, HeaderValue::from(offset))]);
    answer::put_expiry(&mut answer, &upload, offset, expires_at);
    answer::put_clip(&mut answer, &upload);
    Ok((StatusCode::NO_CONTENT, answer))
}

fn read_request(api: &ApiState, headers: &HeaderMap) -> Result<AppendRequest> {
    if !headers::is_offset_stream(headers)? {
        return Err(headers::not_an_offset_stream());
    }
    let length = headers::size(headers, &UPLOAD_LENGTH)?;
    if length.is_some_and(|length| length > api.uploads.max_bytes()) {
        let problem = api.uploads.too_large().with_field("Upload-Length", "too_large", "above the largest size");
        return Err(problem.with_header(TUS_MAX_SIZE, HeaderValue::from(api.uploads.max_bytes())));
    }
    Ok(AppendRequest {
        offset: headers::offset(headers)?,
        length,
        body_length: headers::body_length(headers)?,
        checksum: headers::checksum(headers)?,
    })
}

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use estrade_db::sessions::SessionHolder;
use estrade_db::uploads::{Upload, UploadState};
use estrade_domain::Standing;
use estrade_http::problem::ProblemBody;
use estrade_http::{Account, Problem, Result};

use super::answer::{put_clip, put_expiry};
use super::headers::{self, ESTRADE_CLIP, TUS_MAX_SIZE, UPLOAD_CONCAT, UPLOAD_OFFSET};
use crate::ApiState;
use crate::uploads::{AppendRequest, Appended, CreateRequest};

/// Creates an upload and its draft clip; may carry the first bytes
///
/// `Upload-Metadata` keys: `filename`, `filetype`, `caption`, `hashtags` (comma separated), `language`,
/// `visibility` (`public`, `unlisted`, `followers`, `private`), `publish` and `allow_download` (`true`,
/// `false`). Other keys are kept and returned by HEAD.
#[utoipa::path(post, path = "/v1/uploads", tag = "uploads", security(("session" = [])),
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = Option<u64>, Header, description = "Size of the source, bytes"),
        ("Upload-Defer-Length" = Option<String>, Header, description = "`1` when the size is declared later"),
        ("Upload-Metadata" = Option<String>, Header, description = "Keys and base64 values, comma separated; at most 8 KiB"),
        ("Upload-Checksum" = Option<String>, Header, description = "Algorithm and base64 digest of the body"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream", description = "The first bytes, if any"),
    responses(
        (status = 201, description = "Created", headers(
            ("Location" = String, description = "Where to send bytes"),
            ("Estrade-Clip" = String, description = "Id of the draft clip"),
            ("Upload-Offset" = u64, description = "Bytes durable now; when the request had a body"),
            ("Upload-Expires" = String, description = "When it expires unless more bytes come"),
        )),
        (status = 400, description = "A header is malformed", body = ProblemBody),
        (status = 401, description = "Nobody is signed in", body = ProblemBody),
        (status = 403, description = "The account may not upload, or the page is foreign", body = ProblemBody),
        (status = 408, description = "The body was too slow", body = ProblemBody),
        (status = 409, description = "A newer request took over", body = ProblemBody),
        (status = 412, description = "Another protocol version", body = ProblemBody),
        (status = 413, description = "Too large, or longer than declared", body = ProblemBody),
        (status = 415, description = "Not a video, or the wrong content type", body = ProblemBody),
        (status = 422, description = "A known metadata key has an impossible value", body = ProblemBody),
        (status = 429, description = "Too many open uploads or creations", body = ProblemBody),
        (status = 460, description = "The body does not have the digest of Upload-Checksum", body = ProblemBody),
        (status = 503, description = "Try again", body = ProblemBody),
        (status = 507, description = "No room at the moment", body = ProblemBody),
    ))]
pub(super) async fn create_upload(
    State(api): State<ApiState>,
    Account(holder): Account,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, HeaderMap)> {
    let request = read_request(&api, &holder, &headers)?;
    let append = read_append(&headers, request.length)?;
    let upload = api.uploads.create(request).await?;
    let mut answer = describe(&api, &upload);
    if let Some(append) = append {
        let appended = api.uploads.append(&upload, append, body).await;
        let Appended { offset, expires_at } = appended.map_err(|problem| with_address(problem, &answer))?;
        answer.insert(UPLOAD_OFFSET, HeaderValue::from(offset));
        put_expiry(&mut answer, &upload, offset, expires_at);
    } else {
        put_expiry(&mut answer, &upload, upload.offset, upload.expires_at);
    }
    Ok((StatusCode::CREATED, answer))
}

fn read_request(api: &ApiState, holder: &SessionHolder, headers: &HeaderMap) -> Result<CreateRequest> {
    if holder.standing == Standing::Suspended {
        return Err(Problem::forbidden("account_suspended", "this account is suspended and cannot upload"));
    }
    if headers.contains_key(UPLOAD_CONCAT) {
        let detail = "this server does not join uploads; send the source as one";
        return Err(headers::invalid("Upload-Concat", "unsupported", detail));
    }
    let length = headers::new_length(headers)?;
    if length.is_some_and(|length| length > api.uploads.max_bytes()) {
        let problem = api.uploads.too_large().with_field("Upload-Length", "too_large", "above the largest size");
        return Err(problem.with_header(TUS_MAX_SIZE, HeaderValue::from(api.uploads.max_bytes())));
    }
    Ok(CreateRequest { creator_id: holder.account_id, length, metadata: headers::metadata(headers)? })
}

/// The bytes that come with the creation, if any do.
fn read_append(headers: &HeaderMap, length: Option<u64>) -> Result<Option<AppendRequest>> {
    let body_length = headers::body_length(headers)?;
    if body_length == Some(0) || length == Some(0) {
        return Ok(None);
    }
    if !headers::is_offset_stream(headers)? {
        return Err(headers::not_an_offset_stream());
    }
    Ok(Some(AppendRequest { offset: 0, length: None, body_length, checksum: headers::checksum(headers)? }))
}

fn describe(api: &ApiState, upload: &Upload) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // A path: whatever name and port the client reached this server by, it stays there.
    let base = api.identity.public_url.path().trim_end_matches('/');
    if let Ok(location) = HeaderValue::from_str(&format!("{base}/v1/uploads/{}", upload.public_id)) {
        headers.insert(header::LOCATION, location);
    }
    put_clip(&mut headers, upload);
    if upload.state == UploadState::Rejected {
        headers.insert(UPLOAD_OFFSET, HeaderValue::from(0));
    }
    headers
}

/// The upload exists although its first bytes failed: the client can go on with it.
fn with_address(problem: Problem, answer: &HeaderMap) -> Problem {
    [header::LOCATION, ESTRADE_CLIP].into_iter().fold(problem, |problem, name| match answer.get(&name) {
        Some(value) => problem.with_header(name, value.clone()),
        None => problem,
    })
}

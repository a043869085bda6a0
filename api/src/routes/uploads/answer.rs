use axum::http::{HeaderMap, HeaderValue};
use estrade_db::uploads::{self, Upload, UploadState};
use estrade_domain::{AccountId, PublicId, Time};
use estrade_http::{Problem, Result};

use super::headers::{ESTRADE_CLIP, UPLOAD_EXPIRES};
use crate::ApiState;
use crate::uploads::{gone, rejected_problem};

/// The caller's upload; 404 when it is somebody else's or none.
pub(super) async fn find(api: &ApiState, id: &str, caller: AccountId) -> Result<Upload> {
    let missing = || Problem::not_found("there is no such upload");
    let id: PublicId = id.parse().map_err(|_| missing())?;
    let mut conn = api.conn().await?;
    uploads::find_upload(&mut conn, &id, caller).await?.ok_or_else(missing)
}

/// What became of an upload now: one whose time is over is expired, whether the keeper came by or not.
pub(super) fn present_state(upload: &Upload, now: Time) -> UploadState {
    let is_whole = upload.length == Some(upload.offset);
    match upload.state {
        UploadState::Receiving if !is_whole && upload.expires_at <= now => UploadState::Expired,
        state => state,
    }
}

/// Refuses what can no longer be resumed.
pub(super) fn require_resumable(upload: &Upload, now: Time) -> Result<()> {
    match (present_state(upload, now), &upload.rejection) {
        (UploadState::Expired, _) => Err(gone()),
        // An empty source is complete, if of no use: the protocol's clients ask for its offset.
        (UploadState::Rejected, Some(rejection)) if upload.length != Some(upload.offset) => {
            Err(rejected_problem(rejection))
        }
        _ => Ok(()),
    }
}

/// `Upload-Expires`, while an upload may still expire.
pub(super) fn put_expiry(headers: &mut HeaderMap, upload: &Upload, offset: u64, expires_at: Time) {
    if upload.state == UploadState::Receiving && upload.length != Some(offset) {
        headers.insert(UPLOAD_EXPIRES, http_date(expires_at));
    }
}

/// `Estrade-Clip`.
pub(super) fn put_clip(headers: &mut HeaderMap, upload: &Upload) {
    if let Ok(clip) = HeaderValue::from_str(upload.clip_public_id.as_str()) {
        headers.insert(ESTRADE_CLIP, clip);
    }
}

fn http_date(at: Time) -> HeaderValue {
    let text = at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    // Names of days and months are ASCII.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        let at = Time::UNIX_EPOCH + chrono::Duration::seconds(784_111_777);
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}

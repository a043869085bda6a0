//! Where objects live. Nothing a client says becomes part of a key.

use estrade_domain::{DownloadId, PosterId, PublicId, UploadId, VersionId};

/// The source of an upload: the original object, never served.
pub fn source(upload: UploadId) -> String {
    format!("sources/{}", upload.0.simple())
}

/// The folder of what one attempt made of one media version, ending in a slash. `token` is the
/// attempt's lease token: an attempt that lost its lease cannot overwrite its successor's output.
pub fn attempt_folder(clip: &PublicId, version: VersionId, token: i64) -> String {
    format!("media/{clip}/{}/{token}/", version.0.simple())
}

/// A poster its creator chose: of the clip, whatever version it shows. `token` is the lease token of the attempt that
/// made it of a moment; a picture that was sent has none, for it is stored once.
pub fn poster(clip: &PublicId, poster: PosterId, token: Option<i64>) -> String {
    let attempt = token.map(|token| format!("-{token}")).unwrap_or_default();
    format!("media/{clip}/posters/{}{attempt}.jpg", poster.0.simple())
}

/// The file of a version that people take with them.
pub fn download(clip: &PublicId, version: VersionId, download: DownloadId) -> String {
    format!("media/{clip}/{}/downloads/{}.mp4", version.0.simple(), download.0.simple())
}

/// The folder of everything made of a clip, ending in a slash.
pub fn clip_folder(clip: &PublicId) -> String {
    format!("media/{clip}/")
}

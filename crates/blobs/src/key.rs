//! Where objects live. Nothing a client says becomes part of a key.

use estrade_domain::{PublicId, UploadId, VersionId};

/// The source of an upload: the original object, never served.
pub fn source(upload: UploadId) -> String {
    format!("sources/{}", upload.0.simple())
}

/// The folder of one media version, ending in a slash. Each attempt at a transcode has a version of
/// its own, so a worker that lost its lease cannot damage its successor's output.
pub fn version_folder(clip: &PublicId, version: VersionId) -> String {
    format!("media/{clip}/{}/", version.0.simple())
}

/// The folder of everything made of a clip, ending in a slash.
pub fn clip_folder(clip: &PublicId) -> String {
    format!("media/{clip}/")
}

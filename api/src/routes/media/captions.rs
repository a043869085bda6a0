//! Captions beside a version's media: their rendition in HLS, and the whole file.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_db::{DbError, PgConnection, captions, media_access};
use estrade_domain::subtitles::{self, CAPTIONS_FILE};
use estrade_domain::{PublicId, VersionId, webvtt};
use estrade_http::Result;
use sha2::{Digest, Sha256};

use super::get::{PRIVATE, entity_tag, is_unchanged};
use super::segment_number;

/// What is at an address never changes, but captions are deleted for a reason: copies live an hour.
const KEPT: &str = "public, max-age=3600, immutable";

/// What is asked for of captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    /// The media playlist.
    Playlist,
    /// The cues seen during a segment of the media.
    Segment(usize),
    /// All cues.
    Whole,
}

impl File {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "index.m3u8" => Some(Self::Playlist),
            CAPTIONS_FILE => Some(Self::Whole),
            _ => usize::try_from(segment_number(name, ".vtt")?).ok().map(Self::Segment),
        }
    }
}

/// The multivariant playlist with the captions there are.
pub(super) async fn find_multivariant(conn: &mut PgConnection, version: VersionId) -> Result<Option<String>> {
    let Some(playlist) = media_access::find_multivariant(conn, version).await? else { return Ok(None) };
    let tracks = captions::list_tracks(conn, version).await?;
    Ok(Some(subtitles::add_tracks(&playlist, &tracks)))
}

/// The media playlist of captions that are there.
pub(super) async fn find_playlist(
    conn: &mut PgConnection,
    version: VersionId,
    id: &PublicId,
) -> Result<Option<String>> {
    if captions::find_text(conn, version, id).await?.is_none() {
        return Ok(None);
    }
    let video = captions::find_video_playlist(conn, version).await?;
    Ok(video.map(|video| subtitles::media_playlist(&video)))
}

/// The text of captions, or the part of it that a segment shows; none when there is no such thing.
pub(super) async fn find_text(
    conn: &mut PgConnection,
    version: VersionId,
    id: &PublicId,
    file: File,
) -> Result<Option<String>> {
    let Some(text) = captions::find_text(conn, version, id).await? else { return Ok(None) };
    let File::Segment(number) = file else { return Ok(Some(text)) };
    let Some(video) = captions::find_video_playlist(conn, version).await? else { return Ok(None) };
    let Some((start_ms, end_ms)) = subtitles::segment_times(&video, number) else { return Ok(None) };
    let whole = webvtt::Captions::reread(&text).map_err(|_| DbError::corrupt("captions", "text", id))?;
    Ok(Some(whole.between(start_ms, end_ms).to_string()))
}

/// A text that never changes.
pub(super) fn text_response(text: String, is_private: bool, headers: &HeaderMap) -> Response {
    let tag = entity_tag(&Sha256::digest(text.as_bytes()).into());
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/vtt; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static(if is_private { PRIVATE } else { KEPT })),
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
    ];
    if is_unchanged(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    (fixed, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_have_three_kinds_of_files() {
        assert_eq!(File::parse("captions.vtt"), Some(File::Whole));
        assert_eq!(File::parse("index.m3u8"), Some(File::Playlist));
        assert_eq!(File::parse("s00012.vtt"), Some(File::Segment(12)));
        for name in ["s12.vtt", "s+0012.vtt", "s00012.m4s", "init.mp4", "captions.srt", ""] {
            assert_eq!(File::parse(name), None, "{name}");
        }
    }
}

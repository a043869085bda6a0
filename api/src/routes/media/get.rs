use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_blobs::{BlobError, ObjectRange, key};
use estrade_db::PgConnection;
use estrade_db::media_access::{self, Access, Shelf};
use estrade_domain::{Audience, DownloadId, PublicId, VersionId, ticket};
use estrade_http::problem::ProblemBody;
use estrade_http::{Path, Problem, Result};
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use super::target::Target;
use super::{captions, etag, range};
use crate::ApiState;

/// Bytes read from the store at a time.
const READ_BYTES: usize = 256 << 10;
/// Segments, init segments and pictures never change.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Playlists of a finished version, and files to share; short, so that a takedown reaches caches within a minute.
const PLAYLIST_FINISHED: &str = "public, max-age=60";
/// Playlists that still grow.
const PLAYLIST_GROWING: &str = "public, max-age=1";
/// The rendition that is sound alone.
const AUDIO_RENDITION: &str = "audio";
/// Media type of playlists.
const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
/// What a ticket opened stays with its holder.
pub(super) const PRIVATE: &str = "private, no-store";
/// Lets a CDN purge everything of a clip at once.
const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// One request for media.
struct Request {
    clip: PublicId,
    version: VersionId,
    ticket: Option<String>,
    target: Target,
}

impl Request {
    fn new(clip: &str, version: &str, ticket: Option<String>, rendition: Option<&str>, file: &str) -> Result<Self> {
        let request = || {
            Some(Self {
                clip: clip.parse().ok()?,
                version: VersionId(Uuid::try_parse(version).ok().filter(|_| version.len() == 32)?),
                ticket,
                target: Target::parse(rendition, file)?,
            })
        };
        request().ok_or_else(gone)
    }
}

fn gone() -> Problem {
    Problem::not_found("there is no such media, or it is not for you")
}

/// Multivariant playlist, poster, animated preview or file to share of a public clip
///
/// The file to share exists where the clip's creator allows it; it answers with `Content-Disposition: attachment`.
#[utoipa::path(get, path = "/media/{clip}/{version}/{file}", tag = "media",
    params(("clip" = String, Path, description = "Clip id"), ("version" = String, Path, description = "Media version"), ("file" = String, Path, description = "`index.m3u8`, `poster.jpg`, `poster2.jpg`, `poster-ID.jpg`, `preview.webp` or `clip.mp4`")),
    responses((status = 200, description = "The file"), (status = 206, description = "The range asked for"), (status = 304, description = "Unchanged"),
        (status = 404, description = "No such media, or not public", body = ProblemBody), (status = 416, description = "Range outside of the file", body = ProblemBody), (status = 503, description = "Try again", body = ProblemBody)))]
pub async fn get_file(
    State(api): State<ApiState>,
    Path((clip, version, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    serve(&api, Request::new(&clip, &version, None, None, &file)?, &headers).await
}

/// Playlist, init segment or media segment of a rendition, a part of the storyboard, or captions, of a public clip
#[utoipa::path(get, path = "/media/{clip}/{version}/{rendition}/{file}", tag = "media",
    params(("clip" = String, Path, description = "Clip id"), ("version" = String, Path, description = "Media version"), ("rendition" = String, Path, description = "Such as `v540`, `audio` or `storyboard`, or the id of captions"), ("file" = String, Path, description = "Of a rendition `index.m3u8`, `keys.m3u8` (key pictures alone), `init.mp4` or `s00000.m4s`; of `storyboard` the `WebVTT` index `index.vtt` or a sheet `s00000.jpg`; of captions `captions.vtt`, `index.m3u8` or `s00000.vtt`")),
    responses((status = 200, description = "The file"), (status = 206, description = "The range asked for"), (status = 304, description = "Unchanged"),
        (status = 404, description = "No such media, or not public", body = ProblemBody), (status = 416, description = "Range outside of the file", body = ProblemBody), (status = 503, description = "Try again", body = ProblemBody)))]
pub async fn get_rendition_file(
    State(api): State<ApiState>,
    Path((clip, version, rendition, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    serve(&api, Request::new(&clip, &version, None, Some(&rendition), &file)?, &headers).await
}

/// Multivariant playlist, poster, preview or file to share of a clip that is not public, through a ticket
#[utoipa::path(get, path = "/media/t/{ticket}/{clip}/{version}/{file}", tag = "media",
    params(("ticket" = String, Path, description = "From the clip's addresses; lives 10 minutes"), ("clip" = String, Path, description = "Clip id"), ("version" = String, Path, description = "Media version"), ("file" = String, Path, description = "`index.m3u8`, `poster.jpg`, `poster2.jpg`, `poster-ID.jpg`, `preview.webp` or `clip.mp4`")),
    responses((status = 200, description = "The file"), (status = 206, description = "The range asked for"), (status = 304, description = "Unchanged"), (status = 403, description = "The ticket is not valid or has expired", body = ProblemBody),
        (status = 404, description = "No such media, or no longer for you", body = ProblemBody), (status = 416, description = "Range outside of the file", body = ProblemBody), (status = 503, description = "Try again", body = ProblemBody)))]
pub async fn get_file_by_ticket(
    State(api): State<ApiState>,
    Path((ticket, clip, version, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    serve(&api, Request::new(&clip, &version, Some(ticket), None, &file)?, &headers).await
}

/// Playlist or segment of a rendition, a part of the storyboard, or captions, of a clip that is not public, through a ticket
#[utoipa::path(get, path = "/media/t/{ticket}/{clip}/{version}/{rendition}/{file}", tag = "media",
    params(("ticket" = String, Path, description = "From the clip's addresses; lives 10 minutes"), ("clip" = String, Path, description = "Clip id"), ("version" = String, Path, description = "Media version"), ("rendition" = String, Path, description = "Such as `v540`, `audio` or `storyboard`, or the id of captions"), ("file" = String, Path, description = "Of a rendition `index.m3u8`, `keys.m3u8` (key pictures alone), `init.mp4` or `s00000.m4s`; of `storyboard` the `WebVTT` index `index.vtt` or a sheet `s00000.jpg`; of captions `captions.vtt`, `index.m3u8` or `s00000.vtt`")),
    responses((status = 200, description = "The file"), (status = 206, description = "The range asked for"), (status = 304, description = "Unchanged"), (status = 403, description = "The ticket is not valid or has expired", body = ProblemBody),
        (status = 404, description = "No such media, or no longer for you", body = ProblemBody), (status = 416, description = "Range outside of the file", body = ProblemBody), (status = 503, description = "Try again", body = ProblemBody)))]
pub async fn get_rendition_file_by_ticket(
    State(api): State<ApiState>,
    Path((ticket, clip, version, rendition, file)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    serve(&api, Request::new(&clip, &version, Some(ticket), Some(&rendition), &file)?, &headers).await
}

async fn serve(api: &ApiState, request: Request, headers: &HeaderMap) -> Result<Response> {
    let mut conn = api.conn().await?;
    let access = media_access::find_access(&mut conn, &request.clip, request.version).await?.ok_or_else(gone)?;
    require_access(api, &request, &access)?;
    let is_private = request.ticket.is_some();
    let mut response = match find_source(&mut conn, &request, &access).await?.ok_or_else(gone)? {
        Source::Text { text, content_type } => text_response(text, content_type, &access, is_private, headers),
        Source::Captions(text) => captions::text_response(text, is_private, headers),
        Source::Object(object) => {
            // The connection is not held while bytes flow.
            drop(conn);
            object_response(api, &object, is_private, headers).await?
        }
    };
    if let Ok(value) = HeaderValue::from_str(request.clip.as_str()) {
        response.headers_mut().insert(SURROGATE_KEY, value);
    }
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// Asked anew for every request: a takedown bites at once, whatever addresses are about.
fn require_access(api: &ApiState, request: &Request, access: &Access) -> Result<()> {
    let class = match &request.ticket {
        None => Audience::Link,
        Some(text) => {
            let ticket = ticket::verify(&api.key, text, api.now())
                .map_err(|error| Problem::forbidden("invalid_ticket", error.to_string()))?;
            if ticket.clip != request.clip {
                return Err(gone());
            }
            ticket.class
        }
    };
    // Audiences grow from nobody to everyone: a viewer of a class may fetch what is open to it or to more.
    let is_open = access.audience != Audience::Nobody && access.audience >= class;
    if is_open { Ok(()) } else { Err(gone()) }
}

/// Where what is asked for comes from.
enum Source {
    /// A row.
    Text { text: String, content_type: &'static str },
    /// Captions, which never change.
    Captions(String),
    /// The object store.
    Object(Object),
}

/// An object and how it is served.
struct Object {
    key: String,
    content_type: &'static str,
    /// Of what needs no ticket.
    cache: &'static str,
    /// The name it is saved under; shown in place where there is none.
    save_as: Option<String>,
}

impl Object {
    /// A file that never changes.
    fn new(key: String, content_type: &'static str) -> Self {
        Self { key, content_type, cache: IMMUTABLE, save_as: None }
    }
}

/// None when there is no such file.
async fn find_source(conn: &mut PgConnection, request: &Request, access: &Access) -> Result<Option<Source>> {
    let (clip, version) = (&request.clip, request.version);
    let attempt = |token: i64, name: &str, content_type| {
        let key = format!("{}{name}", key::attempt_folder(clip, version, token));
        Source::Object(Object::new(key, content_type))
    };
    let playlist = |text: Option<String>| text.map(|text| Source::Text { text, content_type: PLAYLIST_TYPE });
    Ok(match &request.target {
        Target::Multivariant => playlist(captions::find_multivariant(conn, version).await?),
        Target::Playlist { rendition } => playlist(media_access::find_playlist(conn, version, rendition).await?),
        Target::KeysPlaylist { rendition } => {
            playlist(media_access::find_keys_playlist(conn, version, rendition).await?)
        }
        Target::Captions { id, file: captions::File::Playlist } => {
            playlist(captions::find_playlist(conn, version, id).await?)
        }
        Target::Captions { id, file } => captions::find_text(conn, version, id, *file).await?.map(Source::Captions),
        Target::Storyboard => {
            let index = media_access::find_storyboard(conn, version).await?;
            index.map(|text| Source::Text { text, content_type: "text/vtt" })
        }
        Target::Poster { name } => {
            media_access::find_poster_token(conn, version, name).await?.map(|token| attempt(token, name, "image/jpeg"))
        }
        Target::ChosenPoster { id } => media_access::find_poster(conn, clip, *id)
            .await?
            .map(|poster| Source::Object(Object::new(key::poster(clip, poster.id, poster.token), "image/jpeg"))),
        Target::Preview { name } => access.preview_token.map(|token| attempt(token, name, "image/webp")),
        Target::Download => access.download_id.map(|id| Source::Object(download(request, id))),
        Target::Init { rendition, name } => {
            media_access::find_init(conn, version, rendition).await?.map(|shelf| part(clip, shelf, rendition, name))
        }
        Target::Segment { rendition, number, name } => media_access::find_segment(conn, version, rendition, *number)
            .await?
            .map(|shelf| part(clip, shelf, rendition, name)),
        Target::Sheet { chunk, name } => {
            media_access::find_chunk_token(conn, version, *chunk).await?.map(|token| attempt(token, name, "image/jpeg"))
        }
    })
}

/// A part of a rendition, of the version or of one of its families.
fn part(clip: &PublicId, shelf: Shelf, rendition: &str, name: &str) -> Source {
    let key = format!("{}{name}", key::attempt_folder(clip, shelf.version_id, shelf.token));
    Source::Object(Object::new(key, if rendition == AUDIO_RENDITION { "audio/mp4" } else { "video/mp4" }))
}

/// Kept by caches for a short time only: its creator may stop sharing it.
fn download(request: &Request, id: DownloadId) -> Object {
    Object {
        key: key::download(&request.clip, request.version, id),
        content_type: "video/mp4",
        cache: PLAYLIST_FINISHED,
        save_as: Some(format!("clip-{}.mp4", request.clip)),
    }
}

fn text_response(
    text: String,
    content_type: &'static str,
    access: &Access,
    is_private: bool,
    headers: &HeaderMap,
) -> Response {
    let digest = Sha256::digest(text.as_bytes());
    let tag = entity_tag(&digest.into());
    let cache = match (is_private, access.is_complete) {
        (true, _) => PRIVATE,
        (false, true) => PLAYLIST_FINISHED,
        (false, false) => PLAYLIST_GROWING,
    };
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
    ];
    if is_unchanged(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    (fixed, text).into_response()
}

/// Half of the digest is enough to tell versions of one file apart.
pub(super) fn entity_tag(digest: &[u8; 32]) -> String {
    let half = digest.iter().take(16).fold(0u128, |tag, byte| (tag << 8) | u128::from(*byte));
    format!("\"{half:032x}\"")
}

pub(super) fn is_unchanged(headers: &HeaderMap, tag: &str) -> bool {
    let sent = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    sent.is_some_and(|sent| etag::matches(sent, tag))
}

async fn object_response(api: &ApiState, object: &Object, is_private: bool, headers: &HeaderMap) -> Result<Response> {
    // What the key names never changes, so the key is the entity.
    let tag = entity_tag(&Sha256::digest(object.key.as_bytes()).into());
    let cache = HeaderValue::from_static(if is_private { PRIVATE } else { object.cache });
    let mut fixed = HeaderMap::new();
    fixed.insert(header::CACHE_CONTROL, cache);
    fixed.insert(header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")));
    fixed.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fixed.insert(header::CONTENT_TYPE, HeaderValue::from_static(object.content_type));
    let save_as = object.save_as.as_ref().map(|name| format!("attachment; filename=\"{name}\""));
    if let Some(value) = save_as.and_then(|value| HeaderValue::from_str(&value).ok()) {
        fixed.insert(header::CONTENT_DISPOSITION, value);
    }
    if is_unchanged(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let asked = asked_range(headers, &tag);
    let opened = api.blobs.get(&object.key, asked).await.map_err(|error| blob_problem(&error))?;
    fixed.insert(header::CONTENT_LENGTH, HeaderValue::from(opened.length));
    let status = match opened.content_range.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
        Some(value) if asked.is_some() => {
            fixed.insert(header::CONTENT_RANGE, value);
            StatusCode::PARTIAL_CONTENT
        }
        _ => StatusCode::OK,
    };
    let bytes = ReaderStream::with_capacity(opened.body.into_async_read(), READ_BYTES);
    Ok((status, fixed, Body::from_stream(bytes.boxed())).into_response())
}

/// The range asked for, unless it was of another entity (RFC 9110 §13.1.5).
fn asked_range(headers: &HeaderMap, tag: &str) -> Option<ObjectRange> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if text(header::IF_RANGE).is_some_and(|known| known != tag) {
        return None;
    }
    text(header::RANGE).and_then(range::parse)
}

fn blob_problem(error: &BlobError) -> Problem {
    match error {
        BlobError::NotFound(_) => gone(),
        BlobError::Range => Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range_not_satisfiable",
            "the range lies outside of the file",
        ),
        BlobError::Failed { .. } | BlobError::Io(_) => {
            tracing::warn!(error = %error, "the object store is not available");
            Problem::unavailable("storage_unavailable", "the object store is not available at the moment")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAG: &str = "\"0123abcd\"";

    fn asked(range: &str, if_range: Option<&[u8]>) -> Option<ObjectRange> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).expect("a range"));
        if let Some(value) = if_range.and_then(|value| HeaderValue::from_bytes(value).ok()) {
            headers.insert(header::IF_RANGE, value);
        }
        asked_range(&headers, TAG)
    }

    #[test]
    fn a_range_of_another_entity_is_answered_whole() {
        let range = Some(ObjectRange::From(0, Some(9)));
        assert_eq!(asked("bytes=0-9", None), range);
        assert_eq!(asked("bytes=0-9", Some(TAG.as_bytes())), range);
        // A weak tag says nothing of bytes, and neither does a date of something that has none.
        for other in ["\"other\"", "W/\"0123abcd\"", "*", "Sat, 28 Nov 2026 00:00:00 GMT", ""] {
            assert_eq!(asked("bytes=0-9", Some(other.as_bytes())), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_other_tag_lets_a_range_through(tag in prop::collection::vec(0x20u8..=0xff, 0..30)) {
            prop_assume!(tag != TAG.as_bytes() && HeaderValue::from_bytes(&tag).is_ok());
            prop_assert_eq!(asked("bytes=0-9", Some(&tag)), None);
        }
    }
}

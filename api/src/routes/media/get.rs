use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estrade_blobs::{BlobError, ObjectRange, key};
use estrade_db::media::{self, Access};
use estrade_domain::{Audience, PublicId, VersionId, ticket};
use estrade_http::clip_body::MULTIVARIANT_NAME;
use estrade_http::problem::ProblemBody;
use estrade_http::{Path, Problem, Result};
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use super::{captions, etag, range, segment_number};
use crate::ApiState;

/// Name of a rendition's media playlist.
const PLAYLIST_NAME: &str = "index.m3u8";
/// Name of the poster.
const POSTER_NAME: &str = "poster.jpg";
/// Name of a rendition's init segment.
const INIT_NAME: &str = "init.mp4";
/// Bytes read from the store at a time.
const READ_BYTES: usize = 256 << 10;
/// Segments, init segments and posters never change.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Playlists of a finished version; short, so that a takedown reaches caches within a minute.
const PLAYLIST_FINISHED: &str = "public, max-age=60";
/// Playlists that still grow.
const PLAYLIST_GROWING: &str = "public, max-age=1";
/// What a ticket opened stays with its holder.
pub(super) const PRIVATE: &str = "private, no-store";
/// Lets a CDN purge everything of a clip at once.
const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// What is asked for, below a version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Multivariant,
    Playlist { rendition: String },
    Poster,
    Init { name: String },
    Segment { number: i32, name: String },
    Captions { id: PublicId, file: captions::File },
}

impl Target {
    fn parse(rendition: Option<&str>, file: &str) -> Option<Self> {
        let Some(rendition) = rendition else {
            return match file {
                MULTIVARIANT_NAME => Some(Self::Multivariant),
                POSTER_NAME => Some(Self::Poster),
                _ => None,
            };
        };
        // Renditions' names are shorter than ids.
        if let Ok(id) = rendition.parse() {
            return captions::File::parse(file).map(|file| Self::Captions { id, file });
        }
        let is_name = (1..=16).contains(&rendition.len())
            && rendition.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !is_name {
            return None;
        }
        match file {
            PLAYLIST_NAME => Some(Self::Playlist { rendition: rendition.to_owned() }),
            INIT_NAME => Some(Self::Init { name: format!("{rendition}/{file}") }),
            _ => {
                let number = segment_number(file, ".m4s")?;
                Some(Self::Segment { number, name: format!("{rendition}/{file}") })
            }
        }
    }
}

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

/// Multivariant playlist (`index.m3u8`) or poster (`poster.jpg`) of a public clip
#[utoipa::path(get, path = "/media/{clip}/{version}/{file}", tag = "media",
    params(("clip" = String, Path, description = "Clip id"), ("version" = String, Path, description = "Media version"), ("file" = String, Path, description = "`index.m3u8` or `poster.jpg`")),
    responses((status = 200, description = "The file"), (status = 206, description = "The range asked for"), (status = 304, description = "Unchanged"),
        (status = 404, description = "No such media, or not public", body = ProblemBody), (status = 416, description = "Range outside of the file", body = ProblemBody), (status = 503, description = "Try again", body = ProblemBody)))]
pub async fn get_file(
    State(api): State<ApiState>,
    Path((clip, version, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    serve(&api, Request::new(&clip, &version, None, None, &file)?, &headers).await
}

/// Media playlist (`index.m3u8`), init segment (`init.mp4`), media segment (`s00000.m4s`) or captions of a public clip
#[utoipa::path(get, path = "/media/{clip}/{version}/{rendition}/{file}", tag = "media",
    params(("clip" = String, Path, description = "Clip id"), ("version" = String, Path, description = "Media version"), ("rendition" = String, Path, description = "Such as `v540` or `audio`, or the id of captions"), ("file" = String, Path, description = "`index.m3u8`, `init.mp4`, `s00000.m4s`; of captions `captions.vtt`, `index.m3u8`, `s00000.vtt`")),
    responses((status = 200, description = "The file"), (status = 206, description = "The range asked for"), (status = 304, description = "Unchanged"),
        (status = 404, description = "No such media, or not public", body = ProblemBody), (status = 416, description = "Range outside of the file", body = ProblemBody), (status = 503, description = "Try again", body = ProblemBody)))]
pub async fn get_rendition_file(
    State(api): State<ApiState>,
    Path((clip, version, rendition, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    serve(&api, Request::new(&clip, &version, None, Some(&rendition), &file)?, &headers).await
}

/// Multivariant playlist or poster of a clip that is not public, through a ticket
#[utoipa::path(get, path = "/media/t/{ticket}/{clip}/{version}/{file}", tag = "media",
    params(("ticket" = String, Path, description = "From the clip's addresses; lives 10 minutes"), ("clip" = String, Path, description = "Clip id"), ("version" = String, Path, description = "Media version"), ("file" = String, Path, description = "`index.m3u8` or `poster.jpg`")),
    responses((status = 200, description = "The file"), (status = 206, description = "The range asked for"), (status = 304, description = "Unchanged"), (status = 403, description = "The ticket is not valid or has expired", body = ProblemBody),
        (status = 404, description = "No such media, or no longer for you", body = ProblemBody), (status = 416, description = "Range outside of the file", body = ProblemBody), (status = 503, description = "Try again", body = ProblemBody)))]
pub async fn get_file_by_ticket(
    State(api): State<ApiState>,
    Path((ticket, clip, version, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    serve(&api, Request::new(&clip, &version, Some(ticket), None, &file)?, &headers).await
}

/// Playlist, init segment, segment or captions of a clip that is not public, through a ticket
#[utoipa::path(get, path = "/media/t/{ticket}/{clip}/{version}/{rendition}/{file}", tag = "media",
    params(("ticket" = String, Path, description = "From the clip's addresses; lives 10 minutes"), ("clip" = String, Path, description = "Clip id"), ("version" = String, Path, description = "Media version"), ("rendition" = String, Path, description = "Such as `v540` or `audio`, or the id of captions"), ("file" = String, Path, description = "`index.m3u8`, `init.mp4`, `s00000.m4s`; of captions `captions.vtt`, `index.m3u8`, `s00000.vtt`")),
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
    let access = media::find_access(&mut conn, &request.clip, request.version).await?.ok_or_else(gone)?;
    require_access(api, &request, &access)?;
    let is_private = request.ticket.is_some();
    let mut response = match &request.target {
        Target::Multivariant => {
            let playlist = captions::find_multivariant(&mut conn, request.version).await?;
            playlist_response(playlist, &access, is_private, headers)?
        }
        Target::Playlist { rendition } => {
            let playlist = media::find_playlist(&mut conn, request.version, rendition).await?;
            playlist_response(playlist, &access, is_private, headers)?
        }
        Target::Captions { id, file: captions::File::Playlist } => {
            let playlist = captions::find_playlist(&mut conn, request.version, id).await?;
            playlist_response(playlist, &access, is_private, headers)?
        }
        Target::Captions { id, file } => {
            let text = captions::find_text(&mut conn, request.version, id, *file).await?.ok_or_else(gone)?;
            captions::text_response(text, is_private, headers)
        }
        Target::Poster => {
            let token = access.poster_token.ok_or_else(gone)?;
            drop(conn);
            object_response(api, &request, token, POSTER_NAME, headers).await?
        }
        Target::Init { name } => {
            let token = access.first_token.ok_or_else(gone)?;
            // The connection is not held while bytes flow.
            drop(conn);
            object_response(api, &request, token, name, headers).await?
        }
        Target::Segment { number, name } => {
            let token = media::find_segment_token(&mut conn, request.version, *number).await?.ok_or_else(gone)?;
            drop(conn);
            object_response(api, &request, token, name, headers).await?
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

fn playlist_response(
    playlist: Option<String>,
    access: &Access,
    is_private: bool,
    headers: &HeaderMap,
) -> Result<Response> {
    let playlist = playlist.ok_or_else(gone)?;
    let digest = Sha256::digest(playlist.as_bytes());
    let tag = entity_tag(&digest.into());
    let cache = match (is_private, access.is_complete) {
        (true, _) => PRIVATE,
        (false, true) => PLAYLIST_FINISHED,
        (false, false) => PLAYLIST_GROWING,
    };
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.apple.mpegurl")),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
    ];
    if is_unchanged(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    Ok((fixed, playlist).into_response())
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

async fn object_response(
    api: &ApiState,
    request: &Request,
    token: i64,
    name: &str,
    headers: &HeaderMap,
) -> Result<Response> {
    let key = format!("{}{name}", key::attempt_folder(&request.clip, request.version, token));
    // What the key names never changes, so the key is the entity.
    let tag = entity_tag(&Sha256::digest(key.as_bytes()).into());
    let cache = HeaderValue::from_static(if request.ticket.is_some() { PRIVATE } else { IMMUTABLE });
    let mut fixed = HeaderMap::new();
    fixed.insert(header::CACHE_CONTROL, cache);
    fixed.insert(header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")));
    fixed.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fixed.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(if name == POSTER_NAME { "image/jpeg" } else { "video/mp4" }),
    );
    if is_unchanged(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let asked = asked_range(headers, &tag);
    let object = api.blobs.get(&key, asked).await.map_err(|error| blob_problem(&error))?;
    fixed.insert(header::CONTENT_LENGTH, HeaderValue::from(object.length));
    let status = match object.content_range.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
        Some(value) if asked.is_some() => {
            fixed.insert(header::CONTENT_RANGE, value);
            StatusCode::PARTIAL_CONTENT
        }
        _ => StatusCode::OK,
    };
    let bytes = ReaderStream::with_capacity(object.body.into_async_read(), READ_BYTES);
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
    use super::*;

    #[test]
    fn only_names_we_make_are_served() {
        assert_eq!(Target::parse(None, "index.m3u8"), Some(Target::Multivariant));
        assert_eq!(
            Target::parse(Some("v540"), "s00012.m4s"),
            Some(Target::Segment { number: 12, name: "v540/s00012.m4s".into() })
        );
        assert_eq!(Target::parse(Some("audio"), "init.mp4"), Some(Target::Init { name: "audio/init.mp4".into() }));
        for (rendition, file) in [
            (None, "source"),
            (None, "../x"),
            (Some(".."), "init.mp4"),
            (Some("V540"), "init.mp4"),
            (Some("v540"), "s1.m4s"),
            (Some("v540"), "s+0001.m4s"),
            (Some("v540"), "s00001.mp4"),
            (Some("v540"), "other"),
            (Some("v540"), "captions.vtt"),
            (Some("00000000000000000000"), "init.mp4"),
            (Some("0000000000000000000l"), "captions.vtt"),
        ] {
            assert_eq!(Target::parse(rendition, file), None, "{rendition:?} {file}");
        }
    }
}

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use estrade_domain::PublicId;
use estrade_domain::limits::CAPTIONS_MAX_BYTES;
use estrade_domain::subtitles::CaptionsKind;
use estrade_domain::text::Language;
use estrade_domain::webvtt::Format;
use estrade_http::clip_body::ClipBody;
use estrade_http::{Account, Json, Path, Problem, Query, Result, read_body};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ApiState;
use crate::app::{self, NewClipCaptions};
use crate::wire::clip::clip_body;
use crate::wire::field;
use crate::wire::problems::{Always, Conflicting, Missing, WithCaptions};

/// What captions are called and for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CaptionsQuery {
    /// What players call them, up to 50 characters; the language tag when left out.
    #[param(max_length = 50, example = "English")]
    label: Option<String>,
    /// `captions` (everything heard; the default) or `subtitles` (what is said).
    #[param(example = "captions")]
    kind: Option<String>,
}

fn parse_kind(name: Option<&str>) -> Result<CaptionsKind> {
    let kind = name.map_or(Some(CaptionsKind::Captions), CaptionsKind::from_name);
    kind.ok_or_else(|| Problem::invalid_field("kind", "unknown_kind", "a kind is captions or subtitles"))
}

/// By the media type; captions are UTF-8, so another encoding cannot be right.
fn parse_format(headers: &HeaderMap) -> Result<Format> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    let format = match parts.next().as_deref() {
        Some("text/vtt") => Some(Format::WebVtt),
        Some("application/x-subrip") => Some(Format::SubRip),
        _ => None,
    };
    let is_utf8 = parts.all(|parameter| {
        let charset = parameter.strip_prefix("charset=").map(|charset| charset.trim_matches('"'));
        charset.is_none_or(|charset| charset == "utf-8" || charset == "utf8")
    });
    format.filter(|_| is_utf8).ok_or_else(|| {
        let detail = "send captions as text/vtt or application/x-subrip, in UTF-8";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    })
}

/// Put captions
///
/// Its creator alone may. The file takes the place of captions in the same language. It is read and
/// written anew: comments, style sheets, regions, unknown tags and settings, control characters and
/// overrides of direction are left out, and what was sent is not kept. A file that cannot be captions is 422
/// `invalid_captions`, with a `line` in each of its `errors`, at most 20. Cues end within 5 s after the clip; at most
/// 3,000 cues of 600 characters and 12 lines, and captions in 20 languages.
#[utoipa::path(put, path = "/v1/clips/{id}/captions/{language}", tag = "clips", security(("session" = [])),
    params(("id" = String, Path, description = "Clip id"),
        ("language" = String, Path, description = "Language tag (BCP 47)", example = "en"), CaptionsQuery),
    request_body(content(
        (String = "text/vtt", example = "WEBVTT\n\n00:00.500 --> 00:02.000\n<v Ada>Hello, <i>everybody</i>.\n"),
        (String = "application/x-subrip", example = "1\n00:00:00,500 --> 00:00:02,000\nHello, <i>everybody</i>.\n"))),
    responses((status = 200, description = "The clip as it is now", body = ClipBody), Always, WithCaptions, Missing, Conflicting))]
pub(crate) async fn put_captions(
    State(api): State<ApiState>,
    Account(me): Account,
    Path((id, language)): Path<(PublicId, String)>,
    Query(query): Query<CaptionsQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ClipBody>> {
    let language: Language = field::parse("language", &language)?;
    let label = field::parse("label", query.label.as_deref().unwrap_or(language.as_str()))?;
    let kind = parse_kind(query.kind.as_deref())?;
    let format = parse_format(&headers)?;
    let file = read_body(&headers, body, CAPTIONS_MAX_BYTES, "a captions file").await?;
    let new = NewClipCaptions { language, label, kind, format, file: &file };
    let changed = app::put_captions(&api, &me, &id, new).await?;
    Ok(Json(clip_body(&api, changed.row, changed.class)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn formats_are_told_by_their_media_types() {
        let of = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]);
            parse_format(&headers).map_err(|problem| problem.status().as_u16())
        };
        assert_eq!(of("text/vtt"), Ok(Format::WebVtt));
        assert_eq!(of("Text/VTT; charset=\"UTF-8\""), Ok(Format::WebVtt));
        assert_eq!(of("application/x-subrip;charset=utf-8"), Ok(Format::SubRip));
        for other in ["text/vtt; charset=latin1", "text/plain", "", "application/json"] {
            assert_eq!(of(other), Err(415), "{other}");
        }
        assert_eq!(parse_format(&HeaderMap::new()).expect_err("none").status(), 415);
    }

    #[test]
    fn kinds_are_two() {
        assert_eq!(parse_kind(None).expect("default"), CaptionsKind::Captions);
        assert_eq!(parse_kind(Some("subtitles")).expect("kind"), CaptionsKind::Subtitles);
        assert_eq!(parse_kind(Some("chapters")).expect_err("unknown").status(), 422);
    }
}

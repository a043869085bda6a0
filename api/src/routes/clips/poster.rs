use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use estrade_domain::PublicId;
use estrade_http::clip_body::ClipBody;
use estrade_http::{Account, Json, Path, Problem, Result, read_body};
use image::ImageFormat;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::access::{find_own, require_open};
use crate::app;
use crate::posters::PICTURE_MAX_BYTES;
use crate::wire::clip::clip_body;
use crate::wire::problems::{Always, Conflicting, Missing, WithPicture};
use crate::wire::query::NoQuery;

/// A moment of the clip.
#[derive(Deserialize, ToSchema)]
#[schema(as = PosterMoment)]
#[serde(deny_unknown_fields)]
pub(crate) struct PosterMomentBody {
    /// Milliseconds from the start, before the end.
    #[schema(example = 2500)]
    at_ms: u32,
}

/// Choose the poster of a clip
///
/// Either a moment, as JSON: it is made soon after, `poster_pending` says so meanwhile. Or a picture,
/// as JPEG, PNG or WebP of up to 8 MiB and 26 million pixels: it is scaled down, written anew without
/// whatever else it carries, and shown at once. Its creator alone may.
#[utoipa::path(put, path = "/v1/clips/{id}/poster", tag = "clips", security(("session" = [])),
    params(("id" = String, Path, description = "Clip id")),
    request_body(description = "A moment, or a picture", content(
        (PosterMomentBody = "application/json"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"))),
    responses((status = 200, description = "The clip with the picture as its poster", body = ClipBody),
        (status = 202, description = "The clip; the moment's poster is being made", body = ClipBody),
        Always, WithPicture, Missing, Conflicting))]
pub(crate) async fn choose_poster(
    State(api): State<ApiState>,
    Account(me): Account,
    Path(id): Path<PublicId>,
    _: NoQuery,
    request: Request,
) -> Result<(StatusCode, Json<ClipBody>)> {
    let (status, chosen) = match picture_format(&request)? {
        None => {
            let Json(moment) = Json::<PosterMomentBody>::from_request(request, &()).await?;
            (StatusCode::ACCEPTED, app::pick_poster(&api, &me, &id, moment.at_ms).await?)
        }
        Some(format) => {
            require_open(&me)?;
            // Nobody's bytes are taken for a clip that is not theirs.
            find_own(&mut *api.conn().await?, &id, me.account_id).await?;
            let (parts, body) = request.into_parts();
            let bytes = read_body(&parts.headers, body, PICTURE_MAX_BYTES, "a picture").await?;
            (StatusCode::OK, app::send_poster(&api, &me, &id, format, bytes).await?)
        }
    };
    Ok((status, Json(clip_body(&api, chosen.row, chosen.class))))
}

/// Go back to the automatic poster
///
/// What was chosen before is deleted.
#[utoipa::path(delete, path = "/v1/clips/{id}/poster", tag = "clips", security(("session" = [])),
    params(("id" = String, Path, description = "Clip id")),
    responses((status = 200, description = "The clip with its automatic poster", body = ClipBody), Always, Missing))]
pub(crate) async fn reset_poster(
    State(api): State<ApiState>,
    Account(me): Account,
    Path(id): Path<PublicId>,
    _: NoQuery,
) -> Result<Json<ClipBody>> {
    let reset = app::reset_poster(&api, &me, &id).await?;
    Ok(Json(clip_body(&api, reset.row, reset.class)))
}

/// The format of a picture; none when something else is sent, which must be JSON then.
fn picture_format(request: &Request) -> Result<Option<ImageFormat>> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "image/jpeg" => Ok(Some(ImageFormat::Jpeg)),
        "image/png" => Ok(Some(ImageFormat::Png)),
        "image/webp" => Ok(Some(ImageFormat::WebP)),
        "application/json" => Ok(None),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send a moment as application/json, or a picture as image/jpeg, image/png or image/webp",
        )),
    }
}

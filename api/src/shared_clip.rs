//! What a shared link shows of a clip before anybody plays it.

use estrade_db::clips::find_clip;
use estrade_domain::{Audience, PublicId};
use estrade_http::Result;

use crate::ApiState;

/// Facts for the preview of a shared link.
#[derive(Debug, Clone)]
pub struct SharedClip {
    /// Display name of its creator.
    pub creator_name: String,
    /// Caption.
    pub caption: String,
    /// The link itself.
    pub url: String,
    /// Address of the poster.
    pub poster_url: Option<String>,
    /// Width as shown, pixels.
    pub width: Option<i32>,
    /// Height as shown, pixels.
    pub height: Option<i32>,
}

/// The clip behind a link, if everyone with the link may see it.
pub async fn find_shared_clip(api: &ApiState, id: &str) -> Result<Option<SharedClip>> {
    let Ok(id) = id.parse::<PublicId>() else { return Ok(None) };
    let mut conn = api.conn().await?;
    let row = find_clip(&mut conn, &id, None).await?;
    Ok(row.filter(|row| row.audience >= Audience::Link).map(|row| {
        let poster_url = row.media.as_ref().and_then(|media| {
            let folder = api.urls.folder(&id, media.version_id, Audience::Link, api.now());
            media.poster_name.as_ref().map(|name| format!("{folder}/{name}"))
        });
        SharedClip {
            creator_name: row.creator_name,
            caption: row.caption,
            url: format!("{}/c/{id}", api.identity.public_url.as_str().trim_end_matches('/')),
            poster_url,
            width: row.media.as_ref().map(|media| media.width),
            height: row.media.as_ref().map(|media| media.height),
        }
    }))
}

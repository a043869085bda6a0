use axum::extract::State;
use estrade_db::clip_changes::ClipChanges;
use estrade_domain::{PublicId, Visibility, text};
use estrade_http::clip_body::ClipBody;
use estrade_http::{Account, Json, Path, Problem, Result};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::app;
use crate::wire::clip::clip_body;
use crate::wire::field;
use crate::wire::patch::Patch;
use crate::wire::problems::{Always, Missing, WithBody};
use crate::wire::query::NoQuery;

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = ClipChanges)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateClipBody {
    /// Up to 2,200 characters.
    #[schema(max_length = 2200, example = "On the beach")]
    caption: Option<String>,
    /// Up to 30 of up to 60 characters, with or without `#`.
    #[schema(max_items = 30, example = json!(["dance", "beach"]))]
    hashtags: Option<Vec<String>>,
    /// Language tag; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 35, example = "en")]
    language: Patch<String>,
    /// `public`, `unlisted`, `followers` or `private`.
    #[schema(example = "public")]
    visibility: Option<String>,
    /// True publishes: at once when the clip is playable, else when it is. False hides it again.
    publish: Option<bool>,
    /// True lets people take the clip with them as a file, `mp4_url`, which is made soon after; false takes it away.
    allow_download: Option<bool>,
}

impl UpdateClipBody {
    fn check(self) -> Result<ClipChanges> {
        let hashtags = self.hashtags.as_deref().map(text::parse_hashtags).transpose();
        Ok(ClipChanges {
            caption: field::parse_given("caption", self.caption.as_deref())?,
            hashtags: hashtags.map_err(|error| field::refused("hashtags", &error))?,
            language: self.language.try_map(|language| field::parse("language", &language))?,
            visibility: self.visibility.as_deref().map(parse_visibility).transpose()?,
            publish: self.publish,
            allow_download: self.allow_download,
        })
    }
}

fn parse_visibility(name: &str) -> Result<Visibility> {
    Visibility::from_name(name).ok_or_else(|| {
        Problem::invalid_field(
            "visibility",
            "unknown_visibility",
            "a visibility is public, unlisted, followers or private",
        )
    })
}

/// Change a clip
///
/// Its creator alone may.
#[utoipa::path(patch, path = "/v1/clips/{id}", tag = "clips", security(("session" = [])), request_body = UpdateClipBody,
    params(("id" = String, Path, description = "Clip id")),
    responses((status = 200, description = "The clip as it is now", body = ClipBody), Always, WithBody, Missing))]
pub(crate) async fn update_clip(
    State(api): State<ApiState>,
    Account(me): Account,
    Path(id): Path<PublicId>,
    _: NoQuery,
    Json(body): Json<UpdateClipBody>,
) -> Result<Json<ClipBody>> {
    let changed = app::update_clip(&api, &me, &id, &body.check()?).await?;
    Ok(Json(clip_body(&api, changed.row, changed.class)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> (u16, String) {
        let body: UpdateClipBody = serde_json::from_str(json).expect("json");
        let problem = body.check().expect_err(json);
        let field = format!("{problem:?}")
            .split("field: \"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .map(ToOwned::to_owned);
        (problem.status().as_u16(), field.unwrap_or_default())
    }

    #[test]
    fn every_field_is_checked_by_its_name() {
        assert_eq!(refused(r#"{"caption":"a\u0000"}"#), (422, "caption".into()));
        assert_eq!(refused(r#"{"hashtags":["two words"]}"#), (422, "hashtags".into()));
        assert_eq!(refused(r#"{"language":"klingon!"}"#), (422, "language".into()));
        assert_eq!(refused(r#"{"visibility":"friends"}"#), (422, "visibility".into()));
        assert!(serde_json::from_str::<UpdateClipBody>(r#"{"processing":"ready"}"#).is_err());
    }
}

//! Clips for one asker.

use estrade_db::clip_lists::ClipPosition;
use estrade_db::clips::{ClipKeys, ClipRow, load_clips};
use estrade_db::{Found, PgConnection};
use estrade_domain::{AccountId, Audience, Processing, PublicId};
use estrade_http::Result;
use estrade_http::clip_body::{
    Captions, ClipBody, ClipFacts, CountsBody, CreatorBody, FailureBody, Media, ViewerFlags,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{ClipPageBody, PageRequest};
use crate::ApiState;

/// How far a clip is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClipState {
    /// Its source has not arrived whole.
    Draft,
    /// Its source is whole and nothing is playable yet.
    Processing,
    /// Playable.
    Ready,
    /// Ended without a playable result.
    Failed,
}

impl ClipState {
    /// The state's name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    /// The axis behind it.
    pub(crate) fn processing(self) -> Processing {
        match self {
            Self::Draft => Processing::Waiting,
            Self::Processing => Processing::Processing,
            Self::Ready => Processing::Ready,
            Self::Failed => Processing::Failed,
        }
    }
}

impl From<Processing> for ClipState {
    fn from(processing: Processing) -> Self {
        match processing {
            Processing::Waiting => Self::Draft,
            Processing::Processing => Self::Processing,
            Processing::Ready => Self::Ready,
            Processing::Failed => Self::Failed,
        }
    }
}

/// Why it failed, as its creator reads it.
pub(crate) fn failure_body(row: &ClipRow) -> Option<FailureBody> {
    row.failure.as_ref().map(|failure| FailureBody {
        code: failure.code.clone(),
        message: failure.message.clone(),
        retryable: failure.is_retryable,
    })
}

/// The clip for an asker of this class.
pub(crate) fn clip_body(api: &ApiState, row: ClipRow, class: Audience) -> ClipBody {
    let counts = CountsBody {
        views: row.counts.views,
        likes: row.counts.likes,
        comments: row.counts.comments,
        shares: row.counts.shares,
    };
    let flags = ViewerFlags { liked: row.is_liked, following: row.is_following };
    ClipBody::new(&facts(row), counts, flags, class, &api.urls, api.now())
}

fn facts(row: ClipRow) -> ClipFacts {
    let failure = failure_body(&row);
    ClipFacts {
        public_id: row.public_id,
        creator: CreatorBody {
            id: row.creator_public_id.to_string(),
            handle: row.creator_handle,
            name: row.creator_name,
            avatar_url: None,
        },
        caption: row.caption,
        hashtags: row.hashtags,
        language: row.language,
        created_at: row.created_at,
        published_at: row.published_at,
        visibility: row.visibility.as_str(),
        state: ClipState::from(row.processing).as_str(),
        progress: row.progress,
        failure,
        captions: row.captions.into_iter().map(|found| Captions::new(found.track, found.is_auto)).collect(),
        allow_download: row.allow_download,
        is_poster_pending: row.is_poster_pending,
        media: row.media.map(|media| Media {
            version: media.version_id,
            poster_name: media.poster_name,
            thumbhash: media.thumbhash,
            duration_ms: media.duration_ms,
            width: media.width,
            height: media.height,
            has_audio: media.has_audio,
            is_complete: media.is_complete,
            has_storyboard: media.has_storyboard,
            has_preview: media.has_preview,
            has_download: media.has_download,
        }),
    }
}

/// One page of the clips at these places, in their order; there is one place more than the page has
/// when the list goes on. What changed its audience meanwhile is left out.
pub(crate) async fn clip_page(
    api: &ApiState,
    conn: &mut PgConnection,
    page: &PageRequest,
    mut places: Vec<ClipPosition>,
    asker: Option<AccountId>,
) -> Result<ClipPageBody> {
    let goes_on = places.len() > page.limit;
    places.truncate(page.limit);
    let ids: Vec<PublicId> = places.iter().map(|(_, id)| id.clone()).collect();
    let Found { mut rows, unreadable } = load_clips(conn, ClipKeys::PublicIds(&ids), asker).await?;
    for error in unreadable {
        tracing::error!(error = %error, "a clip is left out of a list");
        api.unreadable_clips.inc();
    }
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.public_id));
    // The last place, not the last clip: that one may be left out, and the list goes on all the same.
    let next_cursor = places.last().filter(|_| goes_on).map(|last| page.cursor_after(&api.key, last));
    let visible = rows.into_iter().filter_map(|row| row.class_for(asker).map(|class| clip_body(api, row, class)));
    Ok(ClipPageBody { items: visible.collect(), next_cursor })
}

use std::sync::Mutex;

use axum::extract::State;
use axum::http::HeaderMap;
use estrade_domain::{SlateId, ViewerId};
use estrade_http::problem::ProblemBody;
use estrade_http::rate::Network;
use estrade_http::{Account, Json, Query, Result, Viewer};

use super::request::{PageQuery, open};
use crate::load::{Need, ensure_viewer};
use crate::pages::{Choice, Sheet, serve_page};
use crate::pipeline::SourceKind;
use crate::reason::Reason;
use crate::slates::FollowingCursor;
use crate::viewers::lock;
use crate::wire::PageBody;
use crate::world::{Key, Row};
use crate::{Feed, FeedError};

/// What followed creators published
///
/// Newest first, whatever was watched; clips for followers and clips that are not recommended
/// belong into it too.
#[utoipa::path(get, path = "/v1/feeds/following", tag = "feeds", params(PageQuery), responses(
    (status = 200, description = "A page; `next_cursor` is null at the end", body = PageBody),
    (status = 400, description = "`invalid_cursor`: begin again without one", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`sign_in_required` or `invalid_token`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "A parameter is out of bounds or unknown", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "Too many new guests from this address", body = ProblemBody, content_type = "application/problem+json"),
    (status = 500, description = "Our fault", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`feed_stale`, `overloaded` and the like: try again after `Retry-After`", body = ProblemBody, content_type = "application/problem+json"),
), security(("session" = [])))]
pub(crate) async fn get_following(
    State(feed): State<Feed>,
    network: Network,
    viewer: Viewer,
    _account: Account,
    Query(query): Query<PageQuery>,
) -> Result<(HeaderMap, Json<PageBody>)> {
    let limit = query.limit()?;
    let asked = open(&feed, &viewer, network, "following").await?;
    let page = make_page(&feed, &viewer, asked.viewer_id, query.cursor.as_deref(), limit).await;
    asked.answer(&feed, page)
}

async fn make_page(
    feed: &Feed,
    viewer: &Viewer,
    viewer_id: ViewerId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<PageBody, FeedError> {
    let list = format!("following:{viewer_id}");
    let cursor = cursor.map(|text| FollowingCursor::decode(feed.key(), &list, text)).transpose()?;
    let now = feed.now();
    let held = ensure_viewer(feed, viewer_id, viewer.account_id(), Need::Relations).await?;
    let before = cursor.as_ref().map(|cursor| (cursor.at, cursor.id.clone()));
    let (clips, has_more) = followed_clips(feed, &held, before.as_ref(), limit);
    let slate_id = cursor.as_ref().map_or_else(|| SlateId::new(now, feed.entropy()), |cursor| cursor.slate_id);
    let position = cursor.map_or(0, |cursor| cursor.position);
    let next = clips.last().filter(|_| has_more).map(|((at, id), _)| {
        let position = position.saturating_add(u32::try_from(clips.len()).unwrap_or(u32::MAX));
        FollowingCursor { slate_id, position, at: *at, id: id.clone() }.encode(feed.key(), &list)
    });
    let choices = (position..).zip(&clips).map(|(position, &(_, row))| choice(position, row)).collect();
    let sheet =
        Sheet { feed: "following", slate_id, viewer_id, is_profiled: viewer.is_profiled, is_followed: true, now };
    Ok(serve_page(feed, &sheet, &held, choices, next).await?)
}

fn followed_clips(
    feed: &Feed,
    held: &Mutex<crate::viewers::Viewer>,
    before: Option<&Key>,
    limit: usize,
) -> (Vec<(Key, Row)>, bool) {
    let held = lock(held);
    let relations = held.relations.as_ref();
    relations.map_or_else(Default::default, |relations| feed.memory().following_page(relations, before, limit))
}

fn choice(position: u32, row: Row) -> Choice {
    let (source, reason) = (SourceKind::Followed, Reason::Following);
    Choice { row, position, source, reason, terms: Vec::new(), propensity: 1.0 }
}

use axum::extract::State;
use axum::http::HeaderMap;
use estrade_db::feed_servings::list_served_before;
use estrade_domain::ViewerId;
use estrade_http::problem::ProblemBody;
use estrade_http::rate::Network;
use estrade_http::{Json, Query, Result, Viewer};

use super::request::{PageQuery, choices, count_runs, open};
use crate::feed::rows_of;
use crate::load::{Need, ensure_viewer};
use crate::memory::{RankedPage, SharedFeed};
use crate::pages::{Sheet, serve_page};
use crate::reason::Reason;
use crate::slates::SlateCursor;
use crate::wire::PageBody;
use crate::{Feed, FeedError};

/// What to watch next
///
/// Ranked for the viewer; with `Estrade-Profiling: off`, or profiling off in the account, ranked
/// alike for everybody and nothing is learned. Without identity a guest is made: its token is in
/// `Estrade-Guest` and in a cookie.
#[utoipa::path(get, path = "/v1/feeds/for-you", tag = "feeds", params(
    PageQuery,
    ("Estrade-Profiling" = Option<String>, Header, description = "`off`: without what this viewer watched", example = "off"),
    ("Estrade-Guest" = Option<String>, Header, description = "A guest's token"),
), responses(
    (status = 200, description = "A page; `next_cursor` is null at the end", body = PageBody),
    (status = 400, description = "`invalid_cursor`: begin again without one", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`invalid_token`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "A parameter is out of bounds or unknown", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "Too many new guests from this address", body = ProblemBody, content_type = "application/problem+json"),
    (status = 500, description = "Our fault", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`feed_stale`, `overloaded` and the like: try again after `Retry-After`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn get_for_you(
    State(feed): State<Feed>,
    network: Network,
    viewer: Viewer,
    Query(query): Query<PageQuery>,
) -> Result<(HeaderMap, Json<PageBody>)> {
    let limit = query.limit()?;
    let asked = open(&feed, &viewer, network, "for_you").await?;
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
    // A cursor of one way of ranking is refused by the other.
    let list = if viewer.is_profiled { format!("for_you:{viewer_id}") } else { "for_you".to_owned() };
    let cursor = cursor.map(|text| SlateCursor::decode(feed.key(), &list, text)).transpose()?;
    let now = feed.now();
    let is_lost = cursor.is_some_and(|cursor| feed.memory().find_slate(viewer_id, cursor, now).is_none());
    let need = match (viewer.is_profiled, is_lost) {
        (false, _) => Need::Relations,
        (true, false) => Need::State,
        (true, true) => Need::StateAnew,
    };
    let held = ensure_viewer(feed, viewer_id, viewer.account_id(), need).await?;
    let ranked: RankedPage = if viewer.is_profiled {
        feed.memory().personal_page(viewer_id, &held, cursor, limit, now)?
    } else {
        shared_page(feed, SharedFeed::ForYou, viewer_id, cursor, limit).await?
    };
    count_runs(feed, &ranked.runs);
    let sheet = Sheet {
        feed: "for_you",
        slate_id: ranked.cursor.slate_id,
        viewer_id,
        is_profiled: viewer.is_profiled,
        is_followed: false,
        now,
    };
    let next = ranked.next().map(|cursor| cursor.encode(feed.key(), &list));
    let choices = choices(&ranked.page.picked, Reason::of_source);
    Ok(serve_page(feed, &sheet, &held, choices, next).await?)
}

/// A page of a feed that is the same for everybody; when the cursor's slate is gone, the database
/// says what this scroll has served.
pub(super) async fn shared_page(
    feed: &Feed,
    which: SharedFeed,
    viewer_id: ViewerId,
    cursor: Option<SlateCursor>,
    limit: usize,
) -> Result<RankedPage, FeedError> {
    let now = feed.now();
    let lost = cursor.filter(|cursor| feed.memory().find_slate(viewer_id, *cursor, now).is_none());
    let served = match lost {
        None => Vec::new(),
        Some(cursor) => {
            let position = i32::try_from(cursor.position).unwrap_or(i32::MAX);
            list_served_before(&mut *feed.conn().await?, viewer_id, cursor.slate_id, position).await?
        }
    };
    let anew = rows_of(feed.memory(), &served);
    Ok(feed.memory().shared_page(which, viewer_id, cursor, anew, limit, now)?)
}

use axum::extract::State;
use axum::http::HeaderMap;
use estrade_domain::ViewerId;
use estrade_http::problem::ProblemBody;
use estrade_http::rate::Network;
use estrade_http::{Json, Query, Result, Viewer};

use super::for_you::shared_page;
use super::request::{PageQuery, choices, count_runs, open};
use crate::load::{Need, ensure_viewer};
use crate::memory::SharedFeed;
use crate::pages::{Sheet, serve_page};
use crate::reason::Reason;
use crate::slates::SlateCursor;
use crate::wire::PageBody;
use crate::{Feed, FeedError};

const LIST: &str = "trending";

/// What is popular now
///
/// The same for everybody: at most 200 clips, as they stood when the scroll began.
#[utoipa::path(get, path = "/v1/feeds/trending", tag = "feeds", params(
    PageQuery,
    ("Estrade-Profiling" = Option<String>, Header, description = "`off`: nothing is learned from this page", example = "off"),
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
pub(crate) async fn get_trending(
    State(feed): State<Feed>,
    network: Network,
    viewer: Viewer,
    Query(query): Query<PageQuery>,
) -> Result<(HeaderMap, Json<PageBody>)> {
    let limit = query.limit()?;
    let asked = open(&feed, &viewer, network, "trending").await?;
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
    let cursor = cursor.map(|text| SlateCursor::decode(feed.key(), LIST, text)).transpose()?;
    let held = ensure_viewer(feed, viewer_id, viewer.account_id(), Need::Relations).await?;
    let ranked = shared_page(feed, SharedFeed::Trending, viewer_id, cursor, limit).await?;
    count_runs(feed, &ranked.runs);
    let sheet = Sheet {
        feed: "trending",
        slate_id: ranked.cursor.slate_id,
        viewer_id,
        is_profiled: viewer.is_profiled,
        is_followed: false,
        now: feed.now(),
    };
    let next = ranked.next().map(|cursor| cursor.encode(feed.key(), LIST));
    let choices = choices(&ranked.page.picked, |_| Reason::Trending);
    Ok(serve_page(feed, &sheet, &held, choices, next).await?)
}

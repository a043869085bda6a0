//! What the routes of the feeds do alike.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, header};
use estrade_domain::ViewerId;
use estrade_domain::limits::{PAGE_DEFAULT, PAGE_MAX};
use estrade_http::rate::Network;
use estrade_http::{Json, Problem, Result, Viewer};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::pages::Choice;
use crate::pipeline::{Outcome, SourceKind};
use crate::reason::Reason;
use crate::slates::Picked;
use crate::wire::PageBody;
use crate::{Feed, FeedError};

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Clips wanted; 10 when not said.
    #[param(minimum = 1, maximum = 50, example = 10)]
    limit: Option<u32>,
    /// Where the page begins, from `next_cursor`; without it a scroll begins.
    #[param(max_length = 512)]
    pub(super) cursor: Option<String>,
}

impl PageQuery {
    /// Clips wanted, 1 to 50.
    pub(super) fn limit(&self) -> Result<usize> {
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            let detail = format!("limit is a number from 1 to {PAGE_MAX}");
            return Err(Problem::invalid_field("limit", "out_of_range", detail));
        }
        Ok(limit as usize)
    }
}

/// What every page is made from.
pub(super) struct Asked {
    /// Who asks, known from now on.
    pub(super) viewer_id: ViewerId,
    /// What the answer carries besides the page: a new guest's token.
    headers: HeaderMap,
    feed_name: &'static str,
    started: Instant,
}

/// Checks that the feed may answer, and knows who asks.
pub(super) async fn open(feed: &Feed, viewer: &Viewer, network: Network, feed_name: &'static str) -> Result<Asked> {
    let started = Instant::now();
    if !feed.is_fresh() {
        feed.metrics().record_page(feed_name, FeedError::Stale.outcome(), started.elapsed());
        return Err(FeedError::Stale.into());
    }
    let (viewer_id, headers) = feed.identity().ensure_viewer(viewer, network).await?;
    Ok(Asked { viewer_id, headers, feed_name, started })
}

impl Asked {
    /// Counts the page and makes the answer.
    pub(super) fn answer(
        mut self,
        feed: &Feed,
        page: Result<PageBody, FeedError>,
    ) -> Result<(HeaderMap, Json<PageBody>)> {
        let outcome = match &page {
            Ok(page) if page.items.is_empty() => "empty",
            Ok(_) => "served",
            Err(error) => error.outcome(),
        };
        feed.metrics().record_page(self.feed_name, outcome, self.started.elapsed());
        let page = page?;
        self.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        Ok((self.headers, Json(page)))
    }
}

/// Counts what runs of the pipeline brought and what they did without.
pub(super) fn count_runs(feed: &Feed, runs: &[Outcome]) {
    for run in runs {
        for (source, count) in &run.candidates {
            feed.metrics().candidates.with_label_values(&[source.as_str()]).inc_by(*count as u64);
        }
        for component in &run.degraded {
            feed.metrics().degraded.with_label_values(&[*component]).inc();
        }
    }
}

/// Places of a slate as choices, each with the reason its source has.
pub(super) fn choices(picked: &[Picked], reason: impl Fn(SourceKind) -> Reason) -> Vec<Choice> {
    let choice = |picked: &Picked| Choice {
        row: picked.entry.row,
        position: picked.position,
        source: picked.entry.source,
        reason: reason(picked.entry.source),
        terms: picked.entry.terms.into_iter().flatten().collect(),
        propensity: picked.entry.propensity,
    };
    picked.iter().map(choice).collect()
}

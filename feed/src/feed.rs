use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::FromRef;
use axum::middleware::from_fn;
use estrade_db::{DbError, PgPool};
use estrade_domain::media_url::MediaUrls;
use estrade_domain::{ClipId, Entropy, SigningKey, Time};
use estrade_http::Identity;
use estrade_http::request::deadline;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::follow::Follower;
use crate::memory::Memory;
use crate::metrics::FeedMetrics;
use crate::world::Row;
use crate::{Args, FeedError, load, routes};

/// When the feed has not known for so long that it has read all of the event log, it answers 503
/// rather than show what may have been hidden meanwhile.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// What the feed is made of; it brings the rest itself.
pub struct Setup<'a> {
    /// Who is asking: pool, clock, randomness, public address.
    pub identity: Identity,
    /// Addresses of media.
    pub urls: MediaUrls,
    /// Signs cursors.
    pub key: SigningKey,
    /// Settings.
    pub args: Args,
    /// Where the metrics are registered.
    pub registry: &'a Registry,
}

/// The feed: its memory, the routes that answer from it, and the follower that keeps it true.
/// Cheap to clone; clones are the same feed.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    args: Args,
    identity: Identity,
    urls: MediaUrls,
    key: SigningKey,
    memory: Memory,
    metrics: FeedMetrics,
    freshness: Freshness,
    follower: tokio::sync::Mutex<Follower>,
}

/// When the feed last knew that it had read all of the event log.
#[derive(Debug)]
struct Freshness {
    origin: Instant,
    confirmed_ms: AtomicU64,
}

impl Freshness {
    fn lag(&self) -> Duration {
        let confirmed = Duration::from_millis(self.confirmed_ms.load(Ordering::Acquire));
        self.origin.elapsed().saturating_sub(confirmed)
    }
}

impl Feed {
    /// Loads everything the feed ranks from the database. Call [`Self::run`] next: without it the
    /// feed is stale after five seconds.
    pub async fn load(setup: Setup<'_>) -> Result<Self, FeedError> {
        let Setup { identity, urls, key, args, registry } = setup;
        let started = Instant::now();
        let metrics = FeedMetrics::new(registry)?;
        let memory = Memory::new(args.viewers_max.get(), args.slates_max.get(), identity.entropy.clone());
        let place = load::load_world(&identity.pool, &memory, &metrics, identity.clock.now()).await?;
        tracing::info!(
            clips = memory.world().catalogue.count(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "feed loaded"
        );
        let follower = tokio::sync::Mutex::new(Follower::new(identity.pool.clone(), place));
        let freshness = Freshness { origin: Instant::now(), confirmed_ms: AtomicU64::default() };
        Ok(Self(Arc::new(Inner { args, identity, urls, key, memory, metrics, freshness, follower })))
    }

    /// Every route below `/v1/feeds/`, with its documentation.
    pub fn router(&self) -> OpenApiRouter {
        routes::router().layer(from_fn(deadline)).with_state(self.clone())
    }

    /// Follows the event log until `shutdown`. One call at a time does so; a second one waits.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut follower = self.0.follower.lock().await;
        let _ = shutdown.run_until_cancelled(follower.follow(self)).await;
    }

    /// Whether what the feed knows is up to date: ready to answer.
    pub fn is_fresh(&self) -> bool {
        self.0.freshness.lag() <= STALE_AFTER
    }

    /// Everything committed before `at` has been read and applied.
    pub(crate) fn confirm_fresh(&self, at: Instant) {
        let freshness = &self.0.freshness;
        let since = at.saturating_duration_since(freshness.origin).as_millis();
        freshness.confirmed_ms.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    /// Brings the gauges up to date.
    pub(crate) fn measure(&self) {
        let set = |gauge: &prometheus::IntGauge, count: usize| gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        self.metrics().log_lag.set(self.0.freshness.lag().as_secs_f64());
        set(&self.metrics().clips, self.memory().world().catalogue.count());
        set(&self.metrics().viewers, self.memory().viewers.len());
        set(&self.metrics().slates, self.memory().slates.len());
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    pub(crate) fn metrics(&self) -> &FeedMetrics {
        &self.0.metrics
    }

    pub(crate) fn args(&self) -> &Args {
        &self.0.args
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.0.key
    }

    pub(crate) fn urls(&self) -> &MediaUrls {
        &self.0.urls
    }

    pub(crate) fn entropy(&self) -> &Entropy {
        &self.0.identity.entropy
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.0.identity.pool
    }

    pub(crate) fn now(&self) -> Time {
        self.0.identity.clock.now()
    }

    /// A connection; an error that says "unavailable" when none is free in time.
    pub(crate) async fn conn(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, DbError> {
        Ok(self.pool().acquire().await?)
    }
}

impl FromRef<Feed> for Identity {
    fn from_ref(feed: &Feed) -> Self {
        feed.identity().clone()
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feed")
    }
}

/// The documentation of every route, for a document made without a feed.
pub fn document() -> utoipa::openapi::OpenApi {
    routes::router().into_openapi()
}

/// Rows of clips that are known; what is not known cannot be offered anyway.
pub(crate) fn rows_of(memory: &Memory, clips: &[ClipId]) -> HashSet<Row> {
    let world = memory.world();
    clips.iter().filter_map(|&id| world.catalogue.row(id)).collect()
}

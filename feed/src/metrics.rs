//! What operators see of the feed.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Counters of the feed.
#[derive(Debug, Clone)]
pub(crate) struct FeedMetrics {
    pages: IntCounterVec,
    seconds: HistogramVec,
    /// Candidates brought, by source.
    pub(crate) candidates: IntCounterVec,
    /// Components that failed and were done without.
    pub(crate) degraded: IntCounterVec,
    /// Clips served.
    pub(crate) servings: IntCounter,
    /// Of them, clips on trial.
    pub(crate) explored: IntCounter,
    /// Seconds since the feed last knew that it had read all of the event log.
    pub(crate) log_lag: Gauge,
    /// Clips left out because their rows do not fit the model.
    pub(crate) unreadable_clips: IntCounter,
    /// Clips in memory.
    pub(crate) clips: IntGauge,
    /// Viewers in memory.
    pub(crate) viewers: IntGauge,
    /// Slates in memory.
    pub(crate) slates: IntGauge,
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

impl FeedMetrics {
    /// Registers the metrics.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters =
            |name, help, labels: &[&str]| register(registry, IntCounterVec::new(Opts::new(name, help), labels)?);
        let counter = |name, help| register(registry, IntCounter::new(name, help)?);
        let gauge = |name, help| register(registry, IntGauge::new(name, help)?);
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
        let seconds = HistogramOpts::new("estrade_feed_page_seconds", "Time to make a page, by feed").buckets(buckets);
        Ok(Self {
            pages: counters("estrade_feed_pages_total", "Pages asked for, by feed and outcome", &["feed", "outcome"])?,
            seconds: register(registry, HistogramVec::new(seconds, &["feed"])?)?,
            candidates: counters("estrade_feed_candidates_total", "Candidates brought, by source", &["source"])?,
            degraded: counters("estrade_feed_degraded_total", "Runs done without a component", &["component"])?,
            servings: counter("estrade_feed_servings_total", "Clips served")?,
            explored: counter("estrade_feed_servings_explored_total", "Clips served to be tried")?,
            log_lag: register(
                registry,
                Gauge::new("estrade_feed_log_lag_seconds", "Time since all of the event log was known to be read")?,
            )?,
            unreadable_clips: counter(
                "estrade_feed_clips_unreadable_total",
                "Clips left out because their rows do not fit the model",
            )?,
            clips: gauge("estrade_feed_clips", "Clips in memory")?,
            viewers: gauge("estrade_feed_viewers", "Viewers in memory")?,
            slates: gauge("estrade_feed_slates", "Slates in memory")?,
        })
    }

    /// Counts one page.
    pub(crate) fn record_page(&self, feed: &str, outcome: &str, elapsed: Duration) {
        self.pages.with_label_values(&[feed, outcome]).inc();
        self.seconds.with_label_values(&[feed]).observe(elapsed.as_secs_f64());
    }
}

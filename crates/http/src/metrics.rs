//! Requests counted and timed.

use std::time::Duration;

use axum::http::StatusCode;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

/// Counters of the HTTP surface.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
    /// Requests turned away because a limit was reached, by class.
    pub shed: IntCounterVec,
    /// Open connections.
    pub connections: IntGauge,
}

impl RequestMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("estrade_http_requests_total", "Requests answered, by route, method and status"),
            &["route", "method", "status"],
        )?;
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];
        let seconds = HistogramVec::new(
            HistogramOpts::new("estrade_http_request_seconds", "Time to the head of the answer").buckets(buckets),
            &["route", "method"],
        )?;
        let shed = IntCounterVec::new(
            Opts::new("estrade_http_requests_shed_total", "Requests turned away at a limit, by class"),
            &["class"],
        )?;
        let connections = IntGauge::new("estrade_http_connections", "Open connections")?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(shed.clone()))?;
        registry.register(Box::new(connections.clone()))?;
        Ok(Self { requests, seconds, shed, connections })
    }

    /// Counts one answer. Methods outside the usual few are counted as `OTHER`: labels stay bounded.
    pub fn record(&self, method: &str, route: &str, status: StatusCode, elapsed: Duration) {
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "OTHER",
        };
        self.requests.with_label_values(&[route, method, status.as_str()]).inc();
        self.seconds.with_label_values(&[route, method]).observe(elapsed.as_secs_f64());
    }
}

//! What operators look at: liveness, readiness, metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use estrade_blobs::Blobs;
use estrade_db::PgPool;
use estrade_feed::Feed;
use prometheus::{Encoder, GaugeVec, Opts, Registry, TextEncoder};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

/// One check of readiness takes no longer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// What readiness asks.
#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) pool: PgPool,
    pub(crate) blobs: Blobs,
    pub(crate) feed: Option<Feed>,
    /// Whether media is contained; none where no media is read.
    pub(crate) sandbox: Option<Arc<str>>,
    pub(crate) stopping: CancellationToken,
}

/// `/livez` and `/readyz`, for both listeners.
pub(crate) fn health_routes(probes: Probes) -> Router {
    Router::new().route("/livez", get(|| async { "alive\n" })).route("/readyz", get(ready)).with_state(probes)
}

async fn ready(State(probes): State<Probes>) -> Response {
    let (database, objects) = tokio::join!(check_database(&probes.pool), check_objects(&probes.blobs));
    let mut checks = Map::new();
    checks.insert("database".into(), verdict(database));
    checks.insert("objects".into(), verdict(objects));
    if let Some(feed) = &probes.feed {
        let fresh = if feed.is_fresh() { Ok(()) } else { Err("the feed does not follow the event log".to_owned()) };
        checks.insert("feed".into(), verdict(fresh));
    }
    if let Some(sandbox) = &probes.sandbox {
        checks.insert("sandbox".into(), json!(&**sandbox));
    }
    if probes.stopping.is_cancelled() {
        checks.insert("process".into(), json!("stopping"));
    }
    let status = if is_ready(&checks) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(Value::Object(checks))).into_response()
}

/// Everything works. The sandbox is told and does not count: a process that reads media uncontained, or with a layer less,
/// runs because its operator said so; another one would not have started.
fn is_ready(checks: &Map<String, Value>) -> bool {
    checks.iter().all(|(name, state)| name == "sandbox" || state == "ok")
}

fn verdict(check: Result<(), String>) -> Value {
    check.map_or_else(Value::String, |()| json!("ok"))
}

/// Whether the database answers.
pub(crate) async fn check_database(pool: &PgPool) -> Result<(), String> {
    let answer = tokio::time::timeout(CHECK_TIMEOUT, estrade_db::pending_migrations(pool)).await;
    match answer {
        Ok(Ok(0)) => Ok(()),
        Ok(Ok(missing)) => Err(format!("{missing} migrations are missing; run estrade migrate")),
        Ok(Err(error)) => Err(estrade_http::problem::chain(&error)),
        Err(_) => Err("the database does not answer".to_owned()),
    }
}

/// Whether the object store answers.
pub(crate) async fn check_objects(blobs: &Blobs) -> Result<(), String> {
    match tokio::time::timeout(CHECK_TIMEOUT, blobs.ensure_bucket()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(estrade_http::problem::chain(&error)),
        Err(_) => Err("the object store does not answer".to_owned()),
    }
}

/// The operators' listener: health and `/metrics`.
pub(crate) fn operator_routes(registry: Registry, pool: PgPool, probes: Probes) -> anyhow::Result<Router> {
    let queue = QueueMetrics::new(&registry)?;
    let state = Metrics { registry, pool, queue };
    Ok(Router::new().route("/metrics", get(metrics)).with_state(state).merge(health_routes(probes)))
}

#[derive(Clone)]
struct Metrics {
    registry: Registry,
    pool: PgPool,
    queue: QueueMetrics,
}

/// The queue's depth, read when metrics are.
#[derive(Clone)]
struct QueueMetrics {
    jobs: GaugeVec,
    oldest: GaugeVec,
}

impl QueueMetrics {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let jobs = GaugeVec::new(Opts::new("estrade_jobs_queue_jobs", "Jobs by kind and state"), &["kind", "state"])?;
        let oldest = GaugeVec::new(
            Opts::new("estrade_jobs_queue_oldest_seconds", "How long the oldest job that could run waits, by kind"),
            &["kind"],
        )?;
        registry.register(Box::new(jobs.clone()))?;
        registry.register(Box::new(oldest.clone()))?;
        Ok(Self { jobs, oldest })
    }

    async fn refresh(&self, pool: &PgPool) -> Result<(), estrade_db::DbError> {
        let mut conn = pool.acquire().await?;
        let depths = estrade_db::jobs::queue_depths(&mut conn).await?;
        self.jobs.reset();
        self.oldest.reset();
        for depth in depths {
            #[expect(clippy::cast_precision_loss, reason = "a gauge; no queue is that long")]
            let (available, running) = (depth.available as f64, depth.running as f64);
            self.jobs.with_label_values(&[depth.kind.as_str(), "available"]).set(available);
            self.jobs.with_label_values(&[depth.kind.as_str(), "running"]).set(running);
            self.oldest.with_label_values(&[depth.kind.as_str()]).set(depth.oldest_secs);
        }
        Ok(())
    }
}

async fn metrics(State(metrics): State<Metrics>) -> Response {
    if let Err(error) = metrics.queue.refresh(&metrics.pool).await {
        tracing::warn!(error = %error, "the queue's depth cannot be read");
    }
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&metrics.registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ready_with(name: &str, state: &str) -> bool {
        let mut checks =
            Map::from_iter(["database", "objects", "feed", "sandbox"].map(|name| (name.into(), json!("ok"))));
        checks.insert(name.into(), json!(state));
        is_ready(&checks)
    }

    #[test]
    fn whatever_does_not_work_counts_but_an_accepted_sandbox() {
        assert!(is_ready_with("sandbox", "insecure: list /"));
        assert!(is_ready_with("sandbox", "ok; left to seccomp alone: TCP"));
        for name in ["database", "objects", "feed", "process"] {
            assert!(!is_ready_with(name, "stopping"), "{name}");
        }
    }
}

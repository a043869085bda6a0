use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// What operators see of the queue.
#[derive(Debug, Clone)]
pub struct JobMetrics {
    /// Attempts that ended, by kind and outcome.
    pub outcomes: IntCounterVec,
    /// Attempts that failed, by kind and code.
    pub failures: IntCounterVec,
    /// Time an attempt took, by kind.
    pub seconds: HistogramVec,
}

impl JobMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let outcomes = IntCounterVec::new(
            Opts::new("estrade_jobs_attempts_total", "Attempts that ended, by kind and outcome"),
            &["kind", "outcome"],
        )?;
        let failures = IntCounterVec::new(
            Opts::new("estrade_jobs_failures_total", "Attempts that failed, by kind and code"),
            &["kind", "code"],
        )?;
        let buckets = vec![0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0];
        let seconds = HistogramVec::new(
            HistogramOpts::new("estrade_jobs_attempt_seconds", "Time an attempt took, by kind").buckets(buckets),
            &["kind"],
        )?;
        registry.register(Box::new(outcomes.clone()))?;
        registry.register(Box::new(failures.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { outcomes, failures, seconds })
    }
}

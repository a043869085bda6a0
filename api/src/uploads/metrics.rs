use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// What operators see of uploads.
#[derive(Debug, Clone)]
pub(super) struct UploadMetrics {
    /// Bytes written to the spool.
    pub(super) received: IntCounter,
    /// Uploads by what became of them.
    pub(super) uploads: IntCounterVec,
    /// From the last byte to the whole source in the store.
    pub(super) store_seconds: Histogram,
    /// Bytes in the spool.
    pub(super) spool: IntGauge,
    /// Requests cut by a newer one.
    pub(super) takeovers: IntCounter,
    /// Failed tries to move bytes into the store.
    pub(super) store_failures: IntCounter,
}

impl UploadMetrics {
    /// Registers the metrics.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let buckets = vec![0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];
        let metrics = Self {
            received: IntCounter::new("estrade_upload_received_bytes_total", "Bytes of uploads written to the spool")?,
            uploads: IntCounterVec::new(
                Opts::new("estrade_uploads_total", "Uploads by what became of them"),
                &["outcome"],
            )?,
            store_seconds: Histogram::with_opts(
                HistogramOpts::new("estrade_upload_store_seconds", "From the last byte to the source in the store")
                    .buckets(buckets),
            )?,
            spool: IntGauge::new("estrade_upload_spool_bytes", "Bytes in the spool")?,
            takeovers: IntCounter::new("estrade_upload_takeovers_total", "Requests cut by a newer one")?,
            store_failures: IntCounter::new(
                "estrade_upload_store_failures_total",
                "Failed tries to move bytes into the store",
            )?,
        };
        registry.register(Box::new(metrics.received.clone()))?;
        registry.register(Box::new(metrics.uploads.clone()))?;
        registry.register(Box::new(metrics.store_seconds.clone()))?;
        registry.register(Box::new(metrics.spool.clone()))?;
        registry.register(Box::new(metrics.takeovers.clone()))?;
        registry.register(Box::new(metrics.store_failures.clone()))?;
        Ok(metrics)
    }

    /// Counts an upload.
    pub(super) fn count(&self, outcome: &str) {
        self.uploads.with_label_values(&[outcome]).inc();
    }
}

use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// What operators see of the transcoder.
#[derive(Debug, Clone)]
pub struct TranscoderMetrics {
    /// Time by stage: `fetch`, `first` (start to playable), `all` (start to complete, in one go), `store` (one chunk).
    pub seconds: HistogramVec,
    /// Clips that ended, by code; `ready` is the good one.
    pub outcomes: IntCounterVec,
    /// Bytes of sources read.
    pub source_bytes: IntCounter,
    /// Bytes of renditions stored.
    pub stored_bytes: IntCounter,
    /// Milliseconds of media completed.
    pub media_ms: IntCounter,
    /// Clips found that nobody worked on.
    pub rescues: IntCounter,
    /// 1 when the child is contained by every layer.
    pub is_contained: IntGauge,
}

impl TranscoderMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let buckets = vec![0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0];
        let metrics = Self {
            seconds: HistogramVec::new(
                HistogramOpts::new("estrade_transcoder_stage_seconds", "Time by stage").buckets(buckets),
                &["stage"],
            )?,
            outcomes: IntCounterVec::new(
                Opts::new("estrade_transcoder_clips_total", "Clips that ended, by code"),
                &["code"],
            )?,
            source_bytes: IntCounter::new("estrade_transcoder_source_bytes_total", "Bytes of sources read")?,
            stored_bytes: IntCounter::new("estrade_transcoder_stored_bytes_total", "Bytes of renditions stored")?,
            media_ms: IntCounter::new("estrade_transcoder_media_ms_total", "Milliseconds of media completed")?,
            rescues: IntCounter::new("estrade_transcoder_rescues_total", "Clips found that nobody worked on")?,
            is_contained: IntGauge::new(
                "estrade_transcoder_sandbox_contained",
                "1 when the child is contained by every layer",
            )?,
        };
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.outcomes.clone()))?;
        registry.register(Box::new(metrics.source_bytes.clone()))?;
        registry.register(Box::new(metrics.stored_bytes.clone()))?;
        registry.register(Box::new(metrics.media_ms.clone()))?;
        registry.register(Box::new(metrics.rescues.clone()))?;
        registry.register(Box::new(metrics.is_contained.clone()))?;
        Ok(metrics)
    }
}

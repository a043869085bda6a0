use std::time::Duration;

use prometheus::{
    Counter, CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

use crate::Outcome;
use crate::media::StageTimes;
use crate::plan::TranscodePlan;
use crate::sandbox::UsageListener;

/// What operators see of the transcoder.
#[derive(Debug, Clone)]
pub struct TranscoderMetrics {
    /// Wall time by stage: `fetch`, `probe`, `first` (start to playable), `all` (start to complete, in one go),
    /// `store` (one chunk uploaded and published).
    pub seconds: HistogramVec,
    /// Clips that ended, by code; `ready` is the good one.
    pub outcomes: IntCounterVec,
    /// Plans made, by what became of their ladder after a look at the source.
    pub ladders: IntCounterVec,
    /// Bytes of sources read.
    pub source_bytes: IntCounter,
    /// Bytes of renditions stored.
    pub stored_bytes: IntCounter,
    /// Milliseconds of media completed.
    pub media_ms: IntCounter,
    /// Wall time that the child spent inside a stage, by stage and size of rung; stages overlap.
    pub child_stages: CounterVec,
    /// Processor time of children, however they ended.
    pub child_cpu: Counter,
    /// Most memory a child had.
    pub child_peak: Histogram,
    /// Seconds of media made in a second, from start to complete.
    pub realtime: Histogram,
    /// Families by what became of them: `ordered`, `made`, `given_up`.
    pub families: IntCounterVec,
    /// Clips found that nobody worked on.
    pub rescues: IntCounter,
    /// 1 when the child is contained by every layer.
    pub is_contained: IntGauge,
    /// What the kernel's Landlock leaves to one layer alone.
    pub gaps: IntGauge,
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
            ladders: IntCounterVec::new(
                Opts::new("estrade_transcoder_ladders_total", "Plans made, by what a look made of their ladder"),
                &["ladder"],
            )?,
            source_bytes: IntCounter::new("estrade_transcoder_source_bytes_total", "Bytes of sources read")?,
            stored_bytes: IntCounter::new("estrade_transcoder_stored_bytes_total", "Bytes of renditions stored")?,
            media_ms: IntCounter::new("estrade_transcoder_media_ms_total", "Milliseconds of media completed")?,
            child_stages: CounterVec::new(
                Opts::new(
                    "estrade_transcoder_child_stage_seconds_total",
                    "Wall time the child spent inside a stage; stages overlap",
                ),
                &["stage", "rung"],
            )?,
            child_cpu: Counter::new(
                "estrade_transcoder_child_cpu_seconds_total",
                "Processor time of children, however they ended",
            )?,
            child_peak: Histogram::with_opts(
                HistogramOpts::new("estrade_transcoder_child_peak_bytes", "Most memory a child had").buckets(
                    [64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048]
                        .map(|mib| f64::from(mib) * f64::from(1 << 20))
                        .to_vec(),
                ),
            )?,
            realtime: Histogram::with_opts(
                HistogramOpts::new("estrade_transcoder_realtime_factor", "Seconds of media made in a second")
                    .buckets(vec![0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0]),
            )?,
            families: IntCounterVec::new(
                Opts::new("estrade_transcoder_families_total", "Second families of clips that are watched much"),
                &["outcome"],
            )?,
            rescues: IntCounter::new("estrade_transcoder_rescues_total", "Clips found that nobody worked on")?,
            is_contained: IntGauge::new(
                "estrade_transcoder_sandbox_contained",
                "1 when every way out of the child that was tried is shut",
            )?,
            gaps: IntGauge::new(
                "estrade_transcoder_sandbox_gaps",
                "Rights that this kernel's Landlock cannot hold, so that the filter of system calls does alone",
            )?,
        };
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.outcomes.clone()))?;
        registry.register(Box::new(metrics.ladders.clone()))?;
        registry.register(Box::new(metrics.source_bytes.clone()))?;
        registry.register(Box::new(metrics.stored_bytes.clone()))?;
        registry.register(Box::new(metrics.media_ms.clone()))?;
        registry.register(Box::new(metrics.child_stages.clone()))?;
        registry.register(Box::new(metrics.child_cpu.clone()))?;
        registry.register(Box::new(metrics.child_peak.clone()))?;
        registry.register(Box::new(metrics.realtime.clone()))?;
        registry.register(Box::new(metrics.families.clone()))?;
        registry.register(Box::new(metrics.rescues.clone()))?;
        registry.register(Box::new(metrics.is_contained.clone()))?;
        registry.register(Box::new(metrics.gaps.clone()))?;
        Ok(metrics)
    }

    /// Counts where the time of a run went. Stages are the child's own words, so none is believed to have lasted
    /// longer than the whole attempt.
    pub(super) fn observe_stages(&self, plan: &TranscodePlan, stages: &StageTimes, took: Duration) {
        let add = |stage: &str, rung: &str, us: u64| {
            let time = Duration::from_micros(us).min(took);
            self.child_stages.with_label_values(&[stage, rung]).inc_by(time.as_secs_f64());
        };
        add("decode", "", stages.decode_us);
        add("convert", "", stages.convert_us);
        add("sound", "", stages.sound_us);
        add("poster", "", stages.poster_us);
        add("package", "", stages.package_us);
        for (rung, times) in plan.rungs.iter().zip(&stages.rungs) {
            let class = rung_class(rung.short_edge());
            add("scale", class, times.scale_us);
            add("encode", class, times.encode_us);
        }
    }

    /// Counts each child that has ended, however it did.
    pub fn count_children(&self) -> UsageListener {
        let (cpu, peak) = (self.child_cpu.clone(), self.child_peak.clone());
        UsageListener::new(move |usage| {
            cpu.inc_by(Duration::from_micros(usage.cpu_us).as_secs_f64());
            #[expect(clippy::cast_precision_loss, reason = "memory of one process")]
            peak.observe(usage.peak_memory_bytes as f64);
        })
    }

    /// Counts how fast a run was that made the whole clip.
    pub(super) fn observe_speed(&self, plan: &TranscodePlan, outcome: &Outcome, took: Duration) {
        if !took.is_zero() && outcome.chunks.len() == plan.chunks.len() {
            let media = Duration::from_millis(outcome.duration_ms);
            self.realtime.observe(media.as_secs_f64() / took.as_secs_f64());
        }
    }
}

/// The size of the ladder that a rung stands for: few names, whatever sizes sources have.
fn rung_class(short_edge: u32) -> &'static str {
    match short_edge {
        0..=360 => "360",
        361..=540 => "540",
        541..=720 => "720",
        _ => "1080",
    }
}

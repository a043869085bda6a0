//! The transcode job: fetch the source, let the child work, store and publish chunk by chunk.

mod args;
mod handler;
mod metrics;
mod publish;

pub use args::Args;
pub use handler::TranscodeHandler;
pub use metrics::TranscoderMetrics;

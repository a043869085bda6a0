//! The jobs: fetch the source, let the child work, store and publish chunk by chunk; posters and files
//! to share beside.

mod args;
mod attempt;
mod begin;
mod download;
mod extras;
mod family;
mod handler;
mod keeper;
mod metrics;
mod orders;
mod publish;
mod rest;
mod sweep;
mod work_dir;

pub use args::Args;
pub use extras::ExtrasHandler;
pub use handler::TranscodeHandler;
pub use metrics::TranscoderMetrics;
pub use orders::clip_of_day;
pub use work_dir::WorkDir;

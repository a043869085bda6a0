//! What every HTTP surface does alike: problems, viewers, extractors, limits, one log line a
//! request, the serve loop and its drain.

pub mod clip_body;
mod extract;
pub mod identity;
pub mod limit;
pub mod metrics;
pub mod problem;
pub mod rate;
pub mod request;
pub mod serve;

pub use extract::{Json, Path, Query, read_body};
pub use identity::{Account, Identity, Viewer};
pub use problem::{FieldError, Problem, Result};

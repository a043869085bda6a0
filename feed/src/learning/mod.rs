//! What is learned from viewers, event by event.

mod acts;
mod decay;
mod neighbours;
mod stats;

pub use acts::{VIEW_MIN_MS, learn_act, learn_like, learn_outcome};
pub use decay::fraction_left;
pub use neighbours::Neighbours;
pub use stats::{ClipStats, LengthRates, length_bucket};

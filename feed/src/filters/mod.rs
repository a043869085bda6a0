//! Filters: what may not be offered. Ranking never decides this.

mod seen;
mod visibility;

pub use seen::Seen;
pub use visibility::Visibility;

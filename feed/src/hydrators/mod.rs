//! Hydrators: what scoring needs to know of each candidate.

mod affinity;
mod figures;

pub use affinity::Affinity;
pub use figures::Figures;

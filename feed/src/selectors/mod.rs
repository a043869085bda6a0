//! Selectors: who stands where.

mod slots;
mod spacing;

pub use slots::Slots;
pub use spacing::Spacing;

//! Selectors: who stands where.

mod slots;
mod spacing;

pub use slots::{Slots, is_trial_place};
pub use spacing::Spacing;

//! Scorers: what a candidate is worth, as a sum of named terms.

mod value;

pub use value::Value;

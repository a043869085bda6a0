//! One operation a file, grouped by noun.
pub mod media;

//! One operation a file, grouped by noun.

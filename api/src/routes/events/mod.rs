//! What clients report of watching.

pub(crate) mod record;

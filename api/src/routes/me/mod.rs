//! What is one's own.

pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list_clips;
pub(crate) mod update;

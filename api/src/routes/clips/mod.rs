//! The things people watch.

pub(crate) mod delete;
pub(crate) mod delete_captions;
pub(crate) mod get;
pub(crate) mod like;
pub(crate) mod poster;
pub(crate) mod put_captions;
pub(crate) mod report;
pub(crate) mod retry;
pub(crate) mod stream;
pub(crate) mod unlike;
pub(crate) mod update;

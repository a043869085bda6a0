//! One operation a file, grouped by noun.

pub(crate) mod accounts;
pub(crate) mod clips;
pub(crate) mod creators;
pub(crate) mod events;
pub(crate) mod guests;
pub(crate) mod me;
pub(crate) mod media;
pub(crate) mod sessions;
pub(crate) mod uploads;

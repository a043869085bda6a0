//! People who publish.

pub(crate) mod follow;
pub(crate) mod get;
pub(crate) mod list_clips;
pub(crate) mod unfollow;

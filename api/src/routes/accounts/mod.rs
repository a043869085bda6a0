//! People who signed up.

pub(crate) mod create;

//! Viewers without an account.

pub(crate) mod create;

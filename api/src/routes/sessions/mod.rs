//! Signed-in devices.

pub(crate) mod create;
pub(crate) mod delete;

//! The shapes of requests and answers, and how values of ours become them.

pub(crate) mod account;
pub(crate) mod clip;
pub(crate) mod creator;
pub(crate) mod event;
pub(crate) mod field;
pub(crate) mod page;
pub(crate) mod patch;
pub(crate) mod problems;
pub(crate) mod query;

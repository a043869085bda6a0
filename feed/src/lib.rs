//! Service: who sees what next.
//!
//! A [`Feed`] holds everything it ranks in memory: rebuilt from PostgreSQL by [`Feed::load`], kept
//! true by [`Feed::run`], which follows the ordered event log, and answered from by the routes of
//! [`Feed::router`]. A page is a slice of a slate that was ranked once and stays as it was, so a
//! scroll neither repeats nor loses clips. Ranking never decides visibility: what may be offered is
//! the filters' business, the slate's when it is sliced, and the database's when the servings are
//! written, which happens before anything is answered.

mod args;
mod assembly;
mod error;
mod feed;
mod filters;
mod follow;
mod hydrators;
mod learning;
mod load;
mod memory;
mod metrics;
mod pages;
mod parameters;
mod pipeline;
mod reason;
mod routes;
mod scorers;
mod selectors;
mod slates;
mod sources;
mod viewers;
mod wire;
mod world;

pub use args::Args;
pub use error::FeedError;
pub use feed::{Feed, Setup, document};

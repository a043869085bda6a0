//! The job queue's runtime: everything the system does later.
//!
//! A worker holds a job by a lease and renews it; a worker that dies is noticed when the lease
//! lapses, within 30 s. Whatever a worker writes about its job carries the lease's token, so one
//! that lost it can change nothing. Every job ends: completed, cancelled, or discarded with a reason.

mod again;
mod context;
mod kind;
mod metrics;
mod retry;
mod worker;

pub use again::enqueue_again;
pub use context::{Context, JobError, Successor};
pub use estrade_db::jobs::{Lease, QueueDepth};
pub use kind::{Job, Kind, Policy, Weight, cancel_transcodes, cancel_work_on, enqueue, purge_copies};
pub use metrics::JobMetrics;
pub use retry::{Retried, retry_discarded};
pub use worker::{Handler, Worker};

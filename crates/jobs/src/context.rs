//! What a running job knows about itself, and how its worker goes on with another one.

use std::sync::Arc;
use std::time::Instant;

use estrade_db::jobs::{self as queue, ClaimedJob, Lease};
use estrade_db::{DbError, PgConnection, Transaction};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{Job, JobMetrics, Kind};

/// How an attempt ended when it did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobError {
    /// Trouble that may pass: try again after the kind's delay, until the attempts are used up.
    Retry {
        /// Stable code in snake case.
        code: String,
        /// For operators.
        detail: String,
    },
    /// It can never succeed.
    Discard {
        /// Stable code in snake case.
        code: String,
        /// For operators.
        detail: String,
    },
    /// [`Context::stop`] fired and the work was left: another worker goes on, the attempt does not count.
    Stopped,
    /// Some of the work is done, and more urgent work waits: the attempt does not count. Whoever
    /// hands over has made progress, or a job could be handed over for ever.
    HandedOver,
}

impl JobError {
    /// Trouble that may pass.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over the error they end with")]
    pub fn retry(code: &str, detail: impl ToString) -> Self {
        Self::Retry { code: code.to_owned(), detail: detail.to_string() }
    }
}

impl From<DbError> for JobError {
    fn from(error: DbError) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Retry { code: "database".to_owned(), detail: format!("{error}{cause}") }
    }
}

/// The job a worker runs now.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) claimed: ClaimedJob,
    pub(crate) since: Instant,
}

/// What a running job knows about itself.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) running: Arc<Mutex<Running>>,
    pub(crate) worker: Arc<str>,
    pub(crate) kinds: Arc<[String]>,
    pub(crate) metrics: JobMetrics,
    /// Fires when the worker shuts down or the lease was lost: leave the work.
    pub stop: CancellationToken,
}

/// A job that was claimed in a transaction that has yet to commit: [`Context::go_on`] does both.
#[derive(Debug)]
pub struct Successor {
    claimed: ClaimedJob,
    /// What it is to do.
    pub job: Job,
}

impl Context {
    /// The right to run; publish results in a transaction that began with [`Context::hold`].
    pub async fn lease(&self) -> Lease {
        self.running.lock().await.claimed.lease.clone()
    }

    /// Locks the job's row until the transaction ends and checks that the lease is still held.
    pub async fn hold(&self, conn: &mut PgConnection) -> Result<(), JobError> {
        let lease = self.lease().await;
        if queue::hold_lease(conn, &lease).await? { Ok(()) } else { Err(JobError::Stopped) }
    }

    /// Whether more urgent work waits that this worker could do.
    pub async fn is_urgent_waiting(&self, conn: &mut PgConnection) -> Result<bool, JobError> {
        let priority = self.running.lock().await.claimed.priority;
        Ok(queue::is_urgent_waiting(conn, &self.kinds, priority).await?)
    }

    /// Ends this job well and claims `next` in its place, in the caller's transaction, if it waits
    /// and nothing more urgent does. Otherwise nothing is changed, and this job is to end as usual.
    pub async fn claim_next(&self, conn: &mut PgConnection, next: &Job) -> Result<Option<Successor>, JobError> {
        let (kind, key) = (next.kind(), next.unique_key());
        let lease = kind.policy().lease;
        let claimed = queue::claim_if_next(conn, &self.worker, (kind.as_str(), &key), &self.kinds, lease).await?;
        let Some(claimed) = claimed else { return Ok(None) };
        let job =
            Job::from_stored(&claimed.kind, &claimed.args).map_err(|error| JobError::retry("arguments", error))?;
        if queue::complete_job(conn, &self.lease().await).await? {
            Ok(Some(Successor { claimed, job }))
        } else {
            Err(JobError::Stopped)
        }
    }

    /// Commits the transaction in which the successor was claimed; it is the job that runs from now on.
    pub async fn go_on(&self, tx: Transaction, successor: Successor) -> Result<Job, JobError> {
        // Held while committing: whoever finds the old lease gone looks here before giving up.
        let mut running = self.running.lock().await;
        tx.commit().await.map_err(DbError::from)?;
        let (kind, elapsed) = (running.claimed.kind.as_str(), running.since.elapsed());
        self.metrics.outcomes.with_label_values(&[kind, "completed"]).inc();
        self.metrics.seconds.with_label_values(&[kind]).observe(elapsed.as_secs_f64());
        *running = Running { claimed: successor.claimed, since: Instant::now() };
        Ok(successor.job)
    }
}

/// The names of kinds in the database.
pub(crate) fn names(kinds: &[Kind]) -> Arc<[String]> {
    kinds.iter().map(|kind| kind.as_str().to_owned()).collect()
}

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use estrade_db::jobs::{self as queue, ClaimedJob};
use estrade_db::{DbError, Listener, PgConnection, PgPool, listen};
use estrade_domain::Entropy;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::{Running, names};
use crate::{Context, Job, JobError, JobMetrics, Kind};

/// Heartbeats in one lease: two may be lost before the lease lapses.
const HEARTBEATS_PER_LEASE: u32 = 4;
/// Without a notification the queue is asked this often, give or take a quarter.
const POLL: Duration = Duration::from_secs(4);
/// After a failed query, wait this long.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// Runs the jobs of some kinds.
pub trait Handler: Send + Sync + 'static {
    /// The kinds it runs.
    fn kinds(&self) -> &'static [Kind];

    /// Runs one attempt. Safe to run more than once: a worker may die at any point.
    fn run(&self, job: Job, context: Context) -> impl Future<Output = Result<(), JobError>> + Send;

    /// The job was given up: write down what that means, in the transaction that gives it up.
    fn discarded(
        &self,
        conn: &mut PgConnection,
        job: &Job,
        code: &str,
        detail: &str,
    ) -> impl Future<Output = Result<(), DbError>> + Send;
}

/// Claims jobs and runs them, `places` at a time.
pub struct Worker<H> {
    handler: Arc<H>,
    pool: PgPool,
    name: Arc<str>,
    kinds: Arc<[String]>,
    places: usize,
    metrics: JobMetrics,
    entropy: Entropy,
}

impl<H: Handler> Worker<H> {
    /// A worker; `name` tells operators which process holds a lease.
    pub fn new(handler: H, pool: PgPool, name: String, places: usize, metrics: JobMetrics, entropy: Entropy) -> Self {
        let kinds = names(handler.kinds());
        Self { handler: Arc::new(handler), pool, name: name.into(), kinds, places, metrics, entropy }
    }

    /// Works until `shutdown`; then running jobs are told to stop and hand their leases back.
    pub async fn run(self, shutdown: CancellationToken) {
        let worker = Arc::new(self);
        let places = Arc::new(Semaphore::new(worker.places));
        let running = TaskTracker::new();
        let mut listener = None;
        while !shutdown.is_cancelled() {
            // Subscribed before the queue is asked: nothing falls between.
            if listener.is_none() {
                listener = worker.subscribe().await;
            }
            let claimed_all = worker.claim_all(&places, &running, &shutdown).await;
            let wait = if claimed_all.is_ok() { worker.jittered(POLL) } else { ERROR_PAUSE };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = wake(&mut listener) => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        running.close();
        running.wait().await;
    }

    /// Runs what is due, one job after the other, until nothing is: for tests and drills.
    pub async fn drain(self) -> Result<usize, DbError> {
        let worker = Arc::new(self);
        let mut count = 0;
        while let Some(claimed) = worker.claim().await? {
            worker.attempt(claimed, CancellationToken::new()).await;
            count += 1;
        }
        Ok(count)
    }

    async fn subscribe(&self) -> Option<Listener> {
        match listen(&self.pool, &["jobs"]).await {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::warn!(error = %error, "the job queue cannot be subscribed to; polling");
                None
            }
        }
    }

    fn jittered(&self, duration: Duration) -> Duration {
        duration.mul_f64(0.75 + self.entropy.fraction() / 2.0)
    }

    /// Claims until no place or no job is left.
    async fn claim_all(
        self: &Arc<Self>,
        places: &Arc<Semaphore>,
        running: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<(), DbError> {
        loop {
            let place = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                place = Arc::clone(places).acquire_owned() => place,
            };
            let Ok(place) = place else { return Ok(()) };
            let claimed = self.claim().await.inspect_err(|error| {
                tracing::warn!(error = %error, "the job queue cannot be read");
            })?;
            let Some(claimed) = claimed else { return Ok(()) };
            running.spawn(Arc::clone(self).attempt_holding(place, claimed, shutdown.clone()));
        }
    }

    async fn attempt_holding(
        self: Arc<Self>,
        place: OwnedSemaphorePermit,
        claimed: ClaimedJob,
        shutdown: CancellationToken,
    ) {
        self.attempt(claimed, shutdown).await;
        drop(place);
    }

    async fn claim(&self) -> Result<Option<ClaimedJob>, DbError> {
        self.discard_lapsed(&self.kinds).await?;
        let lease = self.handler.kinds().iter().map(|kind| kind.policy().lease).max().unwrap_or(ERROR_PAUSE);
        let mut conn = self.pool.acquire().await?;
        queue::claim_job(&mut conn, &self.name, &self.kinds, lease).await
    }

    /// Jobs whose last worker died: they get their ending too.
    async fn discard_lapsed(&self, kinds: &[String]) -> Result<(), DbError> {
        let mut tx = self.pool.begin().await?;
        for lapsed in queue::discard_lapsed(&mut tx, kinds).await? {
            tracing::error!(job.id = %lapsed.job_id, job.kind = %lapsed.kind, "job discarded: its worker was lost on the last attempt");
            if let Ok(job) = Job::from_stored(&lapsed.kind, &lapsed.args) {
                let detail = "the worker stopped answering on the last attempt";
                self.handler.discarded(&mut tx, &job, "worker_lost", detail).await?;
                self.metrics.outcomes.with_label_values(&[lapsed.kind.as_str(), "worker_lost"]).inc();
            }
        }
        Ok(tx.commit().await?)
    }

    async fn attempt(&self, claimed: ClaimedJob, shutdown: CancellationToken) {
        let job = Job::from_stored(&claimed.kind, &claimed.args);
        let context = Context {
            running: Arc::new(Mutex::new(Running { claimed, since: Instant::now() })),
            worker: Arc::clone(&self.name),
            kinds: Arc::clone(&self.kinds),
            metrics: self.metrics.clone(),
            stop: shutdown.child_token(),
        };
        let outcome = match job {
            Ok(job) => self.run_with_heartbeat(job, &context).await,
            Err(error) => Err(JobError::Discard { code: "invalid_arguments".to_owned(), detail: error.to_string() }),
        };
        // The job that ran last: it may be another one than the first.
        let Running { claimed, since } = context.running.lock().await.clone();
        let label = self.settle(&claimed, outcome).await;
        let elapsed = since.elapsed();
        self.metrics.outcomes.with_label_values(&[claimed.kind.as_str(), label]).inc();
        self.metrics.seconds.with_label_values(&[claimed.kind.as_str()]).observe(elapsed.as_secs_f64());
        tracing::info!(
            job.id = %claimed.lease.job_id,
            job.kind = %claimed.kind,
            job.attempt = claimed.attempt,
            job.outcome = label,
            duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "job attempt ended"
        );
    }

    async fn run_with_heartbeat(&self, job: Job, context: &Context) -> Result<(), JobError> {
        let lease = job.kind().policy().lease;
        let is_lost = AtomicBool::new(false);
        let heartbeat = async {
            self.keep_lease(context, lease).await;
            is_lost.store(true, Ordering::Relaxed);
            context.stop.cancel();
            std::future::pending::<()>().await;
        };
        let run = self.handler.run(job, context.clone());
        tokio::pin!(run);
        let outcome = tokio::select! {
            outcome = run => outcome,
            () = heartbeat => Err(JobError::Stopped),
        };
        if is_lost.load(Ordering::Relaxed) { Err(JobError::Stopped) } else { outcome }
    }

    /// Renews the lease until it is lost; a database that is away counts once the lease must have lapsed.
    async fn keep_lease(&self, context: &Context, lease: Duration) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(lease / HEARTBEATS_PER_LEASE).await;
            let held = context.lease().await;
            let answer = match self.pool.acquire().await {
                Ok(mut conn) => queue::renew_lease(&mut conn, &held, lease).await,
                Err(error) => Err(error.into()),
            };
            match answer {
                Ok(true) => renewed = Instant::now(),
                // The work may have gone on under the lease of another job meanwhile.
                Ok(false) if context.lease().await.token != held.token => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(job.id = %held.job_id, error = %error, "a lease could not be renewed");
                    if renewed.elapsed() >= lease {
                        return;
                    }
                }
            }
        }
    }

    /// Writes down how the attempt ended; the label for metrics.
    async fn settle(&self, claimed: &ClaimedJob, outcome: Result<(), JobError>) -> &'static str {
        let (label, written) = match outcome {
            Ok(()) => ("completed", self.complete(claimed).await),
            Err(JobError::Stopped) => ("stopped", self.release(claimed).await),
            Err(JobError::HandedOver) => ("handed_over", self.release(claimed).await),
            Err(JobError::Retry { code, detail }) if claimed.attempt < claimed.attempts_max => {
                self.note_failure(claimed, &code, &detail, "job attempt failed");
                ("retried", self.retry(claimed, &code, &detail).await)
            }
            Err(JobError::Retry { code, detail } | JobError::Discard { code, detail }) => {
                self.note_failure(claimed, &code, &detail, "job discarded");
                ("discarded", self.discard(claimed, &code, &detail).await)
            }
        };
        match written {
            Ok(true) => label,
            Ok(false) => "lease_lost",
            Err(error) => {
                // The lease lapses and another worker runs it again.
                tracing::error!(job.id = %claimed.lease.job_id, error = %error, "a job's end could not be written");
                "unsettled"
            }
        }
    }

    fn note_failure(&self, claimed: &ClaimedJob, code: &str, detail: &str, what: &str) {
        let clip = Job::from_stored(&claimed.kind, &claimed.args).ok().and_then(|job| job.clip_id());
        tracing::warn!(job.id = %claimed.lease.job_id, job.kind = %claimed.kind, clip.id = clip.map(tracing::field::display), error.code = %code, error = %detail, "{what}");
        self.metrics.failures.with_label_values(&[claimed.kind.as_str(), code]).inc();
    }

    async fn complete(&self, claimed: &ClaimedJob) -> Result<bool, DbError> {
        let mut conn = self.pool.acquire().await?;
        queue::complete_job(&mut conn, &claimed.lease).await
    }

    async fn release(&self, claimed: &ClaimedJob) -> Result<bool, DbError> {
        let mut conn = self.pool.acquire().await?;
        queue::release_job(&mut conn, &claimed.lease).await
    }

    async fn retry(&self, claimed: &ClaimedJob, code: &str, detail: &str) -> Result<bool, DbError> {
        let delay = Job::from_stored(&claimed.kind, &claimed.args)
            .map_or(ERROR_PAUSE, |job| job.kind().policy().delay_after(claimed.attempt));
        let mut conn = self.pool.acquire().await?;
        queue::retry_job(&mut conn, &claimed.lease, self.jittered(delay), code, detail).await
    }

    async fn discard(&self, claimed: &ClaimedJob, code: &str, detail: &str) -> Result<bool, DbError> {
        let mut tx = self.pool.begin().await?;
        let is_held = queue::discard_job(&mut tx, &claimed.lease, code, detail).await?;
        if is_held && let Ok(job) = Job::from_stored(&claimed.kind, &claimed.args) {
            self.handler.discarded(&mut tx, &job, code, detail).await?;
        }
        tx.commit().await?;
        Ok(is_held)
    }
}

async fn wake(listener: &mut Option<Listener>) {
    match listener {
        Some(active) => {
            if active.recv().await.is_err() {
                *listener = None;
            }
        }
        None => std::future::pending().await,
    }
}

//! Uploads: bytes come in resumably, wait durably in a local spool, and move into the store in parts.
//!
//! The offset a client sees is what is durable. One request at a time writes an upload: a newer one
//! takes over, and whatever an older one still commits is fenced off by the epoch in the database.

mod append;
mod checksum;
mod create;
mod error;
mod keeper;
mod metadata;
mod metrics;
mod receive;
mod recover;
mod settings;
mod sniff;
mod spool;
mod store;
mod takeover;
mod terminate;

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use estrade_blobs::Blobs;
use estrade_db::uploads::Rejection;
use estrade_db::{DbError, PgPool};
use estrade_domain::{Clock, Entropy, Time};
use estrade_http::Problem;
use estrade_http::metrics::RequestMetrics;
use prometheus::{IntCounter, Registry};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use append::{AppendRequest, Appended, gone};
pub use checksum::{ALGORITHMS, Checksum};
pub use create::CreateRequest;
pub use error::UploadError;
pub use metadata::{InvalidMetadata, Metadata};
pub use settings::UploadArgs;

use metrics::UploadMetrics;
use spool::Spool;
use store::Storing;
use takeover::Takeovers;

/// After a soft stop, bodies in flight have this long to end by themselves.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// After a soft stop, everything is durable and answered within this time.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// What uploads need of the rest.
pub struct Setup<'a> {
    /// Connections.
    pub pool: PgPool,
    /// The store.
    pub blobs: Blobs,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Entropy,
    /// Settings.
    pub args: UploadArgs,
    /// The data folder: the spool is below it unless a setting says otherwise.
    pub data_dir: &'a Path,
    /// When to stop: no new bodies, those in flight end soon.
    pub soft: CancellationToken,
    /// Where metrics are registered.
    pub registry: &'a Registry,
    /// Where turned away creations are counted.
    pub requests: &'a RequestMetrics,
}

/// Everything about uploads; cheap to clone.
#[derive(Clone)]
pub struct Uploads(Arc<Inner>);

/// What clones share.
pub struct Inner {
    pool: PgPool,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    args: UploadArgs,
    spool: Spool,
    takeovers: Takeovers,
    storing: Storing,
    /// Bounds the calls that move bytes into the store.
    store_calls: Semaphore,
    /// Bounds creations at the same moment.
    creations: Semaphore,
    shed: IntCounter,
    metrics: UploadMetrics,
    soft: CancellationToken,
    tasks: TaskTracker,
}

impl Deref for Uploads {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Uploads {
    /// Opens the spool, mends what a crash left, and starts the keeper.
    pub async fn start(setup: Setup<'_>) -> Result<Self, UploadError> {
        let dir = setup.args.spool_dir.clone().unwrap_or_else(|| setup.data_dir.join("spool"));
        let fresh_id = setup.entropy.uuid(setup.clock.now());
        let spool = Spool::open(&dir, fresh_id).await?;
        let metrics = UploadMetrics::new(setup.registry)?;
        let uploads = Self(Arc::new(Inner {
            pool: setup.pool,
            blobs: setup.blobs,
            clock: setup.clock,
            entropy: setup.entropy,
            spool,
            takeovers: Takeovers::new(metrics.takeovers.clone()),
            storing: Storing::default(),
            store_calls: Semaphore::new(to_usize(setup.args.store_calls)),
            creations: Semaphore::new(to_usize(setup.args.creations_at_once)),
            shed: setup.requests.shed.with_label_values(&["upload_creation"]),
            args: setup.args,
            metrics,
            soft: setup.soft,
            tasks: TaskTracker::new(),
        }));
        uploads.recover().await?;
        uploads.tasks.spawn(keeper::keep(uploads.clone()));
        Ok(uploads)
    }

    /// Waits, after the soft stop, until what was received is durable; at most 10 s. What is not in
    /// the store by then waits in the spool for the next start.
    pub async fn stop(&self) {
        self.tasks.close();
        if tokio::time::timeout(STOP_DEADLINE, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "uploads were cut off at the stop; what is durable stays");
        }
    }

    /// The largest source, bytes.
    pub fn max_bytes(&self) -> u64 {
        self.args.max_bytes
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    async fn conn(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, DbError> {
        Ok(self.pool.acquire().await?)
    }
}

fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The answer to a body that was refused for what it is, or to a request for an upload that was.
pub fn rejected_problem(rejection: &Rejection) -> Problem {
    let status = match rejection.code.as_str() {
        EMPTY => axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        _ => axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
    };
    Problem::new(status, rejection.code.as_str(), rejection.message.as_str())
}

/// The code of an upload without a single byte.
const EMPTY: &str = "empty";

fn empty_rejection() -> Rejection {
    Rejection { code: EMPTY.to_owned(), message: "The file is empty. Choose the video again.".to_owned() }
}

/// The answer when the spool's disk is full.
fn no_space() -> Problem {
    Problem::new(
        axum::http::StatusCode::INSUFFICIENT_STORAGE,
        "no_space",
        "there is no room for uploads at the moment; try again later",
    )
}

/// The answer while an older request does not leave.
fn busy() -> Problem {
    Problem::new(
        axum::http::StatusCode::LOCKED,
        "upload_locked",
        "another request is still writing this upload; try again shortly",
    )
    .with_header(axum::http::header::RETRY_AFTER, axum::http::HeaderValue::from(1))
}

impl From<takeover::Busy> for Problem {
    fn from(_: takeover::Busy) -> Self {
        busy()
    }
}

//! An S3 endpoint inside this process, on loopback, over a durable store in a folder.
//!
//! The protocol (signatures, presigned URLs, chunked bodies, XML) is the `s3s` crate's; the store
//! is ours.

mod cors;
mod error;
mod server;
mod service;
mod store;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use self::cors::Front;
pub use self::error::S3Error;
use self::server::Server;
use self::service::Service;
use self::store::Store;

/// Where the endpoint listens and who may use it.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The name of the only key pair.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// What the endpoint says its region is: lower case letters, digits and hyphens.
    pub region: String,
    /// Whether writes reach the disk before they are acknowledged. Off is for tests.
    pub sync: bool,
}

/// A running endpoint. Dropped without [`S3Endpoint::stop`], it ends at once, and nothing
/// acknowledged is lost.
#[derive(Debug)]
pub struct S3Endpoint {
    server: Server,
}

impl S3Endpoint {
    /// Opens the store in `dir`, makes it if there is none, and serves it.
    pub async fn start(dir: &Path, options: S3Options) -> Result<Self, S3Error> {
        if !options.listen.ip().is_loopback() {
            return Err(S3Error::NotLoopback(options.listen));
        }
        let store = open_store(dir, options.sync).await?;
        let service = Service::new(Arc::clone(&store), &options.region);
        let s3 = service::build(service, &options)?;
        let server = Server::start(options.listen, Front::new(s3, Arc::clone(&store))).await?;
        server.run_beside(sweep(store));
        tracing::info!(s3.addr = %server.addr(), "embedded S3 is ready");
        Ok(Self { server })
    }

    /// For clients: the URL of the endpoint, without a path.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// Where the endpoint listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Takes no more requests and lets those under way finish, for a bounded time.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// Between two looks for uploads that nobody comes back to.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

/// Applies the lifecycle rules of the buckets, for ever.
async fn sweep(store: Arc<Store>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let store = Arc::clone(&store);
        match tokio::task::spawn_blocking(move || store.abort_stale_uploads()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(aborted)) => tracing::info!(s3.aborted = aborted, "uploads nobody came back to were aborted"),
            Ok(Err(error)) => tracing::error!(%error, "stale uploads cannot be aborted"),
            Err(_) => return,
        }
    }
}

async fn open_store(dir: &Path, sync: bool) -> Result<Arc<Store>, S3Error> {
    let dir = dir.to_path_buf();
    let opened = tokio::task::spawn_blocking(move || Store::open(&dir, sync)).await;
    let store = opened.map_err(|_| S3Error::Interrupted)?;
    Ok(Arc::new(store.map_err(|error| S3Error::Store(error.into()))?))
}

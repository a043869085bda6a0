//! The accept loop: every connection tracked, slow ones cut, stopped in two steps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::S3Error;
use super::cors::Front;

/// Connections at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 512;

/// From one request to the end of the next one's headers. Longer than clients keep idle connections
/// (the AWS SDK 90 s), so that it is never us who closes one just as it is being reused.
const HEADER_LIMIT: Duration = Duration::from_mins(2);

/// How long requests under way may take to finish once we stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// After a failed accept, which means that something on the machine ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener and its connections.
#[derive(Debug)]
pub(super) struct Server {
    addr: SocketAddr,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    pub(super) async fn start(addr: SocketAddr, front: Front) -> Result<Self, S3Error> {
        let failed = |source| S3Error::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let server = Self { addr, stopping: CancellationToken::new(), tasks: TaskTracker::new() };
        let accepting = accept(listener, front, server.stopping.clone(), server.tasks.clone());
        server.tasks.spawn(accepting);
        Ok(server)
    }

    /// Runs something until the server stops.
    pub(super) fn run_beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move { stopping.run_until_cancelled(task).await });
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every task ends by itself within the drain limit.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn accept(listener: TcpListener, front: Front, stopping: CancellationToken, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accepting = async {
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    tasks.spawn(serve(stream, front.clone(), stopping.clone(), place));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    stopping.run_until_cancelled(accepting).await;
}

async fn serve(stream: TcpStream, front: Front, stopping: CancellationToken, _place: OwnedSemaphorePermit) {
    // Answers are written whole; waiting to fill packets only delays them. Failing costs nothing
    // but that.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .serve_connection(TokioIo::new(stream), front);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match timeout(DRAIN_LIMIT, connection).await {
                Ok(ended) => ended,
                Err(_) => return tracing::warn!("a request of the embedded S3 was cut off while stopping"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an S3 connection broke off");
    }
}

//! The accept loop: header timeout, connections bounded in all and per address, drain on shutdown.
//! The stock loop never reaps half-sent headers and idle sockets.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use prometheus::IntGauge;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::request::{ClientAddr, HEADERS_MAX_BYTES};

/// Request headers must be whole within this time; also reaps idle keep-alive connections.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// On shutdown, a connection whose first request has not come yet has this long to send it: its
/// client was let in.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);
/// After a failed accept (out of file descriptors), wait this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Limits of the loop.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Connections in all.
    pub connections_max: usize,
    /// Connections of one address; trusted proxies are exempt.
    pub connections_per_address: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl ServeOptions {
    fn is_trusted(&self, ip: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&ip))
    }

    /// The client behind the peer: the last address not of a trusted proxy.
    fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let values: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|v| v.to_str().ok()).collect();
        let mut hops = values.iter().flat_map(|line| line.split(',')).rev();
        while self.is_trusted(client) {
            match hops.next().and_then(|hop| hop.trim().parse().ok()) {
                Some(hop) => client = hop,
                None => break,
            }
        }
        client
    }
}

/// When to stop: `soft` stops accepting and lets requests finish, `hard` cuts what is left.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new connections or requests.
    pub soft: CancellationToken,
    /// Everything ends now.
    pub hard: CancellationToken,
}

/// Counts connections by address.
#[derive(Debug, Clone, Default)]
struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

struct Place {
    places: Places,
    ip: IpAddr,
    gauge: IntGauge,
}

impl Places {
    fn take(&self, ip: IpAddr, options: &ServeOptions, gauge: &IntGauge) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = usize::try_from(gauge.get()).unwrap_or_default();
        let count = counts.entry(ip).or_default();
        let is_full = *count >= options.connections_per_address && !options.is_trusted(ip);
        if total >= options.connections_max || is_full {
            if *count == 0 {
                counts.remove(&ip);
            }
            return None;
        }
        *count += 1;
        gauge.inc();
        Some(Place { places: self.clone(), ip, gauge: gauge.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauge.dec();
        let mut counts = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.ip);
            }
        }
    }
}

/// Serves `router` on `listener` until `shutdown`; returns when every connection has ended.
pub async fn serve(listener: TcpListener, router: Router, options: ServeOptions, gauge: IntGauge, shutdown: Shutdown) {
    let soft = shutdown.soft.clone();
    let server = Server {
        router,
        options: Arc::new(options),
        places: Places::default(),
        gauge,
        shutdown,
        connections: TaskTracker::new(),
    };
    loop {
        let accepted = tokio::select! {
            () = soft.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => server.admit(stream, peer),
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if let Err(error) = server.admit_waiting(listener) {
        tracing::warn!(%error, "connections that waited to be accepted were dropped");
    }
    server.connections.close();
    server.connections.wait().await;
}

/// What every connection is served with.
struct Server {
    router: Router,
    options: Arc<ServeOptions>,
    places: Places,
    gauge: IntGauge,
    shutdown: Shutdown,
    connections: TaskTracker,
}

impl Server {
    /// Serves a connection if there is a place for it.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.places.take(peer.ip().to_canonical(), &self.options, &self.gauge) else { return };
        let connection =
            serve_connection(stream, peer, self.router.clone(), Arc::clone(&self.options), self.shutdown.clone());
        self.connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }

    /// The last act of a listener: the kernel has let these clients in, so they are answered.
    fn admit_waiting(&self, listener: TcpListener) -> std::io::Result<()> {
        let listener = listener.into_std()?;
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    stream.set_nonblocking(true)?;
                    self.admit(TcpStream::from_std(stream)?, peer);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    options: Arc<ServeOptions>,
    shutdown: Shutdown,
) {
    // A connection that cannot be tuned still works.
    let _ = stream.set_nodelay(true);
    let asked = CancellationToken::new();
    let on_request = asked.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        on_request.cancel();
        let client = options.client_of(peer.ip().to_canonical(), request.headers());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ClientAddr(client));
        router.clone().oneshot(request)
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADERS_MAX_BYTES)
        .half_close(false)
        .keep_alive(true);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // Errors here are clients that went away.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = may_end(&shutdown, &asked) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = shutdown.hard.cancelled() => {}
    }
}

/// Once we stop: at once after a first request, and a moment later where it is still on its way.
async fn may_end(shutdown: &Shutdown, asked: &CancellationToken) {
    shutdown.soft.cancelled().await;
    tokio::select! {
        () = asked.cancelled() => {}
        () = tokio::time::sleep(FIRST_REQUEST_GRACE) => {}
        () = shutdown.hard.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(trusted: &[&str]) -> ServeOptions {
        ServeOptions {
            connections_max: 10,
            connections_per_address: 2,
            trusted_proxies: trusted.iter().map(|net| net.parse().expect("net")).collect(),
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, "6.6.6.6, 9.9.9.9, 10.0.0.2".parse().expect("value"));
        let ip = |text: &str| text.parse::<IpAddr>().expect("ip");
        assert_eq!(options(&[]).client_of(ip("10.0.0.1"), &headers), ip("10.0.0.1"));
        assert_eq!(options(&["10.0.0.0/8"]).client_of(ip("10.0.0.1"), &headers), ip("9.9.9.9"));
        assert_eq!(options(&["10.0.0.0/8"]).client_of(ip("10.0.0.1"), &HeaderMap::new()), ip("10.0.0.1"));
    }

    #[test]
    fn places_per_address_are_bounded_and_given_back() {
        let (places, gauge) = (Places::default(), IntGauge::new("a", "b").expect("gauge"));
        let ip: IpAddr = [1, 2, 3, 4].into();
        let first = places.take(ip, &options(&[]), &gauge);
        let second = places.take(ip, &options(&[]), &gauge);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(ip, &options(&[]), &gauge).is_none());
        assert!(places.take(ip, &options(&["1.2.3.4/32"]), &gauge).is_some());
        drop(first);
        assert!(places.take(ip, &options(&[]), &gauge).is_some());
    }
}

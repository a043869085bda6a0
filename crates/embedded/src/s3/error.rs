use std::error::Error;
use std::io;
use std::net::SocketAddr;

/// Why the endpoint could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3Error {
    /// The store speaks plain HTTP and is for this machine only.
    #[error("the embedded S3 endpoint listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// No S3 region has such a name.
    #[error("`{0}` is no region: lower case letters, digits and hyphens")]
    Region(String),
    /// The address is taken, or not ours.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// What was tried.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The folder cannot be used.
    #[error("the object store cannot be opened: {0}")]
    Store(Box<dyn Error + Send + Sync>),
    /// The runtime was shut down underneath.
    #[error("the runtime is shutting down")]
    Interrupted,
}

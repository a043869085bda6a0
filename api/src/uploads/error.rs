use std::path::PathBuf;

use estrade_blobs::BlobError;
use estrade_db::DbError;
use estrade_http::Problem;

/// Why something about uploads failed on our side.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The spool folder cannot be used.
    #[error("the spool folder {}", path.display())]
    SpoolFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has the spool folder.
    #[error("the spool folder {} is used by another process", .0.display())]
    SpoolInUse(PathBuf),
    /// Reading or writing the spool failed.
    #[error("spool")]
    Spool(#[from] std::io::Error),
    /// The database failed.
    #[error("database")]
    Db(#[from] DbError),
    /// The store failed.
    #[error("store")]
    Store(#[from] BlobError),
    /// The store has an object of another size than was sent.
    #[error("the store has {stored:?} bytes of {sent}")]
    Size {
        /// What it has.
        stored: Option<u64>,
        /// What was sent.
        sent: u64,
    },
    /// The metrics cannot be registered.
    #[error("metrics")]
    Metrics(#[from] prometheus::Error),
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Db(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

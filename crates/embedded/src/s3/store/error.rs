use std::io;
use std::path::{Path, PathBuf};

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("there is no such bucket")]
    NoSuchBucket,
    #[error("there is a bucket of this name")]
    BucketExists,
    #[error("the bucket holds objects or open uploads")]
    BucketNotEmpty,
    #[error("the store has as many buckets as it takes")]
    TooManyBuckets,
    #[error("there is no such object")]
    NoSuchKey,
    #[error("there is no such upload")]
    NoSuchUpload,
    #[error("the bucket has as many open uploads as it takes")]
    TooManyUploads,
    #[error("the condition of the request does not hold")]
    PreconditionFailed,
    #[error("the {algorithm} of the body is not the one announced")]
    BadDigest { algorithm: &'static str },
    #[error("the body has {received} bytes, announced were {announced}")]
    IncompleteBody { received: u64, announced: u64 },
    #[error("part {number} is unknown or another one")]
    InvalidPart { number: u32 },
    #[error("the parts must be listed once each, in ascending order")]
    InvalidPartOrder,
    #[error("part {number} has {size} bytes; all but the last need {min}")]
    PartTooSmall { number: u32, size: u64, min: u64 },
    #[error("at most {limit} bytes are taken")]
    TooLarge { limit: u64 },
    #[error("the object ends before byte {offset}")]
    BeyondEnd { offset: u64 },
    #[error("the disk is full")]
    DiskFull,
    #[error("another estrade is using {}: stop it first, or give this one its own ESTRADE_DATA_DIR", folder.display())]
    InUse { folder: PathBuf },
    #[error("{} is damaged: {detail}", path.display())]
    Damaged { path: PathBuf, detail: String },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl StoreError {
    /// For `map_err` on a system call.
    pub(crate) fn io<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |source| {
            let source = source.into();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
                _ => Self::Io { action, path: path.to_path_buf(), source },
            }
        }
    }

    pub(crate) fn damaged(path: &Path, detail: &impl ToString) -> Self {
        Self::Damaged { path: path.to_path_buf(), detail: detail.to_string() }
    }
}

//! The store's refusals in the words of S3.

use hyper::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

use crate::s3::store::StoreError;
use crate::s3::store::body::ReceiveError;

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NoSuchBucket => S3ErrorCode::NoSuchBucket,
            StoreError::BucketExists => S3ErrorCode::BucketAlreadyOwnedByYou,
            StoreError::BucketNotEmpty => S3ErrorCode::BucketNotEmpty,
            StoreError::TooManyBuckets => S3ErrorCode::TooManyBuckets,
            StoreError::NoSuchKey => S3ErrorCode::NoSuchKey,
            StoreError::NoSuchUpload => S3ErrorCode::NoSuchUpload,
            StoreError::TooManyUploads => S3ErrorCode::SlowDown,
            StoreError::PreconditionFailed => S3ErrorCode::PreconditionFailed,
            StoreError::BadDigest { .. } => S3ErrorCode::BadDigest,
            StoreError::IncompleteBody { .. } => S3ErrorCode::IncompleteBody,
            StoreError::InvalidPart { .. } => S3ErrorCode::InvalidPart,
            StoreError::InvalidPartOrder => S3ErrorCode::InvalidPartOrder,
            StoreError::PartTooSmall { .. } => S3ErrorCode::EntityTooSmall,
            StoreError::TooLarge { .. } => S3ErrorCode::EntityTooLarge,
            StoreError::DiskFull => return disk_full(),
            StoreError::BeyondEnd { .. }
            | StoreError::InUse { .. }
            | StoreError::Damaged { .. }
            | StoreError::Io { .. } => {
                tracing::error!(%error, "the object store failed");
                // Paths on this machine are nobody's business.
                return s3_error!(InternalError);
            }
        };
        Self::with_message(code, error.to_string())
    }
}

/// S3 has no word for it; the status has.
fn disk_full() -> S3Error {
    tracing::error!("the disk with the object store is full");
    let mut refusal = S3Error::with_message(S3ErrorCode::Custom("InsufficientStorage".into()), "The disk is full.");
    refusal.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    refusal
}

impl From<ReceiveError> for S3Error {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Store(error) => error.into(),
            ReceiveError::Idle => s3_error!(RequestTimeout, "{error}"),
            // Cut off, or not what its signature or hash said.
            ReceiveError::Broken(_) => s3_error!(IncompleteBody, "{error}"),
            ReceiveError::Interrupted => s3_error!(ServiceUnavailable),
        }
    }
}

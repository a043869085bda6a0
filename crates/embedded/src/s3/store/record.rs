//! What is kept of a bucket besides its objects, in `bucket.json`.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::cors::CorsRule;
use super::disk::{Disk, Scratch};
use super::lifecycle::AbortRule;
use super::{StoreError, locked, read, write};

/// `bucket.json`.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct BucketRecord {
    pub(super) created_ms: i64,
    #[serde(default)]
    pub(super) cors: Vec<CorsRule>,
    #[serde(default)]
    pub(super) lifecycle: Vec<AbortRule>,
}

impl Bucket {
    /// Milliseconds since 1970.
    pub(crate) fn created_ms(&self) -> i64 {
        read(&self.record).created_ms
    }

    pub(crate) fn cors(&self) -> Vec<CorsRule> {
        read(&self.record).cors.clone()
    }

    pub(crate) fn set_cors(&self, cors: Vec<CorsRule>) -> Result<(), StoreError> {
        self.change_record(|record| BucketRecord { cors, ..record })
    }

    pub(crate) fn lifecycle(&self) -> Vec<AbortRule> {
        read(&self.record).lifecycle.clone()
    }

    pub(crate) fn set_lifecycle(&self, lifecycle: Vec<AbortRule>) -> Result<(), StoreError> {
        self.change_record(|record| BucketRecord { lifecycle, ..record })
    }

    fn change_record(&self, change: impl FnOnce(BucketRecord) -> BucketRecord) -> Result<(), StoreError> {
        self.writing(|| {
            let _changing = locked(&self.changing_record);
            let changed = change(read(&self.record).clone());
            write_json(&self.disk, self.disk.scratch()?, &self.dir.join("bucket.json"), &changed)?;
            *write(&self.record) = changed;
            Ok(())
        })
    }
}

pub(super) fn write_json<T: Serialize>(
    disk: &Disk,
    mut scratch: Scratch,
    target: &Path,
    value: &T,
) -> Result<(), StoreError> {
    serde_json::to_writer(&mut scratch.file, value)
        .map_err(io::Error::from)
        .map_err(StoreError::io("write", target))?;
    disk.sync_scratch(&scratch)?;
    disk.commit(scratch, target)
}

pub(super) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, StoreError> {
    let bytes = fs::read(path).map_err(StoreError::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| StoreError::damaged(path, &error))
}

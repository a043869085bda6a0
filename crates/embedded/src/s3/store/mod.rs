//! A small durable object store in a folder; it knows nothing of HTTP.
//!
//! ```text
//! <root>/
//!   lock
//!   tmp/                          being written; emptied at start
//!   buckets/<bucket>/
//!     bucket.json
//!     objects/<hh>/<sha256 of key>   body and footer in one file, or only a footer that lists parts
//!     multipart/<upload id>/
//!       upload.json               as long as the upload is open
//!       <part number>             body and footer in one file
//! ```
//!
//! **One rename commits.** A file is written aside, forced to disk, renamed into place, and the
//! folder is forced to disk. Body, size, etag, checksums and headers are in that one file, so they
//! change together or not at all, and a reader who has it open keeps a whole version whatever
//! happens to the name.
//!
//! **Completing an upload copies nothing.** The object is a footer that lists the part files, which
//! stay where they are. Whoever replaces or deletes such an object removes the parts once nobody
//! reads them (see [`lease`]).
//!
//! **The listing** is a sorted map in memory, rebuilt at start from the footers: some 200 bytes and
//! one small read an object, which is fine up to a few million of them.

pub(crate) mod body;
mod bucket;
mod complete;
mod cors;
mod digest;
mod disk;
mod error;
mod file;
mod lease;
mod lifecycle;
mod listing;
mod object;
mod reader;
mod record;
mod recovery;
#[cfg(test)]
mod tests;
mod upload;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) use self::bucket::{Bucket, Condition};
pub(crate) use self::cors::{CorsRule, Preflight};
pub(crate) use self::digest::{Checksums, Digests, ExpectedDigests};
use self::disk::Disk;
pub(crate) use self::error::StoreError;
pub(crate) use self::file::Received;
pub(crate) use self::lifecycle::AbortRule;
pub(crate) use self::listing::{Listed, Page, Query, Start};
pub(crate) use self::object::{Attributes, ObjectMeta};
pub(crate) use self::reader::ObjectReader;
pub(crate) use self::upload::{ChosenPart, MAX_PARTS, NewUpload, PartMeta, UploadSummary};

/// Buckets in one store.
const MAX_BUCKETS: usize = 1_000;

/// An owner that was stopped may still be at its last write.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);
const CLAIM_PAUSE: Duration = Duration::from_millis(20);

/// All buckets of one folder, owned by one process at a time.
#[derive(Debug)]
pub(crate) struct Store {
    disk: Arc<Disk>,
    buckets_dir: PathBuf,
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
    /// Held while buckets come and go, which takes longer than the map may be locked.
    changing: Mutex<()>,
    _lock: File,
}

impl Store {
    /// Opens the store in `root`, makes it if there is none, and tidies up after a crash. Blocks.
    pub(crate) fn open(root: &Path, sync: bool) -> Result<Self, StoreError> {
        let buckets_dir = root.join("buckets");
        fs::create_dir_all(&buckets_dir).map_err(StoreError::io("create", &buckets_dir))?;
        // Sources and private clips lie here: nobody else on this machine may read them.
        fs::set_permissions(root, Permissions::from_mode(0o700)).map_err(StoreError::io("close", root))?;
        let lock = claim(root)?;
        let disk = Arc::new(Disk::open(root, sync)?);
        let mut buckets = BTreeMap::new();
        for name in disk::names_in(&buckets_dir)? {
            let bucket = recovery::open_bucket(&disk, buckets_dir.join(&name), &name)?;
            buckets.insert(name, Arc::new(bucket));
        }
        Ok(Self { disk, buckets_dir, buckets: RwLock::new(buckets), changing: Mutex::default(), _lock: lock })
    }

    /// A new file aside, to receive a body.
    pub(crate) fn receive(&self, digests: Digests) -> Result<file::Receiver, StoreError> {
        Ok(file::Receiver::new(self.disk.scratch()?, digests))
    }

    pub(crate) fn find_bucket(&self, name: &str) -> Result<Arc<Bucket>, StoreError> {
        read(&self.buckets).get(name).cloned().ok_or(StoreError::NoSuchBucket)
    }

    pub(crate) fn list_buckets(&self) -> Vec<Arc<Bucket>> {
        read(&self.buckets).values().cloned().collect()
    }

    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), StoreError> {
        let _changing = locked(&self.changing);
        if read(&self.buckets).contains_key(name) {
            return Err(StoreError::BucketExists);
        }
        if read(&self.buckets).len() >= MAX_BUCKETS {
            return Err(StoreError::TooManyBuckets);
        }
        let bucket = Bucket::create(&self.disk, self.buckets_dir.join(name), name)?;
        write(&self.buckets).insert(name.to_owned(), Arc::new(bucket));
        Ok(())
    }

    /// Only an empty bucket goes: without objects and without open uploads.
    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), StoreError> {
        let _changing = locked(&self.changing);
        self.find_bucket(name)?.remove()?;
        write(&self.buckets).remove(name);
        Ok(())
    }
}

/// One process at a time: the listing is in its memory.
fn claim(root: &Path) -> Result<File, StoreError> {
    let path = root.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    let deadline = Instant::now() + CLAIM_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(CLAIM_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let folder = root.to_path_buf();
                return Err(StoreError::InUse { folder });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
        }
    }
}

// What these locks guard is changed in single steps, so a panic elsewhere leaves nothing half done.

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

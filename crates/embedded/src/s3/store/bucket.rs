//! One bucket: its objects, and the listing of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use sha2::{Digest as _, Sha256};

use super::disk::{self, Disk, Scratch};
use super::lease::Leases;
use super::listing::{self, Listed, Page, Query};
use super::object::{Attributes, ObjectMeta};
use super::reader::ObjectReader;
use super::record::{BucketRecord, write_json};
use super::upload::Uploads;
use super::{Received, StoreError, file, locked, read, write};

/// Folders the objects of a bucket are spread over.
const SHARDS: u32 = 256;

/// Keys are locked in groups, so that this much memory does for any number of them.
const KEY_LOCKS: usize = 64;

/// What must hold for a write to happen, judged in the same moment as it happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Condition {
    #[default]
    None,
    /// There must be no object of this key.
    Absent,
    /// There must be an object with this etag.
    Etag(String),
    /// There must be an object.
    Present,
}

/// One bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<Disk>,
    pub(super) record: RwLock<BucketRecord>,
    /// Held while the record is written, which takes longer than it may be locked.
    pub(super) changing_record: Mutex<()>,
    /// False once the bucket is being deleted; held for reading by every write.
    is_open: RwLock<bool>,
    key_locks: [Mutex<()>; KEY_LOCKS],
    listing: RwLock<BTreeMap<String, Listed>>,
    leases: Arc<Leases>,
    pub(super) uploads: Uploads,
}

impl Bucket {
    pub(super) fn create(disk: &Arc<Disk>, dir: PathBuf, name: &str) -> Result<Self, StoreError> {
        let aside = disk.scratch_path();
        let objects = aside.join("objects");
        for shard in 0..SHARDS {
            let path = objects.join(format!("{shard:02x}"));
            fs::create_dir_all(&path).map_err(StoreError::io("create", &path))?;
        }
        let multipart = aside.join("multipart");
        fs::create_dir(&multipart).map_err(StoreError::io("create", &multipart))?;
        let scratch = disk.scratch()?;
        let record = BucketRecord { created_ms: file::modified_ms(&scratch.file)?, ..BucketRecord::default() };
        write_json(disk, scratch, &aside.join("bucket.json"), &record)?;
        disk.sync_dir(&objects)?;
        disk.commit_dir(&aside, &dir)?;
        Ok(Self::assemble(disk, dir, name, record, BTreeMap::new(), Uploads::default()))
    }

    pub(super) fn assemble(
        disk: &Arc<Disk>,
        dir: PathBuf,
        name: &str,
        record: BucketRecord,
        listing: BTreeMap<String, Listed>,
        uploads: Uploads,
    ) -> Self {
        Self {
            name: name.to_owned(),
            leases: Leases::new(dir.join("multipart")),
            dir,
            disk: Arc::clone(disk),
            record: RwLock::new(record),
            changing_record: Mutex::default(),
            is_open: RwLock::new(true),
            key_locks: [const { Mutex::new(()) }; KEY_LOCKS],
            listing: RwLock::new(listing),
            uploads,
        }
    }

    /// Closes an empty bucket and removes it.
    pub(super) fn remove(&self) -> Result<(), StoreError> {
        let mut is_open = write(&self.is_open);
        if !read(&self.listing).is_empty() || !self.uploads.is_empty() {
            return Err(StoreError::BucketNotEmpty);
        }
        let aside = self.disk.scratch_path();
        self.disk.commit_dir(&self.dir, &aside)?;
        *is_open = false;
        self.disk.sync_parent(&self.dir)?;
        disk::remove_tree(&aside)
    }

    /// Stores a body under a key, replacing what was there.
    pub(crate) fn put(
        &self,
        key: &str,
        body: Received,
        attributes: Attributes,
        condition: &Condition,
    ) -> Result<ObjectMeta, StoreError> {
        let meta = ObjectMeta {
            key: key.to_owned(),
            size: body.size,
            etag: body.digested.etag(),
            modified_ms: body.modified_ms()?,
            attributes,
            checksums: body.digested.checksums.clone(),
            parts: None,
        };
        let scratch = body.seal(&self.disk, &meta)?;
        self.commit(scratch, &meta, condition)?;
        Ok(meta)
    }

    /// Gives a sealed file its key: the moment an object comes into being.
    pub(super) fn commit(&self, scratch: Scratch, meta: &ObjectMeta, condition: &Condition) -> Result<(), StoreError> {
        self.writing(|| {
            let _key = locked(self.key_lock(&meta.key));
            self.check(&meta.key, condition)?;
            let path = self.object_path(&meta.key);
            let replaced = find_upload_of(&path)?;
            scratch.rename(&path)?;
            // From here on readers see it, so the listing must too, even if the disk fails next.
            write(&self.listing).insert(meta.key.clone(), Listed::of(meta));
            self.disk.sync_parent(&path)?;
            self.condemn(replaced.filter(|upload| Some(upload.as_str()) != meta.upload()));
            Ok(())
        })
    }

    /// Whether a write under this condition has a chance; the write itself judges again.
    pub(crate) fn check(&self, key: &str, condition: &Condition) -> Result<(), StoreError> {
        let listing = read(&self.listing);
        let holds = match (condition, listing.get(key)) {
            (Condition::None, _) | (Condition::Absent, None) | (Condition::Present, Some(_)) => true,
            (Condition::Etag(etag), Some(found)) => **etag == *found.etag,
            (Condition::Etag(_), None) => return Err(StoreError::NoSuchKey),
            (Condition::Absent, Some(_)) | (Condition::Present, None) => false,
        };
        holds.then_some(()).ok_or(StoreError::PreconditionFailed)
    }

    /// Removes an object, if there is one.
    pub(crate) fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        let outcomes = self.delete_all(&[(key.to_owned(), condition)])?;
        outcomes.into_iter().collect()
    }

    /// Removes many objects and forces that to disk once. Each has its own outcome.
    pub(crate) fn delete_all(
        &self,
        objects: &[(String, Condition)],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.writing(|| {
            let outcomes: Vec<_> = objects.iter().map(|(key, condition)| self.unlink(key, condition)).collect();
            let folders: BTreeSet<_> =
                objects.iter().filter_map(|(key, _)| self.object_path(key).parent().map(Path::to_path_buf)).collect();
            for folder in folders {
                self.disk.sync_dir(&folder)?;
            }
            let condemn = |removed| self.condemn(removed);
            Ok(outcomes.into_iter().map(|outcome| outcome.map(condemn)).collect())
        })
    }

    /// The upload whose parts are then of no use.
    fn unlink(&self, key: &str, condition: &Condition) -> Result<Option<String>, StoreError> {
        let _key = locked(self.key_lock(key));
        self.check(key, condition)?;
        let path = self.object_path(key);
        let upload = find_upload_of(&path)?;
        disk::unlink(&path)?;
        write(&self.listing).remove(key);
        Ok(upload)
    }

    /// What is known of an object besides its bytes.
    pub(crate) fn read_meta(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        let path = self.object_path(key);
        let file = open_object(&path)?;
        file::read_footer(&file, &path).map(|(meta, _)| meta)
    }

    /// Opens an object for reading.
    pub(crate) fn open(&self, key: &str) -> Result<ObjectReader, StoreError> {
        let path = self.object_path(key);
        loop {
            let file = open_object(&path)?;
            let (mut meta, body_size) = file::read_footer::<ObjectMeta>(&file, &path)?;
            let Some(list) = meta.parts.take() else {
                if body_size != meta.size {
                    return Err(StoreError::damaged(&path, &"its body has another length"));
                }
                return Ok(ObjectReader::whole(meta, file, path));
            };
            let lease = self.leases.take(&list.upload);
            // Replaced between the two looks? Then the parts may be going already.
            if find_upload_of(&path)?.as_ref() == Some(&list.upload) {
                let dir = self.upload_dir(&list.upload);
                return Ok(ObjectReader::parts(meta, list, dir, lease));
            }
        }
    }

    pub(crate) fn list(&self, query: &Query<'_>) -> Page {
        listing::list(&read(&self.listing), query)
    }

    /// Runs a write unless the bucket is being deleted.
    pub(super) fn writing<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let is_open = read(&self.is_open);
        if !*is_open {
            return Err(StoreError::NoSuchBucket);
        }
        work()
    }

    pub(super) fn upload_dir(&self, upload: &str) -> PathBuf {
        self.dir.join("multipart").join(upload)
    }

    fn condemn(&self, upload: Option<String>) {
        if let Some(upload) = upload {
            self.leases.condemn(&upload);
        }
    }

    fn object_path(&self, key: &str) -> PathBuf {
        let name = object_name(key);
        self.dir.join("objects").join(&name[..2]).join(name)
    }

    fn key_lock(&self, key: &str) -> &Mutex<()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        &self.key_locks[usize::try_from(hash % KEY_LOCKS as u64).unwrap_or_default()]
    }
}

impl Listed {
    pub(super) fn of(meta: &ObjectMeta) -> Self {
        Self { size: meta.size, etag: meta.etag.as_str().into(), modified_ms: meta.modified_ms }
    }
}

fn open_object(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::NoSuchKey,
        _ => StoreError::io("open", path)(error),
    })
}

/// The upload whose parts the object at `path` consists of, if any. A damaged object may be
/// replaced and deleted.
fn find_upload_of(path: &Path) -> Result<Option<String>, StoreError> {
    let found = open_object(path).and_then(|file| file::read_footer::<ObjectMeta>(&file, path));
    match found {
        Ok((meta, _)) => Ok(meta.parts.map(|list| list.upload)),
        Err(StoreError::NoSuchKey | StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Any key fits a file name this way, and `x` lies beside `x/y`.
pub(super) fn object_name(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

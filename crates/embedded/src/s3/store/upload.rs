//! Multipart uploads: parts arrive in any order, then one rename makes them an object.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::digest::Checksums;
use super::disk;
use super::object::Attributes;
use super::record::{read_json, write_json};
use super::{Received, StoreError, file, locked};

/// Open uploads in one bucket.
const MAX_OPEN_UPLOADS: usize = 10_000;

/// Part numbers run from 1 to this.
pub(crate) const MAX_PARTS: u32 = 10_000;

/// The file that says an upload is open.
pub(super) const RECORD: &str = "upload.json";

/// What an upload begins with; kept as `upload.json` until it is completed or aborted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) key: String,
    pub(crate) attributes: Attributes,
    /// The checksum the client will send with every part, by its name on the wire.
    pub(crate) algorithm: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) initiated_ms: i64,
}

/// What the client says when it begins an upload.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewUpload {
    pub(crate) key: String,
    pub(crate) attributes: Attributes,
    pub(crate) algorithm: Option<String>,
}

/// The footer of a part's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartMeta {
    pub(crate) number: u32,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified_ms: i64,
    pub(crate) checksums: Checksums,
}

/// A part as the client names it when it completes the upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChosenPart {
    pub(crate) number: u32,
    pub(crate) etag: String,
    pub(crate) checksums: Checksums,
}

/// An upload in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadSummary {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) algorithm: Option<String>,
    pub(crate) initiated_ms: i64,
}

/// The open uploads of a bucket, in the order of a listing: by key, then by id.
#[derive(Debug, Default)]
pub(super) struct Uploads(Mutex<BTreeMap<(String, String), Arc<Upload>>>);

/// One open upload.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) record: UploadRecord,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) is_open: bool,
    pub(super) parts: BTreeMap<u32, PartMeta>,
}

impl Uploads {
    pub(super) fn is_empty(&self) -> bool {
        locked(&self.0).is_empty()
    }

    pub(super) fn insert(&self, id: &str, record: UploadRecord, parts: BTreeMap<u32, PartMeta>) {
        let place = (record.key.clone(), id.to_owned());
        let upload = Upload { record, state: Mutex::new(State { is_open: true, parts }) };
        locked(&self.0).insert(place, Arc::new(upload));
    }

    pub(super) fn find(&self, key: &str, id: &str) -> Result<Arc<Upload>, StoreError> {
        let place = (key.to_owned(), id.to_owned());
        locked(&self.0).get(&place).cloned().ok_or(StoreError::NoSuchUpload)
    }

    pub(super) fn remove(&self, key: &str, id: &str) {
        locked(&self.0).remove(&(key.to_owned(), id.to_owned()));
    }
}

impl Bucket {
    /// Begins an upload and names it.
    pub(crate) fn create_upload(&self, new: NewUpload) -> Result<String, StoreError> {
        self.writing(|| {
            if locked(&self.uploads.0).len() >= MAX_OPEN_UPLOADS {
                return Err(StoreError::TooManyUploads);
            }
            let id = new_upload_id();
            let dir = self.upload_dir(&id);
            fs::create_dir(&dir).map_err(StoreError::io("create", &dir))?;
            let scratch = self.disk.scratch()?;
            let initiated_ms = file::modified_ms(&scratch.file)?;
            let NewUpload { key, attributes, algorithm } = new;
            let record = UploadRecord { key, attributes, algorithm, initiated_ms };
            write_json(&self.disk, scratch, &dir.join(RECORD), &record)?;
            self.disk.sync_parent(&dir)?;
            self.uploads.insert(&id, record, BTreeMap::new());
            Ok(id)
        })
    }

    /// The checksum the client promised for every part of an upload.
    pub(crate) fn find_upload_algorithm(&self, key: &str, id: &str) -> Result<Option<String>, StoreError> {
        Ok(self.uploads.find(key, id)?.record.algorithm.clone())
    }

    /// Stores a part, replacing one of the same number.
    pub(crate) fn put_part(&self, key: &str, id: &str, number: u32, body: Received) -> Result<PartMeta, StoreError> {
        let upload = self.uploads.find(key, id)?;
        let meta = PartMeta {
            number,
            size: body.size,
            etag: body.digested.etag(),
            modified_ms: body.modified_ms()?,
            checksums: body.digested.checksums.clone(),
        };
        let scratch = body.seal(&self.disk, &meta)?;
        // The order of locks is everywhere: the upload, the bucket, the key.
        let mut state = upload.open_state()?;
        self.writing(|| self.disk.commit(scratch, &part_path(&self.upload_dir(id), number)))?;
        state.parts.insert(number, meta.clone());
        Ok(meta)
    }

    /// Up to `max` parts with a number above `after`, and whether there are more.
    pub(crate) fn list_parts(
        &self,
        key: &str,
        id: &str,
        after: u32,
        max: usize,
    ) -> Result<(Vec<PartMeta>, bool), StoreError> {
        let upload = self.uploads.find(key, id)?;
        let state = upload.open_state()?;
        let mut rest = state.parts.range(after.saturating_add(1)..).map(|(_, part)| part.clone());
        let page = rest.by_ref().take(max).collect();
        Ok((page, rest.next().is_some()))
    }

    /// Up to `max` uploads of keys with `prefix` that come after the given key and id, and whether
    /// there are more.
    pub(crate) fn list_uploads(&self, prefix: &str, after: (&str, &str), max: usize) -> (Vec<UploadSummary>, bool) {
        let uploads = locked(&self.uploads.0);
        // An empty id means every upload of the key was shown already.
        let is_after = |key: &str, id: &str| key > after.0 || (key == after.0 && !after.1.is_empty() && id > after.1);
        let mut rest = uploads.iter().filter(|((key, id), _)| key.starts_with(prefix) && is_after(key, id)).map(
            |((key, id), upload)| UploadSummary {
                key: key.clone(),
                id: id.clone(),
                algorithm: upload.record.algorithm.clone(),
                initiated_ms: upload.record.initiated_ms,
            },
        );
        let page = rest.by_ref().take(max).collect();
        (page, rest.next().is_some())
    }

    /// Ends an upload and removes its parts.
    pub(crate) fn abort_upload(&self, key: &str, id: &str) -> Result<(), StoreError> {
        let upload = self.uploads.find(key, id)?;
        let mut state = upload.open_state()?;
        self.writing(|| {
            let dir = self.upload_dir(id);
            self.disk.remove(&dir.join(RECORD))?;
            state.is_open = false;
            self.uploads.remove(key, id);
            disk::remove_tree(&dir)
        })
    }
}

impl Upload {
    fn open_state(&self) -> Result<std::sync::MutexGuard<'_, State>, StoreError> {
        let state = locked(&self.state);
        if state.is_open { Ok(state) } else { Err(StoreError::NoSuchUpload) }
    }
}

/// Names a folder that is never reused, even after the clock was set back.
#[expect(clippy::disallowed_methods, reason = "a name only has to be new; nothing depends on its value")]
fn new_upload_id() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

pub(super) fn part_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:05}"))
}

/// Reads `upload.json`; `None` when the upload is not open.
pub(super) fn read_record(dir: &Path) -> Result<Option<UploadRecord>, StoreError> {
    let path = dir.join(RECORD);
    if !path.exists() {
        return Ok(None);
    }
    read_json(&path).map(Some)
}

//! Making an object of the parts of an upload.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::bucket::{Bucket, Condition};
use super::digest::{Checksums, combined_checksums, combined_etag};
use super::disk::{self, Disk};
use super::object::{ObjectMeta, PartList, PartSpan};
use super::upload::{ChosenPart, PartMeta, RECORD, UploadRecord};
use super::{StoreError, file, locked};

/// All parts but the last have at least this many bytes.
pub(super) const MIN_PART_BYTES: u64 = 5 << 20;

/// All parts together.
const MAX_OBJECT_BYTES: u64 = 5 << 40;

impl Bucket {
    /// Makes the chosen parts the object, without copying a byte.
    ///
    /// The commit of the object's footer is the moment it happens. Everything after it is tidying,
    /// which the next start does too. Asked again, the answer is the object as long as it stands.
    pub(crate) fn complete_upload(
        &self,
        key: &str,
        id: &str,
        chosen: &[ChosenPart],
        condition: &Condition,
    ) -> Result<ObjectMeta, StoreError> {
        let upload = match self.uploads.find(key, id) {
            Err(StoreError::NoSuchUpload) => return self.find_completed(key, id),
            found => found?,
        };
        let mut state = locked(&upload.state);
        if !state.is_open {
            drop(state);
            return self.find_completed(key, id);
        }
        let parts = choose(&state.parts, chosen)?;
        let mut scratch = self.disk.scratch()?;
        let meta = assemble(&upload.record, id, &parts, file::modified_ms(&scratch.file)?)?;
        file::seal(&self.disk, &mut scratch, &meta)?;
        self.commit(scratch, &meta, condition)?;
        state.is_open = false;
        self.uploads.remove(key, id);
        if let Err(error) = close_completed(&self.disk, &self.upload_dir(id), &meta) {
            tracing::warn!(%error, "a completed upload is tidied up at the next start");
        }
        Ok(meta)
    }

    fn find_completed(&self, key: &str, id: &str) -> Result<ObjectMeta, StoreError> {
        match self.read_meta(key) {
            Ok(meta) if meta.upload() == Some(id) => Ok(meta),
            Ok(_) | Err(StoreError::NoSuchKey) => Err(StoreError::NoSuchUpload),
            Err(error) => Err(error),
        }
    }
}

/// After the object is committed: first the parts it does not consist of go, then the upload is no
/// longer open. In this order a crash in between is seen at the next start.
pub(super) fn close_completed(disk: &Disk, dir: &Path, object: &ObjectMeta) -> Result<(), StoreError> {
    let Some(list) = &object.parts else {
        return Ok(());
    };
    for name in disk::names_in(dir)? {
        let is_surplus = name.parse().is_ok_and(|number: u32| list.parts.iter().all(|part| part.number != number));
        if is_surplus {
            let path = dir.join(name);
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    disk.remove(&dir.join(RECORD))
}

/// The parts the client chose, if it knows them.
fn choose<'a>(stored: &'a BTreeMap<u32, PartMeta>, chosen: &[ChosenPart]) -> Result<Vec<&'a PartMeta>, StoreError> {
    if chosen.is_empty() || !chosen.is_sorted_by(|a, b| a.number < b.number) {
        return Err(StoreError::InvalidPartOrder);
    }
    let mut parts = Vec::with_capacity(chosen.len());
    for choice in chosen {
        let invalid = StoreError::InvalidPart { number: choice.number };
        let Some(part) = stored.get(&choice.number) else {
            return Err(invalid);
        };
        if part.etag != choice.etag || part.checksums.first_mismatch(&choice.checksums).is_some() {
            return Err(invalid);
        }
        parts.push(part);
    }
    let small = parts.iter().rev().skip(1).find(|part| part.size < MIN_PART_BYTES);
    match small {
        Some(part) => Err(StoreError::PartTooSmall { number: part.number, size: part.size, min: MIN_PART_BYTES }),
        None => Ok(parts),
    }
}

fn assemble(record: &UploadRecord, id: &str, parts: &[&PartMeta], modified_ms: i64) -> Result<ObjectMeta, StoreError> {
    let size = parts.iter().map(|part| part.size).sum();
    if size > MAX_OBJECT_BYTES {
        return Err(StoreError::TooLarge { limit: MAX_OBJECT_BYTES });
    }
    let checksums: Vec<&Checksums> = parts.iter().map(|part| &part.checksums).collect();
    let etag = combined_etag(parts.iter().map(|part| part.etag.as_str()));
    let spans = parts.iter().map(|part| PartSpan { number: part.number, size: part.size }).collect();
    Ok(ObjectMeta {
        key: record.key.clone(),
        size,
        etag: etag.ok_or(StoreError::InvalidPartOrder)?,
        modified_ms,
        attributes: record.attributes.clone(),
        checksums: combined_checksums(&checksums),
        parts: Some(PartList { upload: id.to_owned(), parts: spans }),
    })
}

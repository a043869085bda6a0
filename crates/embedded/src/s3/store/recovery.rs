//! Opening a bucket: the listing is rebuilt from the footers, and what a crash left behind is
//! tidied up.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use super::bucket::{Bucket, object_name, read_json};
use super::disk::{self, Disk};
use super::file;
use super::listing::Listed;
use super::object::ObjectMeta;
use super::upload::{self, PartMeta, Uploads};

/// What the objects' folder holds.
#[derive(Default)]
struct Objects {
    listing: BTreeMap<String, Listed>,
    /// The uploads whose parts are objects now.
    completed: HashSet<String>,
}

pub(super) fn open_bucket(
    disk: &Arc<Disk>,
    dir: PathBuf,
    name: &str,
) -> Result<Bucket, StoreError> {
    let record = read_json(&dir.join("bucket.json"))?;
    let objects = read_objects(&dir.join("objects"))?;
    let uploads = Uploads::default();
    let multipart = dir.join("multipart");
    for id in disk::names_in(&multipart)? {
        recover_upload(disk, &dir, &id, &objects, &uploads)?;
    }
    Ok(Bucket::assemble(
        disk,
        dir,
        name,
        record,
        objects.listing,
        uploads,
    ))
}

fn read_objects(dir: &Path) -> Result<Objects, StoreError> {
    let mut objects = Objects::default();
    for shard in disk::names_in(dir)? {
        let shard = dir.join(shard);
        for name in disk::names_in(&shard)? {
            // One damaged object must not keep all others from being served.
            match read_object(&shard.join(name)) {
                Ok(meta) => objects.add(meta),
                Err(error) => tracing::error!(%error, "an object is left out of the listing"),
            }
        }
    }
    Ok(objects)
}

impl Objects {
    fn add(&mut self, meta: ObjectMeta) {
        self.listing.insert(meta.key.clone(), Listed::of(&meta));
        self.completed.extend(meta.parts.map(|list| list.upload));
    }
}

fn read_object(path: &Path) -> Result<ObjectMeta, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let (meta, _) = file::read_footer::<ObjectMeta>(&file, path)?;
    if path
        .file_name()
        .is_none_or(|name| *name != *object_name(&meta.key))
    {
        return Err(StoreError::damaged(path, &"it lies at another key's place"));
    }
    Ok(meta)
}

/// An upload is completed (its parts are an object), open (its record stands) or neither (aborted
/// or replaced).
fn recover_upload(
    disk: &Disk,
    bucket: &Path,
    id: &str,
    objects: &Objects,
    uploads: &Uploads,
) -> Result<(), StoreError> {
    let dir = bucket.join("multipart").join(id);
    let record = upload::read_record(&dir)?;
    match (objects.completed.contains(id), record) {
        (true, None) => Ok(()),
        (true, Some(record)) => {
            let name = object_name(&record.key);
            let object = read_object(&bucket.join("objects").join(&name[..2]).join(&name))?;
            upload::close_completed(disk, &dir, &object)
        }
        (false, Some(record)) => {
            uploads.insert(id, record, read_parts(&dir)?);
            Ok(())
        }
        (false, None) => disk::remove_tree(&dir),
    }
}

fn read_parts(dir: &Path) -> Result<BTreeMap<u32, PartMeta>, StoreError> {
    let mut parts = BTreeMap::new();
    for name in disk::names_in(dir)? {
        let Ok(number) = name.parse::<u32>() else {
            continue;
        };
        let path = dir.join(name);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        // A damaged part is as good as one that never came: the client is told so when it
        // completes.
        match file::read_footer::<PartMeta>(&file, &path) {
            Ok((meta, _)) => drop(parts.insert(number, meta)),
            Err(error) => tracing::error!(%error, "a part is left out of its upload"),
        }
    }
    Ok(parts)
}

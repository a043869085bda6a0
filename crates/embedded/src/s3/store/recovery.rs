//! Opening a bucket: the listing is rebuilt from the footers, and what a crash left behind is
//! tidied up.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use super::bucket::{Bucket, object_name};
use super::complete::close_completed;
use super::disk::{self, Disk};
use super::file;
use super::listing::Listed;
use super::object::ObjectMeta;
use super::record::read_json;
use super::upload::{self, PartMeta, Uploads};

/// Readers of footers at a time: with a cold disk, waiting is most of it.
const READERS: usize = 8;

/// What the objects' folder holds.
#[derive(Default)]
struct Objects {
    listing: BTreeMap<String, Listed>,
    /// The uploads whose parts are objects now.
    completed: HashSet<String>,
    /// Objects that cannot be read; any of them may consist of parts.
    damaged: usize,
}

pub(super) fn open_bucket(disk: &Arc<Disk>, dir: PathBuf, name: &str) -> Result<Bucket, StoreError> {
    let record = read_json(&dir.join("bucket.json"))?;
    let objects = read_objects(&dir.join("objects"))?;
    let uploads = Uploads::default();
    let multipart = dir.join("multipart");
    for id in disk::names_in(&multipart)? {
        recover_upload(disk, &dir, &id, &objects, &uploads)?;
    }
    Ok(Bucket::assemble(disk, dir, name, record, objects.listing, uploads))
}

fn read_objects(dir: &Path) -> Result<Objects, StoreError> {
    let shards = disk::names_in(dir)?;
    let groups = shards.chunks(shards.len().div_ceil(READERS).max(1));
    let read = std::thread::scope(|scope| {
        let readers: Vec<_> = groups.map(|group| scope.spawn(move || read_shards(dir, group))).collect();
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect::<Result<Vec<_>, StoreError>>()
    })?;
    Ok(read.into_iter().fold(Objects::default(), Objects::merge))
}

fn read_shards(dir: &Path, shards: &[String]) -> Result<Objects, StoreError> {
    let mut objects = Objects::default();
    for shard in shards {
        let shard = dir.join(shard);
        for name in disk::names_in(&shard)? {
            match read_object(&shard.join(name)) {
                Ok(meta) => objects.add(meta),
                // One damaged object must not keep all others from being served.
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::error!(%error, "an object is left out of the listing");
                    objects.damaged += 1;
                }
                Err(error) => return Err(error),
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

    fn merge(mut self, mut other: Self) -> Self {
        self.listing.append(&mut other.listing);
        self.completed.extend(other.completed);
        self.damaged += other.damaged;
        self
    }
}

fn read_object(path: &Path) -> Result<ObjectMeta, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let (meta, _) = file::read_footer::<ObjectMeta>(&file, path)?;
    if path.file_name().is_none_or(|name| *name != *object_name(&meta.key)) {
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
            close_completed(disk, &dir, &object)
        }
        (false, Some(record)) => {
            uploads.insert(id, record, read_parts(&dir)?);
            Ok(())
        }
        // They may belong to an object that can still be repaired.
        (false, None) if objects.damaged > 0 => Ok(()),
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

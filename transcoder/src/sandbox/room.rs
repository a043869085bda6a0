//! What lies in a job folder: the limits a process can be given bound one file, not how many there are.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::Path,
};

use super::{child::SOURCE_FILE, limits::ChildLimits};

/// Bytes of one block, as the system counts them.
const BLOCK_BYTES: u64 = 512;

/// What a child has put into its folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes, of each file its length or what it takes of the disk, whichever is more.
    pub bytes: u64,
    /// Files and folders.
    pub files: u64,
}

impl Room {
    /// More than the child may have.
    pub(super) fn is_beyond(self, limits: &ChildLimits) -> bool {
        self.bytes > limits.output_bytes || self.files > limits.output_files
    }

    /// Measures a job folder without its source, as far as it takes to know that it is too much.
    pub(super) fn of(job: &Path, limits: &ChildLimits) -> io::Result<Self> {
        let mut room = Self::default();
        let mut folders = vec![job.to_owned()];
        while let Some(folder) = folders.pop() {
            // What was stored is removed meanwhile.
            let Some(entries) = unless_gone(fs::read_dir(&folder))? else { continue };
            for entry in entries {
                let Some(entry) = unless_gone(entry)? else { continue };
                if folder == job && entry.file_name() == SOURCE_FILE {
                    continue;
                }
                let Some(found) = unless_gone(entry.metadata())? else { continue };
                room.files += 1;
                room.bytes = room.bytes.saturating_add(found.len().max(found.blocks().saturating_mul(BLOCK_BYTES)));
                if room.is_beyond(limits) {
                    return Ok(room);
                }
                if found.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        Ok(room)
    }
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_not_the_childs_and_links_lead_nowhere() {
        let job = tempfile::tempdir().expect("a folder");
        let limits = ChildLimits { output_bytes: 100_000, output_files: 4, ..ChildLimits::default() };
        fs::write(job.path().join(SOURCE_FILE), vec![1; 300_000]).expect("written");
        fs::create_dir(job.path().join("v120")).expect("made");
        std::os::unix::fs::symlink("/", job.path().join("v120/root")).expect("linked");
        let few = Room::of(job.path(), &limits).expect("measured");
        assert!(few.files == 2 && few.bytes < 20_000 && !few.is_beyond(&limits), "{few:?}");
        fs::write(job.path().join("v120").join(SOURCE_FILE), vec![1; 100_000]).expect("written");
        let large = Room::of(job.path(), &limits).expect("measured");
        assert!(large.bytes > 100_000 && large.is_beyond(&limits), "{large:?}");
        fs::write(job.path().join("v120").join(SOURCE_FILE), []).expect("written");
        for name in ["a", "b", "c", "d"] {
            fs::write(job.path().join(name), []).expect("written");
        }
        let many = Room::of(job.path(), &limits).expect("measured");
        assert!(many.files == 5 && many.is_beyond(&limits), "{many:?}");
    }
}

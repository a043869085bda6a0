//! Files that are there or are not, never halfway.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreError;

/// The folder things are written aside in, and how hard they are forced to disk.
#[derive(Debug)]
pub(super) struct Disk {
    tmp: PathBuf,
    sync: bool,
    next: AtomicU64,
}

/// A file aside. Dropped before [`Disk::commit`], it is gone.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) file: File,
    path: PathBuf,
    is_committed: bool,
}

impl Disk {
    /// Empties the folder of files aside: whatever is in it was never committed.
    pub(super) fn open(root: &Path, sync: bool) -> Result<Self, StoreError> {
        let tmp = root.join("tmp");
        remove_tree(&tmp)?;
        fs::create_dir_all(&tmp).map_err(StoreError::io("create", &tmp))?;
        let disk = Self { tmp, sync, next: AtomicU64::new(0) };
        disk.sync_dir(root)?;
        Ok(disk)
    }

    pub(super) fn scratch(&self) -> Result<Scratch, StoreError> {
        let path = self.scratch_path();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(StoreError::io("create", &path))?;
        Ok(Scratch { file, path, is_committed: false })
    }

    /// What the clock that stamps files says, in milliseconds since 1970.
    pub(super) fn now_ms(&self) -> Result<i64, StoreError> {
        super::file::modified_ms(&self.scratch()?.file)
    }

    /// A free name aside, for a folder.
    pub(super) fn scratch_path(&self) -> PathBuf {
        self.tmp.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Forces the content to disk; needed before [`Self::commit`], and apart from it because it
    /// takes the longest.
    pub(super) fn sync_scratch(&self, scratch: &Scratch) -> Result<(), StoreError> {
        if !self.sync {
            return Ok(());
        }
        scratch.file.sync_data().map_err(StoreError::io("sync", &scratch.path))
    }

    /// Gives the file its name, replacing what had it. Once this returns, it survives a power cut.
    pub(super) fn commit(&self, scratch: Scratch, target: &Path) -> Result<(), StoreError> {
        scratch.rename(target)?;
        self.sync_parent(target)
    }

    /// The same for a folder made aside. Its content must be on disk already.
    pub(super) fn commit_dir(&self, aside: &Path, target: &Path) -> Result<(), StoreError> {
        fs::rename(aside, target).map_err(StoreError::io("rename to", target))?;
        self.sync_parent(target)
    }

    /// Removes a file for good, if it is there.
    pub(super) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        unlink(path)?;
        self.sync_parent(path)
    }

    pub(super) fn sync_parent(&self, path: &Path) -> Result<(), StoreError> {
        path.parent().map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    pub(super) fn sync_dir(&self, dir: &Path) -> Result<(), StoreError> {
        if !self.sync {
            return Ok(());
        }
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io("sync", dir))
    }
}

impl Scratch {
    /// The first half of [`Disk::commit`]; [`Disk::sync_parent`] is the other.
    pub(super) fn rename(mut self, target: &Path) -> Result<(), StoreError> {
        fs::rename(&self.path, target).map_err(StoreError::io("rename to", target))?;
        self.is_committed = true;
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.is_committed {
            // If this fails, the sweep at the next start finds it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The names in a folder; ours are all ASCII. A stranger's file is passed over.
pub(super) fn names_in(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = fs::read_dir(dir).map_err(StoreError::io("list", dir))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", dir))?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}

/// The first half of [`Disk::remove`]; [`Disk::sync_parent`] is the other.
pub(super) fn unlink(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder and everything in it, if it is there.
pub(super) fn remove_tree(dir: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", dir)(error)),
        _ => Ok(()),
    }
}

//! The folder for work in progress: a place of our own in whatever folder was named for it.
//!
//! The named folder may be anybody's, such as `/var/tmp`, and several transcoders may share it. Each takes a place in it
//! that nobody else has locked, and nothing but such places is ever emptied.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
    process::geteuid,
};

/// How the places are called, with a number after it.
const PREFIX: &str = "estrade-work-";
/// Transcoders that can share a folder.
const MOST: usize = 64;
/// Sources lie here while they are worked on: nobody else on this machine may read them.
const MODE: u32 = 0o700;

/// A place of this process, until this is dropped.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    _lock: File,
}

impl WorkDir {
    /// Takes a free place in `folder`, which is made if it is not there, and empties all places that nobody has: what a
    /// dead process left is worth nothing.
    ///
    /// # Errors
    /// When the folder cannot be used, or all places in it are taken.
    pub fn claim(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let mut own = None;
        for number in 0..MOST {
            let path = folder.join(format!("{PREFIX}{number}"));
            if own.is_none() {
                make(&path)?;
            }
            if let Some(lock) = lock(&path)? {
                empty(&path)?;
                own.get_or_insert(Self { path, _lock: lock });
            }
        }
        own.ok_or_else(|| io::Error::other(format!("all {MOST} places for transcoders in it are taken")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn make(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(MODE).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Locks a place; nothing if there is none, if somebody has it, or if it is not ours though it is called like that.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let place = match opened {
        Ok(place) => place,
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(None),
            _ => return Err(error),
        },
    };
    if place.metadata()?.uid() != geteuid().as_raw() {
        return Ok(None);
    }
    match flock(&place, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Ok(None),
        locked => locked?,
    }
    place.set_permissions(Permissions::from_mode(MODE))?;
    Ok(Some(place))
}

fn empty(place: &Path) -> io::Result<()> {
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(folder: &Path) -> WorkDir {
        WorkDir::claim(folder).expect("a place")
    }

    fn name(place: &WorkDir) -> &str {
        place.path().file_name().and_then(|name| name.to_str()).expect("a name")
    }

    #[test]
    fn what_others_keep_there_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let others = folder.path().join("photos");
        fs::create_dir(&others).expect("made");
        fs::write(others.join("a.jpg"), "a").expect("written");
        fs::write(folder.path().join("estrade-work-x"), "b").expect("written");
        fs::write(folder.path().join("estrade-work-1"), "c").expect("written");
        std::os::unix::fs::symlink(&others, folder.path().join("estrade-work-0")).expect("linked");
        let mode = fs::metadata(folder.path()).expect("there").mode();
        let place = claim(folder.path());
        assert_eq!(name(&place), "estrade-work-2");
        assert_eq!(fs::metadata(place.path()).expect("there").mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(folder.path()).expect("there").mode(), mode);
        let kept = ["photos/a.jpg", "estrade-work-x", "estrade-work-1", "estrade-work-0/a.jpg"];
        let kept = kept.map(|file| fs::read_to_string(folder.path().join(file)).expect("kept"));
        assert_eq!(kept, ["a", "b", "c", "a"]);
    }

    #[test]
    fn two_processes_have_a_place_each() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = claim(folder.path());
        fs::write(first.path().join("source"), "a").expect("written");
        let second = claim(folder.path());
        assert_eq!([name(&first), name(&second)], ["estrade-work-0", "estrade-work-1"]);
        assert!(first.path().join("source").exists());
    }

    #[test]
    fn what_dead_processes_left_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let both = [claim(folder.path()), claim(folder.path())];
        let left = both.each_ref().map(|place| {
            let job = place.path().join("clip-1");
            fs::create_dir(&job).expect("made");
            fs::write(job.join("source"), "a").expect("written");
            std::os::unix::fs::symlink("/", place.path().join("root")).expect("linked");
            place.path().to_owned()
        });
        drop(both);
        let next = claim(folder.path());
        assert_eq!(next.path(), left[0]);
        for place in left {
            assert_eq!(fs::read_dir(place).expect("there").count(), 0);
        }
    }

    #[test]
    fn a_place_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let theirs = folder.path().join("estrade-work-0");
        fs::create_dir(&theirs).expect("made");
        fs::write(theirs.join("source"), "a").expect("written");
        // Only root can give it away.
        if std::os::unix::fs::chown(&theirs, Some(65534), None).is_ok() {
            assert_eq!(name(&claim(folder.path())), "estrade-work-1");
            assert!(theirs.join("source").exists());
        }
    }
}

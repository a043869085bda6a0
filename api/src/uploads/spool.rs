//! The spool: one file an upload on a local disk, named after the upload's id and nothing a client
//! said. Bytes wait here, durable, until the store has them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use estrade_domain::UploadId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::UploadError;
use super::sniff::SNIFF_BYTES;

/// The file that names the spool and is locked by the process that uses it.
const NAME_FILE: &str = "spool.id";
/// A process that is being replaced gives the spool up within this time.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// How often the lock is tried meanwhile.
const LOCK_PAUSE: Duration = Duration::from_millis(200);
/// Bytes hashed at a time.
const HASH_BUFFER_BYTES: usize = 1 << 20;

/// A spool folder, locked for this process.
#[derive(Debug)]
pub(super) struct Spool {
    dir: PathBuf,
    /// Which spool it is: uploads remember where their bytes are.
    pub(super) id: Uuid,
    /// Held open for its lock.
    _lock: File,
}

/// The file of one upload, open for writing.
#[derive(Debug)]
pub(super) struct SpoolFile {
    file: Arc<File>,
    /// The folder, while it does not durably name the file yet.
    unsynced_dir: Option<PathBuf>,
}

/// How opening an upload's file ended.
#[derive(Debug)]
pub(super) enum Opened {
    /// Everything durable is there.
    Ready(SpoolFile),
    /// Durable bytes are missing: somebody emptied the folder.
    Lost,
}

impl Spool {
    /// Opens the folder, makes it if there is none, and locks it. `fresh_id` names a new one.
    pub(super) async fn open(dir: &Path, fresh_id: Uuid) -> Result<Self, UploadError> {
        let owned = dir.to_path_buf();
        blocking(move || open_spool(owned, fresh_id)).await
    }

    /// Where an upload's bytes are.
    pub(super) fn path(&self, id: UploadId) -> PathBuf {
        self.dir.join(id.0.simple().to_string())
    }

    /// Bytes the disk has free.
    pub(super) fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.dir)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Opens an upload's file, which has `offset` durable bytes; the rest of it is cut off.
    pub(super) async fn open_file(&self, id: UploadId, offset: u64) -> io::Result<Opened> {
        let (path, dir) = (self.path(id), self.dir.clone());
        blocking(move || open_file(&path, dir, offset)).await
    }

    /// Deletes an upload's file; one that is gone already is no error.
    pub(super) async fn remove(&self, id: UploadId) -> io::Result<()> {
        let path = self.path(id);
        blocking(move || missing_is_fine(fs::remove_file(path))).await
    }

    /// Cuts an upload's file back to its durable bytes, if it is longer.
    pub(super) async fn cut_back(&self, id: UploadId, offset: u64) -> io::Result<()> {
        let path = self.path(id);
        blocking(move || {
            let file = OpenOptions::new().write(true).open(path)?;
            if file.metadata()?.len() > offset { file.set_len(offset) } else { Ok(()) }
        })
        .await
    }

    /// Bytes an upload's file has; 0 when it is gone.
    pub(super) async fn size(&self, id: UploadId) -> io::Result<u64> {
        let path = self.path(id);
        blocking(move || match fs::metadata(path) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        })
        .await
    }

    /// All uploads that have a file, with its size in bytes.
    pub(super) async fn entries(&self) -> io::Result<Vec<(UploadId, u64)>> {
        let dir = self.dir.clone();
        blocking(move || list(&dir)).await
    }

    /// The first bytes of an upload; fewer when it is shorter, none when its file is gone.
    pub(super) async fn head(&self, id: UploadId) -> io::Result<Vec<u8>> {
        let path = self.path(id);
        blocking(move || match File::open(path) {
            Ok(file) => read_head(&file),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        })
        .await
    }

    /// SHA-256 of a whole upload; none when its file is gone or not `length` bytes long.
    pub(super) async fn digest(&self, id: UploadId, length: u64) -> io::Result<Option<[u8; 32]>> {
        let path = self.path(id);
        blocking(move || digest(&path, length)).await
    }
}

impl SpoolFile {
    /// Writes at a place, through to the system: no buffer of ours waits.
    pub(super) fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // A write into the page cache takes microseconds, but may be throttled by a slow disk.
        tokio::task::block_in_place(|| self.file.write_all_at(bytes, offset))
    }

    /// Makes everything written durable, and once the file's name.
    pub(super) async fn sync(&mut self) -> io::Result<()> {
        let (file, dir) = (Arc::clone(&self.file), self.unsynced_dir.clone());
        blocking(move || {
            file.sync_data()?;
            dir.map_or(Ok(()), |dir| sync_dir(&dir))
        })
        .await?;
        self.unsynced_dir = None;
        Ok(())
    }

    /// The first bytes.
    pub(super) fn head(&self) -> io::Result<Vec<u8>> {
        tokio::task::block_in_place(|| read_head(&self.file))
    }

    /// Drops everything after the durable bytes.
    pub(super) fn cut_back(&self, offset: u64) -> io::Result<()> {
        tokio::task::block_in_place(|| self.file.set_len(offset))
    }
}

/// Whether the disk is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error).into()),
    }
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn open_spool(dir: PathBuf, fresh_id: Uuid) -> Result<Spool, UploadError> {
    let failed = |source| UploadError::SpoolFolder { path: dir.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed)?;
    let options = OpenOptions::new().read(true).append(true).create(true).mode(0o600).clone();
    let mut lock = options.open(dir.join(NAME_FILE)).map_err(failed)?;
    if !wait_for_lock(&lock).map_err(failed)? {
        return Err(UploadError::SpoolInUse(dir));
    }
    let id = read_or_write_id(&mut lock, fresh_id).and_then(|id| sync_dir(&dir).map(|()| id)).map_err(failed)?;
    Ok(Spool { dir, id, _lock: lock })
}

fn wait_for_lock(file: &File) -> io::Result<bool> {
    let started = std::time::Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn read_or_write_id(file: &mut File, fresh_id: Uuid) -> io::Result<Uuid> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if let Ok(id) = Uuid::try_parse(text.trim()) {
        return Ok(id);
    }
    // Empty, or torn by a crash before anything used it.
    file.set_len(0)?;
    file.write_all(fresh_id.simple().to_string().as_bytes())?;
    file.sync_all()?;
    Ok(fresh_id)
}

fn open_file(path: &Path, dir: PathBuf, offset: u64) -> io::Result<Opened> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && offset == 0 => {
            let file = options.create(true).truncate(false).open(path)?;
            return Ok(Opened::Ready(SpoolFile { file: Arc::new(file), unsynced_dir: Some(dir) }));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Opened::Lost),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length < offset {
        return Ok(Opened::Lost);
    }
    if length > offset {
        file.set_len(offset)?;
    }
    // A file without durable bytes may not be durably named either.
    let unsynced_dir = (offset == 0).then_some(dir);
    Ok(Opened::Ready(SpoolFile { file: Arc::new(file), unsynced_dir }))
}

fn list(dir: &Path) -> io::Result<Vec<(UploadId, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let id = entry.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok());
        // Between the listing and the look a file may be gone.
        if let (Some(id), Ok(metadata)) = (id, entry.metadata()) {
            found.push((UploadId(id), metadata.len()));
        }
    }
    Ok(found)
}

fn read_head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; usize::try_from(SNIFF_BYTES).unwrap_or_default()];
    let mut filled = 0;
    while filled < head.len() {
        match file.read_at(&mut head[filled..], filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    head.truncate(filled);
    Ok(head)
}

fn digest(path: &Path, length: u64) -> io::Result<Option<[u8; 32]>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() != length {
        return Ok(None);
    }
    let mut digest = Sha256::new();
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Some(digest.finalize().into())),
            count => digest.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: UploadId = UploadId(Uuid::nil());

    async fn spool(dir: &Path) -> Spool {
        Spool::open(dir, Uuid::max()).await.expect("spool")
    }

    async fn ready(spool: &Spool, offset: u64) -> SpoolFile {
        match spool.open_file(ID, offset).await.expect("open") {
            Opened::Ready(file) => file,
            Opened::Lost => panic!("lost"),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_after_the_durable_bytes_is_cut_off() {
        let dir = tempfile::tempdir().expect("dir");
        let spool = spool(dir.path()).await;
        let mut file = ready(&spool, 0).await;
        file.write_at(0, b"durable, not durable").expect("write");
        file.sync().await.expect("sync");
        drop(file);
        drop(ready(&spool, 7).await);
        assert_eq!(spool.head(ID).await.expect("head"), b"durable");
        assert_eq!(spool.entries().await.expect("list"), [(ID, 7)]);
        assert!(matches!(spool.open_file(ID, 8).await.expect("open"), Opened::Lost));
        let sha = Sha256::digest(b"durable");
        assert_eq!(spool.digest(ID, 7).await.expect("digest").expect("there")[..], sha[..]);
        assert_eq!(spool.digest(ID, 8).await.expect("digest"), None);
        spool.remove(ID).await.expect("removed");
        spool.remove(ID).await.expect("removed twice");
        assert!(matches!(spool.open_file(ID, 1).await.expect("open"), Opened::Lost));
    }

    #[tokio::test]
    async fn a_spool_keeps_its_name() {
        let dir = tempfile::tempdir().expect("dir");
        let first = spool(dir.path()).await.id;
        let again = Spool::open(dir.path(), Uuid::nil()).await.expect("again");
        assert_eq!((first, again.id), (Uuid::max(), Uuid::max()));
        assert!(again.entries().await.expect("list").is_empty());
    }
}

//! The form of a file in the store: a body, a JSON footer, and a trailer that says where the footer
//! begins.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::digest::{Digested, Digests, ExpectedDigests};
use super::disk::{Disk, Scratch};

/// Closes every file: the footer's length, its CRC-32C, and this mark.
const MARK: &[u8; 8] = b"ESTROBJ1";
const TRAILER_BYTES: usize = 16;

/// The footer of 10,000 parts has some 300 KiB.
const MAX_FOOTER_BYTES: u64 = 4 << 20;

/// A body on its way into a file aside.
pub(crate) struct Receiver {
    scratch: Scratch,
    digests: Digests,
    size: u64,
}

/// A body that has arrived whole and is what was announced.
pub(crate) struct Received {
    scratch: Scratch,
    pub(crate) size: u64,
    pub(crate) digested: Digested,
}

impl Receiver {
    pub(super) fn new(scratch: Scratch, digests: Digests) -> Self {
        Self { scratch, digests, size: 0 }
    }

    /// Bytes received so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends to the body. Blocks.
    pub(crate) fn write(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        for chunk in chunks {
            self.digests.update(chunk);
            self.scratch.file.write_all(chunk).map_err(StoreError::io("write", Path::new("a file aside")))?;
            self.size += chunk.len() as u64;
        }
        Ok(())
    }

    /// Ends the body. One that is not what was announced is dropped here, and with it its file.
    pub(crate) fn finish(self, expected: &ExpectedDigests) -> Result<Received, StoreError> {
        if let Some(announced) = expected.size.filter(|&announced| announced != self.size) {
            return Err(StoreError::IncompleteBody { received: self.size, announced });
        }
        let digested = self.digests.finish();
        digested.check(expected)?;
        Ok(Received { scratch: self.scratch, size: self.size, digested })
    }
}

impl Received {
    /// The file's own time, in milliseconds since 1970.
    pub(super) fn modified_ms(&self) -> Result<i64, StoreError> {
        modified_ms(&self.scratch.file)
    }

    /// Closes the file with its footer and forces it to disk.
    pub(super) fn seal<T: Serialize>(mut self, disk: &Disk, footer: &T) -> Result<Scratch, StoreError> {
        seal(disk, &mut self.scratch, footer)?;
        Ok(self.scratch)
    }
}

/// Closes a file aside with its footer and forces it to disk.
pub(super) fn seal<T: Serialize>(disk: &Disk, scratch: &mut Scratch, footer: &T) -> Result<(), StoreError> {
    write_footer(&mut scratch.file, footer)?;
    disk.sync_scratch(scratch)
}

pub(super) fn modified_ms(file: &File) -> Result<i64, StoreError> {
    let meta = file.metadata().map_err(StoreError::io("inspect", Path::new("a file aside")))?;
    Ok(meta.mtime() * 1_000 + meta.mtime_nsec() / 1_000_000)
}

fn write_footer<T: Serialize>(file: &mut File, footer: &T) -> Result<(), StoreError> {
    let failed = || StoreError::io("write", Path::new("a file aside"));
    let mut bytes = serde_json::to_vec(footer).map_err(|error| failed()(io::Error::from(error)))?;
    let length = u32::try_from(bytes.len()).ok().filter(|&length| u64::from(length) <= MAX_FOOTER_BYTES);
    let length = length.ok_or(StoreError::TooLarge { limit: MAX_FOOTER_BYTES })?;
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(MARK);
    file.write_all(&bytes).map_err(failed())
}

/// The footer of a file and the length of the body before it.
pub(super) fn read_footer<T: DeserializeOwned>(file: &File, path: &Path) -> Result<(T, u64), StoreError> {
    let failed = || StoreError::io("read", path);
    let total = file.metadata().map_err(failed())?.len();
    let footer_end = total.checked_sub(TRAILER_BYTES as u64).ok_or_else(|| StoreError::damaged(path, &"too short"))?;
    let mut trailer = [0; TRAILER_BYTES];
    file.read_exact_at(&mut trailer, footer_end).map_err(failed())?;
    let [l0, l1, l2, l3, c0, c1, c2, c3, mark @ ..] = trailer;
    let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    if mark != *MARK || length > MAX_FOOTER_BYTES || length > footer_end {
        return Err(StoreError::damaged(path, &"it has no trailer"));
    }
    let body_size = footer_end - length;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut bytes, body_size).map_err(failed())?;
    if crc32c::crc32c(&bytes) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(StoreError::damaged(path, &"its footer has another checksum"));
    }
    let footer = serde_json::from_slice(&bytes).map_err(|error| StoreError::damaged(path, &error))?;
    Ok((footer, body_size))
}

//! Fingerprints of inputs, so that work whose inputs did not change is not done again.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a: stable across compilers, and enough to notice an edit.
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of nothing.
    pub(crate) fn new() -> Self {
        Self(FNV_OFFSET)
    }

    /// Adds one field; its length goes in too, so that fields cannot run into each other.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }

    /// Adds files by their path below `base` and their content.
    pub(crate) fn add_files(&mut self, base: &Path, files: &[PathBuf]) -> Result<()> {
        for file in files {
            let name = file.strip_prefix(base).unwrap_or(file);
            self.add(name.as_os_str().as_encoded_bytes());
            let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            self.add(&content);
        }
        Ok(())
    }

    /// Sixteen hexadecimal digits.
    pub(crate) fn finish(&self) -> String {
        format!("{:016x}", self.0)
    }
}

/// A file that remembers the fingerprint for which some work was last done in full.
pub(crate) struct Stamp(PathBuf);

impl Stamp {
    /// The stamp kept in this file, which need not exist.
    pub(crate) fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Whether the work was done for exactly these inputs.
    pub(crate) fn is_current(&self, fingerprint: &Fingerprint) -> bool {
        fs::read_to_string(&self.0).is_ok_and(|text| text == fingerprint.finish())
    }

    /// Remembers that the work is done for these inputs.
    pub(crate) fn write(&self, fingerprint: &Fingerprint) -> Result<()> {
        fs::write(&self.0, fingerprint.finish()).with_context(|| format!("cannot write {}", self.0.display()))
    }

    /// Forgets; to be called before work that can fail half-way.
    pub(crate) fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}

/// The number behind the fingerprint of one field.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut fingerprint = Fingerprint::new();
    fingerprint.add(bytes);
    fingerprint.0
}

/// All files below a folder in a stable order, without the named folders at any depth.
pub(crate) fn list_files(folder: &Path, skipped: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(current) = open.pop() {
        let entries = fs::read_dir(&current).with_context(|| format!("cannot list {}", current.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", current.display()))?;
            let kind = entry.file_type().context("cannot tell a file from a folder")?;
            if kind.is_file() {
                found.push(entry.path());
            } else if kind.is_dir() && !skipped.iter().any(|name| entry.file_name() == *name) {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    fn fingerprint(fields: &[&str]) -> String {
        let mut fingerprint = Fingerprint::new();
        for field in fields {
            fingerprint.add(field.as_bytes());
        }
        fingerprint.finish()
    }

    #[test]
    fn equal_fields_have_equal_fingerprints() {
        assert_eq!(fingerprint(&["a", "b"]), fingerprint(&["a", "b"]));
    }

    #[test]
    fn a_byte_that_moves_to_the_next_field_is_noticed() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}

//! The data folder: its lock, and the secrets made at first start.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use estrade_domain::{Entropy, SigningKey};
use rustix::fs::{FlockOperation, flock};

/// The data folder, locked while this lives.
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the folder if needed and locks it: two processes must not run the same cluster.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("cannot make the data folder {shown}"))?;
        let path = path.canonicalize().with_context(|| format!("cannot find the data folder {shown}"))?;
        let lock =
            File::create(path.join("lock")).with_context(|| format!("cannot write to the data folder {shown}"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another estrade uses the data folder {shown}; stop it, or give this one another --data-dir");
        }
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The signing key: as set, or made once and kept.
    pub(crate) fn signing_key(&self, setting: Option<&str>, entropy: &Entropy) -> anyhow::Result<SigningKey> {
        let text = match setting {
            Some(text) => text.to_owned(),
            None => self.secret("signing-key", entropy)?,
        };
        parse_key(&text).context("the signing key must be 64 hex digits")
    }

    /// A secret of 32 random bytes as hex digits, made once and kept.
    pub(crate) fn secret(&self, name: &str, entropy: &Entropy) -> anyhow::Result<String> {
        let folder = self.path.join("secrets");
        let path = folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(text.trim().to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
        let (high, low) = (entropy.bytes::<16>(), entropy.bytes::<16>());
        let text = format!("{:032x}{:032x}", u128::from_be_bytes(high), u128::from_be_bytes(low));
        write_secret(&folder, &path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(text)
    }
}

/// Whole or not at all, and readable by its owner only.
fn write_secret(folder: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let aside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(folder)?.sync_all()
}

fn parse_key(text: &str) -> Option<SigningKey> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(SigningKey::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_the_folder_locked() {
        let folder = tempfile::tempdir().expect("tempdir");
        let entropy = Entropy::from_seed(1);
        let data = DataDir::open(folder.path()).expect("first");
        let secret = data.secret("signing-key", &entropy).expect("made");
        assert_eq!(data.secret("signing-key", &entropy).expect("kept"), secret);
        assert!(data.signing_key(None, &entropy).is_ok());
        assert!(data.signing_key(Some("short"), &entropy).is_err());
        assert!(DataDir::open(folder.path()).is_err());
        drop(data);
        assert!(DataDir::open(folder.path()).is_ok());
    }
}

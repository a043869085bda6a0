//! The files of a package, wherever they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;

use super::playlist::{self, MediaPlaylist, Multivariant};

/// Name of the multivariant playlist, to which all other names are relative.
pub(super) const MULTIVARIANT: &str = "index.m3u8";

/// Files by name, as a player finds them from the multivariant playlist.
#[derive(Debug, Clone, Default)]
pub struct Package {
    files: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// Everything below `folder`, where the multivariant playlist lies as `index.m3u8`.
    pub fn from_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut package = Self::default();
        loop {
            let wanted = package.wanted();
            if wanted.is_empty() {
                return Ok(package);
            }
            for name in wanted {
                let path = folder.join(&name);
                let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                package.insert(name, bytes);
            }
        }
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        self.files.insert(name.into(), bytes);
    }

    /// Takes a file away.
    pub fn remove(&mut self, name: &str) {
        self.files.remove(name);
    }

    /// A file's bytes.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Names of all files.
    pub fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// Names that are referred to and not there yet: fetch them and ask again, until there are none.
    /// What cannot be read refers to nothing; the check says so.
    pub fn wanted(&self) -> Vec<String> {
        let mut named = BTreeSet::from([MULTIVARIANT.to_owned()]);
        let multivariant = self.text(MULTIVARIANT).and_then(|text| Multivariant::parse(text).ok());
        for playlist in multivariant.iter().flat_map(Multivariant::playlists) {
            let Some(playlist) = playlist::resolve(MULTIVARIANT, &playlist) else { continue };
            let media = self.text(&playlist).and_then(|text| MediaPlaylist::parse(text).ok());
            for uri in media.iter().flat_map(MediaPlaylist::files) {
                named.extend(playlist::resolve(&playlist, &uri));
            }
            named.insert(playlist);
        }
        named.into_iter().filter(|name| !self.files.contains_key(name)).collect()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

//! Who reads the part files of an object: they go only when nobody does.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::{disk, locked};

/// The uploads of one bucket whose parts are being read or wait for removal.
#[derive(Debug)]
pub(super) struct Leases {
    multipart_dir: PathBuf,
    in_use: Mutex<HashMap<String, Use>>,
}

#[derive(Debug, Default)]
struct Use {
    readers: usize,
    is_condemned: bool,
}

/// Keeps the parts of one upload in place while it lives.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<Leases>,
    upload: String,
}

impl Leases {
    pub(super) fn new(multipart_dir: PathBuf) -> Arc<Self> {
        Arc::new(Self { multipart_dir, in_use: Mutex::default() })
    }

    /// The caller must check afterwards that the object still consists of these parts: they are
    /// safe from then on.
    pub(super) fn take(self: &Arc<Self>, upload: &str) -> Lease {
        locked(&self.in_use).entry(upload.to_owned()).or_default().readers += 1;
        Lease { leases: Arc::clone(self), upload: upload.to_owned() }
    }

    /// Removes the parts of an object that is no more, now or when the last reader is done.
    pub(super) fn condemn(&self, upload: &str) {
        let mut in_use = locked(&self.in_use);
        if let Some(used) = in_use.get_mut(upload) {
            used.is_condemned = true;
            return;
        }
        drop(in_use);
        self.remove(upload);
    }

    fn release(&self, upload: &str) {
        let mut in_use = locked(&self.in_use);
        let Some(used) = in_use.get_mut(upload) else {
            return;
        };
        used.readers -= 1;
        if used.readers > 0 {
            return;
        }
        let is_condemned = used.is_condemned;
        in_use.remove(upload);
        drop(in_use);
        if is_condemned {
            self.remove(upload);
        }
    }

    /// Nothing refers to these files any more; what cannot be removed now, the next start removes.
    fn remove(&self, upload: &str) {
        if let Err(error) = disk::remove_tree(&self.multipart_dir.join(upload)) {
            tracing::warn!(%error, "parts of a removed object stay until the next start");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.release(&self.upload);
    }
}

//! Uploads nobody comes back to end by themselves, where a bucket says so.

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::{Store, StoreError};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// When uploads that are still open are given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AbortRule {
    pub(crate) id: Option<String>,
    /// Of the keys it is about.
    pub(crate) prefix: String,
    /// After the upload was begun.
    pub(crate) days: u32,
    pub(crate) is_enabled: bool,
}

impl AbortRule {
    fn is_due(&self, key: &str, initiated_ms: i64, now_ms: i64) -> bool {
        self.is_enabled && key.starts_with(&self.prefix) && now_ms - initiated_ms >= i64::from(self.days) * DAY_MS
    }
}

impl Store {
    /// Aborts what the rules of the buckets give up, and says how many uploads that were. Blocks.
    pub(crate) fn abort_stale_uploads(&self) -> Result<usize, StoreError> {
        let now_ms = self.disk.now_ms()?;
        let buckets = self.list_buckets().into_iter();
        buckets.map(|bucket| bucket.abort_stale_uploads(now_ms)).sum()
    }
}

impl Bucket {
    /// The same for one bucket, at a given time.
    pub(super) fn abort_stale_uploads(&self, now_ms: i64) -> Result<usize, StoreError> {
        let rules = self.lifecycle();
        let (uploads, _) = self.list_uploads("", ("", ""), usize::MAX);
        let mut aborted = 0;
        for upload in uploads {
            if !rules.iter().any(|rule| rule.is_due(&upload.key, upload.initiated_ms, now_ms)) {
                continue;
            }
            match self.abort_upload(&upload.key, &upload.id) {
                Ok(()) => aborted += 1,
                // Completed or aborted meanwhile.
                Err(StoreError::NoSuchUpload) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(aborted)
    }
}

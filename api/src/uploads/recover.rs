use std::collections::HashMap;

use estrade_db::uploads;
use estrade_domain::UploadId;
use uuid::Uuid;

use super::{UploadError, Uploads};

/// Uploads looked at in one statement.
const BATCH: usize = 1000;

impl Uploads {
    /// After a start: files are cut back to what is durable, those without an open upload removed,
    /// and uploads that have something to be stored are stored on.
    pub(super) async fn recover(&self) -> Result<(), UploadError> {
        let entries = self.spool.entries().await?;
        for batch in entries.chunks(BATCH) {
            let open = self.find_open(batch).await?;
            for (id, size) in batch {
                match open.get(id) {
                    Some(offset) if size > offset => self.spool.cut_back(*id, *offset).await?,
                    Some(_) => {}
                    None => self.spool.remove(*id).await?,
                }
            }
        }
        self.store_unstored().await
    }

    /// Removes files without an open upload; the bytes of those that stay.
    pub(super) async fn sweep_spool(&self) -> Result<u64, UploadError> {
        let entries = self.spool.entries().await?;
        let mut bytes = 0;
        for batch in entries.chunks(BATCH) {
            let open = self.find_open(batch).await?;
            for (id, size) in batch {
                if open.contains_key(id) {
                    bytes += size;
                } else {
                    self.spool.remove(*id).await?;
                }
            }
        }
        Ok(bytes)
    }

    async fn find_open(&self, entries: &[(UploadId, u64)]) -> Result<HashMap<UploadId, u64>, UploadError> {
        let ids: Vec<Uuid> = entries.iter().map(|(id, _)| id.0).collect();
        let mut conn = self.conn().await?;
        let open = uploads::find_open_offsets(&mut conn, self.spool.id, &ids).await?;
        Ok(open.into_iter().collect())
    }

    /// Starts over an upload whose durable bytes are gone from the spool.
    pub(super) async fn restart(&self, id: UploadId) -> Result<(), UploadError> {
        tracing::error!(upload.id = %id, "the spool lost bytes of an upload; it starts over");
        self.metrics.count("restarted");
        let storable = {
            let mut conn = self.conn().await?;
            let storable = uploads::find_storable(&mut conn, id).await?;
            uploads::restart_upload(&mut conn, id).await?;
            storable
        };
        self.spool.remove(id).await?;
        if let Some((key, s3_upload_id)) = storable.and_then(|work| work.s3_upload_id.map(|s3| (work.object_key, s3))) {
            self.blobs.abort_upload(&key, &s3_upload_id).await?;
        }
        Ok(())
    }
}

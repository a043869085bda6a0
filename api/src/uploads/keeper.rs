use std::time::Duration;

use estrade_db::uploads::{self, Rejection};

use super::{UploadError, Uploads};

/// How often the keeper looks.
const PERIOD: Duration = Duration::from_secs(15);
/// Uploads ended, or looked at, in one round of a kind.
const BATCH: i64 = 500;

/// Every so many rounds the store is asked for multipart uploads nobody knows: about every hour.
const STRAY_ROUNDS: u32 = 240;
/// One begun so recently may be about to be known, hours.
const STRAY_HOURS: i64 = 24;
/// The folder of sources in the store.
const SOURCES: &str = "sources/";

/// Runs until the soft stop.
pub(super) async fn keep(uploads: Uploads) {
    for round in (0..STRAY_ROUNDS).cycle() {
        tokio::select! {
            () = uploads.soft.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        uploads.tidy().await;
        if round == 0 {
            log("drop strays", uploads.drop_strays().await);
        }
    }
}

fn expired() -> Rejection {
    Rejection {
        code: "upload_expired".to_owned(),
        message: "The upload was not finished in time. Upload the video again.".to_owned(),
    }
}

impl Uploads {
    /// One round: each task by itself, so that one in trouble does not keep the others from theirs.
    async fn tidy(&self) {
        log("expire", self.expire().await);
        log("end uploads of deleted clips", self.end_orphans().await);
        log("store", self.store_unstored().await);
        log("sweep the spool", self.measure_spool().await);
        self.drop_leftovers().await;
    }

    async fn expire(&self) -> Result<(), UploadError> {
        let mut conn = self.conn().await?;
        let expired = uploads::expire_overdue(&mut conn, self.now(), &expired(), BATCH).await?;
        for _ in &expired {
            self.metrics.count("expired");
        }
        Ok(())
    }

    async fn end_orphans(&self) -> Result<(), UploadError> {
        let mut conn = self.conn().await?;
        let ended = uploads::terminate_orphans(&mut conn, BATCH).await?;
        for _ in &ended {
            self.metrics.count("terminated");
        }
        Ok(())
    }

    /// Files of what ended above are removed here.
    async fn measure_spool(&self) -> Result<(), UploadError> {
        let bytes = self.sweep_spool().await?;
        self.metrics.spool.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Stores on what a failure or a crash left in the spool.
    pub(super) async fn store_unstored(&self) -> Result<(), UploadError> {
        let unstored = {
            let mut conn = self.conn().await?;
            uploads::find_unstored(&mut conn, self.spool.id, BATCH).await?
        };
        for id in unstored {
            self.store_soon(id);
        }
        Ok(())
    }

    /// Drops the parts of uploads that ended before they were whole.
    pub(super) async fn drop_leftovers(&self) {
        log("drop parts", self.try_drop_leftovers().await);
    }

    /// A crash between beginning a multipart upload and noting it leaves one that no row names.
    async fn drop_strays(&self) -> Result<(), UploadError> {
        let before = self.now() - chrono::Duration::hours(STRAY_HOURS);
        let mut old = self.blobs.list_uploads(SOURCES).await?;
        old.retain(|open| open.begun_at < before);
        let ids: Vec<String> = old.iter().map(|open| open.upload_id.clone()).collect();
        let known = {
            let mut conn = self.conn().await?;
            uploads::find_known_multiparts(&mut conn, &ids).await?
        };
        for open in old.iter().filter(|open| !known.contains(&open.upload_id)) {
            self.blobs.abort_upload(&open.key, &open.upload_id).await?;
        }
        Ok(())
    }

    async fn try_drop_leftovers(&self) -> Result<(), UploadError> {
        let leftovers = {
            let mut conn = self.conn().await?;
            uploads::find_leftovers(&mut conn, BATCH).await?
        };
        for left in leftovers {
            self.blobs.abort_upload(&left.object_key, &left.s3_upload_id).await?;
            let mut conn = self.conn().await?;
            uploads::forget_multipart(&mut conn, left.id, &left.s3_upload_id).await?;
        }
        Ok(())
    }
}

fn log(task: &'static str, result: Result<(), UploadError>) {
    if let Err(error) = result {
        tracing::warn!(task, error = %estrade_http::problem::chain(&error), "an upkeep task of uploads failed; it is tried again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strays_are_looked_for_where_sources_are() {
        let key = estrade_blobs::key::source(estrade_domain::UploadId(uuid::Uuid::nil()));
        assert!(key.starts_with(SOURCES));
    }
}

use estrade_db::uploads::{self, Upload};
use estrade_http::{Problem, Result};

use super::{UploadError, Uploads};

impl Uploads {
    /// Gives an open upload up: its bytes and its draft clip are deleted.
    pub async fn terminate(&self, upload: &Upload) -> Result<()> {
        let turn = self.takeovers.take(upload.id).await?;
        let mut conn = self.conn().await?;
        let is_terminated = uploads::terminate_upload(&mut conn, upload.id, self.now()).await?;
        drop(conn);
        if !is_terminated {
            return Err(Problem::conflict("upload_ended", "this upload has ended; delete its clip instead"));
        }
        self.metrics.count("terminated");
        self.spool.remove(upload.id).await.map_err(UploadError::from)?;
        drop(turn);
        // Parts in the store are dropped in the background, and by the keeper if that fails.
        let uploads = self.clone();
        self.tasks.spawn(async move { uploads.drop_leftovers().await });
        Ok(())
    }

    /// Cuts a request that writes the upload, so that the offset stands still, and waits until what it
    /// received is durable; whether there was one.
    pub async fn settle(&self, upload: &Upload) -> Result<bool> {
        Ok(self.takeovers.settle(upload.id).await?)
    }
}

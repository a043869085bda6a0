use std::time::Duration;

use axum::http::StatusCode;
use estrade_blobs::key;
use estrade_db::uploads::{self, Admission, NewDraft, NewUpload, Quota, Upload, UploadState};
use estrade_domain::{AccountId, ClipId, UploadId};
use estrade_http::{Problem, Result};

use super::{Metadata, UploadError, Uploads, empty_rejection, no_space};

/// How long a creation waits for its place before it is turned away.
const PLACE_DEADLINE: Duration = Duration::from_secs(1);
/// One creator's open uploads may promise this part of the room that is left, and always the largest
/// single upload: promises cost nothing, and must not keep others out.
const CREATOR_SHARE: u64 = 8;
/// Seconds after which an open upload may have ended.
const OPEN_RETRY_SECS: u32 = 60;
/// Seconds after which the last minute has room again, at the latest.
const RECENT_RETRY_SECS: u32 = 60;

/// An upload somebody wants to begin.
#[derive(Debug)]
pub struct CreateRequest {
    /// Who.
    pub creator_id: AccountId,
    /// Its size, unless it is declared later, bytes; within the limit.
    pub length: Option<u64>,
    /// What they say about it.
    pub metadata: Metadata,
}

impl Uploads {
    /// Creates an upload and its draft clip in one transaction.
    pub async fn create(&self, request: CreateRequest) -> Result<Upload> {
        let _place = self.creation_place().await?;
        let now = self.now();
        let (id, clip_id) = (UploadId::new(now, &self.entropy), ClipId::new(now, &self.entropy));
        let (public_id, clip_public_id) = (self.entropy.public_id(), self.entropy.public_id());
        let object_key = key::source(id);
        let CreateRequest { creator_id, length, metadata } = request;
        let new = NewUpload {
            id,
            public_id: &public_id,
            creator_id,
            length,
            metadata: &metadata.header,
            filename: metadata.filename.as_deref(),
            object_key: &object_key,
            spool_id: self.spool.id,
            clip: NewDraft {
                id: clip_id,
                public_id: &clip_public_id,
                caption: &metadata.caption,
                hashtags: &metadata.hashtags,
                language: metadata.language.as_deref(),
                visibility: metadata.visibility.as_str(),
                publish: metadata.publish,
                allow_download: metadata.allow_download,
            },
            at: now,
            expires_at: self.args.expiry(now, now),
        };
        self.insert(&new).await?;
        self.metrics.count("created");
        let expires_at = new.expires_at;
        let mut upload = Upload {
            id,
            public_id,
            clip_public_id,
            state: UploadState::Receiving,
            length,
            offset: 0,
            expires_at,
            metadata: metadata.header,
            sha256: None,
            rejection: None,
            spool_id: self.spool.id,
        };
        if length == Some(0) {
            self.reject_empty(&mut upload).await?;
        }
        Ok(upload)
    }

    async fn creation_place(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        if let Ok(Ok(place)) = tokio::time::timeout(PLACE_DEADLINE, self.creations.acquire()).await {
            return Ok(place);
        }
        self.shed.inc();
        Err(Problem::unavailable("overloaded", "too many uploads begin at the moment; try again shortly"))
    }

    async fn insert(&self, new: &NewUpload<'_>) -> Result<()> {
        let free = self.spool.free_bytes().map_err(UploadError::from)?;
        let room_bytes = free.saturating_sub(self.args.disk_reserve_bytes);
        let quota = Quota {
            open_max: self.args.open_max,
            creations_per_minute: self.args.creations_per_minute,
            room_bytes,
            own_bytes: self.args.max_bytes.max(room_bytes / CREATOR_SHARE),
        };
        if quota.room_bytes == 0 {
            return Err(no_space());
        }
        let mut tx = self.pool.begin().await.map_err(estrade_db::DbError::from)?;
        let admission = uploads::insert_upload(&mut tx, new, quota).await?;
        tx.commit().await.map_err(estrade_db::DbError::from)?;
        match admission {
            Admission::Admitted => Ok(()),
            refused => Err(self.refuse(refused)),
        }
    }

    fn refuse(&self, admission: Admission) -> Problem {
        match admission {
            Admission::TooManyOpen => {
                let detail = format!("you have {} uploads open; finish or cancel one first", self.args.open_max);
                Problem::too_many("too_many_open_uploads", detail, OPEN_RETRY_SECS)
            }
            Admission::TooManyRecent => {
                let detail = format!("at most {} uploads begin within a minute", self.args.creations_per_minute);
                Problem::too_many("too_many_creations", detail, RECENT_RETRY_SECS)
            }
            Admission::TooMuchOpen => {
                let detail = "your open uploads together are as large as they may be; finish or cancel one first";
                Problem::too_many("too_many_open_bytes", detail, OPEN_RETRY_SECS)
            }
            Admission::NoRoom | Admission::Admitted => no_space(),
        }
    }

    /// Legal in the protocol, but no video.
    async fn reject_empty(&self, upload: &mut Upload) -> Result<()> {
        let rejection = empty_rejection();
        self.reject(upload.id, &rejection).await?;
        upload.state = UploadState::Rejected;
        upload.rejection = Some(rejection);
        Ok(())
    }

    /// Refuses an upload for what it is; its clip fails with the same reason.
    pub(super) async fn reject(&self, id: UploadId, rejection: &uploads::Rejection) -> Result<(), UploadError> {
        let mut conn = self.conn().await?;
        if uploads::reject_upload(&mut conn, id, rejection).await? {
            self.metrics.count("rejected");
            self.spool.remove(id).await?;
        }
        Ok(())
    }

    /// The answer to a source above the limit.
    pub fn too_large(&self) -> Problem {
        let detail = format!("an upload has at most {} bytes", self.args.max_bytes);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }
}

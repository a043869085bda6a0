//! Uploads while bytes come in: creation, offsets, ends.

use estrade_domain::{AccountId, ClipId, PublicId, Time, UploadId};
use sqlx::PgConnection;

use super::{Admission, Append, Commit, NewUpload, Quota, Rejection, Upload, UploadState, bigint, bytes, crc};
use crate::{DbError, Result};

/// Inserts the upload and its draft clip when the quotas allow it: one statement decides and
/// inserts. The account's row is locked first, so that creations at the same time count each other.
pub async fn insert_upload(conn: &mut PgConnection, new: &NewUpload<'_>, quota: Quota) -> Result<Admission> {
    sqlx::query!("SELECT 1 AS one FROM accounts WHERE id = $1 FOR NO KEY UPDATE", new.creator_id.0)
        .fetch_optional(&mut *conn)
        .await?;
    let row = sqlx::query!(
        r#"WITH quota AS (
               SELECT count(*) FILTER (WHERE state = 'receiving' AND expires_at > $9) AS open,
                      count(*) FILTER (WHERE created_at > $9 - interval '1 minute') AS recent,
                      coalesce(sum(coalesce(length_bytes, offset_bytes) - offset_bytes)
                               FILTER (WHERE state = 'receiving' AND expires_at > $9), 0)::bigint AS own,
                      (SELECT coalesce(sum(coalesce(length_bytes, offset_bytes) - offset_bytes), 0)::bigint
                       FROM uploads WHERE state = 'receiving' AND spool_id = $8
                         AND last_byte_at > $9 - interval '10 minutes') AS promised
               FROM uploads
               WHERE creator_id = $3 AND (state = 'receiving' OR created_at > $9 - interval '1 minute')
           ), clip AS (
               INSERT INTO clips (id, public_id, creator_id, caption, hashtags, language, created_at, visibility, publish,
                                  allow_download)
               SELECT $11, $12, $3, $13, $14, $15, $9, $16, $17, $22 FROM quota
               WHERE open < $18 AND recent < $19 AND promised + coalesce($4::bigint, 0) <= $20
                 AND own + coalesce($4::bigint, 0) <= $21
               RETURNING id
           ), upload AS (
               INSERT INTO uploads (id, public_id, creator_id, clip_id, length_bytes, metadata, filename, object_key,
                                    spool_id, created_at, last_byte_at, expires_at)
               SELECT $1, $2, $3, id, $4, $5, $6, $7, $8, $9, $9, $10 FROM clip
           )
           SELECT open AS "open!", recent AS "recent!", own + coalesce($4::bigint, 0) > $21 AS "is_too_much!", EXISTS (SELECT FROM clip) AS "is_admitted!" FROM quota"#,
        new.id.0,
        new.public_id.as_str(),
        new.creator_id.0,
        new.length.map(bigint),
        new.metadata,
        new.filename,
        new.object_key,
        new.spool_id,
        new.at,
        new.expires_at,
        new.clip.id.0,
        new.clip.public_id.as_str(),
        new.clip.caption,
        new.clip.hashtags,
        new.clip.language,
        new.clip.visibility,
        new.clip.publish,
        i64::from(quota.open_max),
        i64::from(quota.creations_per_minute),
        bigint(quota.room_bytes),
        bigint(quota.own_bytes),
        new.clip.allow_download,
    )
    .fetch_one(conn)
    .await?;
    Ok(if row.is_admitted {
        Admission::Admitted
    } else if row.recent >= i64::from(quota.creations_per_minute) {
        Admission::TooManyRecent
    } else if row.open >= i64::from(quota.open_max) {
        Admission::TooManyOpen
    } else if row.is_too_much {
        Admission::TooMuchOpen
    } else {
        Admission::NoRoom
    })
}

/// The creator's upload with this public id; none when it is somebody else's, was terminated, or
/// its clip was deleted.
pub async fn find_upload(
    conn: &mut PgConnection,
    public_id: &PublicId,
    creator_id: AccountId,
) -> Result<Option<Upload>> {
    let row = sqlx::query!(
        r#"SELECT u.id, c.public_id AS clip_public_id, u.state, u.length_bytes, u.offset_bytes, u.metadata, u.sha256,
                  u.rejection_code, u.rejection_message, u.spool_id, u.expires_at
           FROM uploads u JOIN clips c ON c.id = u.clip_id
           WHERE u.public_id = $1 AND u.creator_id = $2 AND u.state <> 'terminated' AND c.deleted_at IS NULL"#,
        public_id.as_str(),
        creator_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let clip = row.clip_public_id.parse();
        Ok(Upload {
            id: UploadId(row.id),
            public_id: public_id.clone(),
            clip_public_id: clip.map_err(|_| DbError::corrupt("clips", "public_id", row.id))?,
            state: UploadState::from_name(&row.state).ok_or_else(|| DbError::corrupt("uploads", "state", row.id))?,
            length: row.length_bytes.map(bytes),
            offset: bytes(row.offset_bytes),
            metadata: row.metadata,
            sha256: row.sha256,
            rejection: row.rejection_code.zip(row.rejection_message).map(|(code, message)| Rejection { code, message }),
            spool_id: row.spool_id,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}

/// What became of an upload.
pub async fn find_state(conn: &mut PgConnection, id: UploadId) -> Result<Option<UploadState>> {
    let name = sqlx::query_scalar!("SELECT state FROM uploads WHERE id = $1", id.0).fetch_optional(conn).await?;
    name.map(|name| UploadState::from_name(&name).ok_or_else(|| DbError::corrupt("uploads", "state", id))).transpose()
}

/// Where an upload stands, bytes.
pub async fn find_offset(conn: &mut PgConnection, id: UploadId) -> Result<Option<u64>> {
    let offset =
        sqlx::query_scalar!("SELECT offset_bytes FROM uploads WHERE id = $1", id.0).fetch_optional(conn).await?;
    Ok(offset.map(bytes))
}

/// Takes the upload over at exactly this offset: the epoch is raised, and a size declared late is
/// written down. None when the offset, the state or the size does not fit.
pub async fn begin_append(
    conn: &mut PgConnection,
    id: UploadId,
    offset: u64,
    length: Option<u64>,
    now: Time,
) -> Result<Option<Append>> {
    let row = sqlx::query!(
        "UPDATE uploads SET epoch = epoch + 1, length_bytes = coalesce(length_bytes, $3)
         WHERE id = $1 AND offset_bytes = $2 AND state = 'receiving' AND expires_at > $4
           AND ($3::bigint IS NULL OR length_bytes IS NULL OR length_bytes = $3)
         RETURNING epoch, length_bytes, tail_crc32c, created_at",
        id.0,
        bigint(offset),
        length.map(bigint),
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Append {
        epoch: row.epoch,
        length: row.length_bytes.map(bytes),
        tail_crc32c: crc(row.tail_crc32c),
        created_at: row.created_at,
    }))
}

/// Moves the offset and adds the parts that became whole; `false` when a newer request holds the upload.
pub async fn commit_append(conn: &mut PgConnection, commit: &Commit<'_>) -> Result<bool> {
    let numbers: Vec<i32> = commit.parts.iter().map(|part| i32::try_from(part.number).unwrap_or(i32::MAX)).collect();
    let sizes: Vec<i64> = commit.parts.iter().map(|part| bigint(part.size)).collect();
    let sums: Vec<i64> = commit.parts.iter().map(|part| i64::from(part.crc32c)).collect();
    let is_held = sqlx::query_scalar!(
        r#"WITH moved AS (
               UPDATE uploads SET offset_bytes = $3, tail_crc32c = $4, last_byte_at = $5, expires_at = $6
               WHERE id = $1 AND epoch = $2 AND state = 'receiving'
               RETURNING id
           ), parts AS (
               INSERT INTO upload_parts (upload_id, number, size_bytes, crc32c)
               SELECT moved.id, p.number, p.size_bytes, p.crc32c
               FROM moved, unnest($7::integer[], $8::bigint[], $9::bigint[]) AS p (number, size_bytes, crc32c)
           )
           SELECT EXISTS (SELECT FROM moved) AS "is_held!""#,
        commit.id.0,
        commit.epoch,
        bigint(commit.offset),
        i64::from(commit.tail_crc32c),
        commit.at,
        commit.expires_at,
        &numbers,
        &sizes,
        &sums,
    )
    .fetch_one(conn)
    .await?;
    Ok(is_held)
}

/// Refuses the upload, and its clip fails with the same reason; `false` when it had ended already.
pub async fn reject_upload(conn: &mut PgConnection, id: UploadId, rejection: &Rejection) -> Result<bool> {
    let is_rejected = sqlx::query_scalar!(
        r#"WITH rejected AS (
               UPDATE uploads SET state = 'rejected', epoch = epoch + 1, rejection_code = $2, rejection_message = $3
               WHERE id = $1 AND state = 'receiving'
               RETURNING clip_id
           ), failed AS (
               UPDATE clips SET processing = 'failed', failure_code = $2, failure_message = $3, failure_retryable = false
               FROM rejected WHERE clips.id = rejected.clip_id AND clips.processing = 'waiting'
           )
           SELECT EXISTS (SELECT FROM rejected) AS "is_rejected!""#,
        id.0,
        rejection.code,
        rejection.message,
    )
    .fetch_one(conn)
    .await?;
    Ok(is_rejected)
}

/// Gives the upload up, and its draft clip is deleted; `false` when it had ended already.
pub async fn terminate_upload(conn: &mut PgConnection, id: UploadId, at: Time) -> Result<bool> {
    let is_terminated = sqlx::query_scalar!(
        r#"WITH terminated AS (
               UPDATE uploads SET state = 'terminated', epoch = epoch + 1, metadata = '', filename = NULL, sha256 = NULL
               WHERE id = $1 AND state = 'receiving'
               RETURNING clip_id
           ), deleted AS (
               UPDATE clips SET deleted_at = $2, caption = '', hashtags = '{}', language = NULL
               FROM terminated WHERE clips.id = terminated.clip_id AND clips.deleted_at IS NULL
           )
           SELECT EXISTS (SELECT FROM terminated) AS "is_terminated!""#,
        id.0,
        at,
    )
    .fetch_one(conn)
    .await?;
    Ok(is_terminated)
}

/// Forgets what the creator sent along with the sources of these clips, and what sources they were. Sizes, times and
/// object keys stay.
pub async fn forget_words(conn: &mut PgConnection, clips: &[ClipId]) -> Result<()> {
    let clips: Vec<uuid::Uuid> = clips.iter().map(|id| id.0).collect();
    sqlx::query!("UPDATE uploads SET metadata = '', filename = NULL, sha256 = NULL WHERE clip_id = ANY($1)", &clips)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends open uploads whose clip was deleted; which.
pub async fn terminate_orphans(conn: &mut PgConnection, limit: i64) -> Result<Vec<UploadId>> {
    let ids = sqlx::query_scalar!(
        "UPDATE uploads SET state = 'terminated', epoch = epoch + 1
         WHERE id IN (
             SELECT u.id FROM uploads u JOIN clips c ON c.id = u.clip_id
             WHERE u.state = 'receiving' AND c.deleted_at IS NOT NULL
             LIMIT $1 FOR UPDATE OF u SKIP LOCKED
         )
         RETURNING id",
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(UploadId).collect())
}

/// Expires uploads whose time is over, and their clips fail with this reason; which. One that has all
/// its bytes never expires: it is on its way into the store.
pub async fn expire_overdue(
    conn: &mut PgConnection,
    now: Time,
    reason: &Rejection,
    limit: i64,
) -> Result<Vec<UploadId>> {
    let ids = sqlx::query_scalar!(
        r#"WITH overdue AS (
               SELECT id FROM uploads
               WHERE state = 'receiving' AND expires_at <= $1 AND offset_bytes IS DISTINCT FROM length_bytes
               LIMIT $4 FOR UPDATE SKIP LOCKED
           ), expired AS (
               UPDATE uploads SET state = 'expired', epoch = epoch + 1
               FROM overdue WHERE uploads.id = overdue.id
               RETURNING uploads.id, uploads.clip_id
           ), failed AS (
               UPDATE clips SET processing = 'failed', failure_code = $2, failure_message = $3, failure_retryable = false
               FROM expired WHERE clips.id = expired.clip_id AND clips.processing = 'waiting'
           )
           SELECT id AS "id!" FROM expired"#,
        now,
        reason.code,
        reason.message,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(UploadId).collect())
}

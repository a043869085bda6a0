//! `uploads`, `upload_parts`: receiving, and the ends an upload comes to.
//!
//! `receiving → stored | rejected | expired | terminated`. The offset is what is durable. Every
//! request that writes raises the epoch, and commits carry it: an older one changes nothing.

use estrade_domain::{AccountId, ClipId, PublicId, Time, UploadId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{DbError, Result};

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadState {
    /// More bytes may come, or they are on their way into the store.
    Receiving,
    /// The whole source is in the store.
    Stored,
    /// Refused; the reason stands beside.
    Rejected,
    /// Not finished in time.
    Expired,
    /// Given up by its creator.
    Terminated,
}

impl UploadState {
    /// Its name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Stored => "stored",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Terminated => "terminated",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Receiving, Self::Stored, Self::Rejected, Self::Expired, Self::Terminated]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// Why an upload was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Stable code in snake case.
    pub code: String,
    /// A sentence for its creator.
    pub message: String,
}

/// An upload as its creator sees it.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Internal id.
    pub id: UploadId,
    /// Public id.
    pub public_id: PublicId,
    /// Public id of its clip.
    pub clip_public_id: PublicId,
    /// What became of it.
    pub state: UploadState,
    /// Its size, once declared, bytes.
    pub length: Option<u64>,
    /// How much of it is durable, bytes.
    pub offset: u64,
    /// The `Upload-Metadata` header as sent.
    pub metadata: String,
    /// Digest of the whole source.
    pub sha256: Option<Vec<u8>>,
    /// Why it was refused, if it was.
    pub rejection: Option<Rejection>,
    /// The spool that has its bytes.
    pub spool_id: Uuid,
    /// When it expires unless more bytes come.
    pub expires_at: Time,
}

/// An upload and its draft clip, to be inserted if the quotas allow it.
#[derive(Debug)]
pub struct NewUpload<'a> {
    /// Its id.
    pub id: UploadId,
    /// Its public id.
    pub public_id: &'a PublicId,
    /// Who uploads.
    pub creator_id: AccountId,
    /// Its size, unless it is declared later, bytes.
    pub length: Option<u64>,
    /// The `Upload-Metadata` header as sent.
    pub metadata: &'a str,
    /// The name the file had, for showing only.
    pub filename: Option<&'a str>,
    /// Where the source will be.
    pub object_key: &'a str,
    /// The spool that will have its bytes.
    pub spool_id: Uuid,
    /// Its draft clip.
    pub clip: NewDraft<'a>,
    /// Now.
    pub at: Time,
    /// When it expires unless bytes come.
    pub expires_at: Time,
}

/// The clip an upload is for.
#[derive(Debug)]
pub struct NewDraft<'a> {
    /// Its id.
    pub id: ClipId,
    /// Its public id.
    pub public_id: &'a PublicId,
    /// Caption.
    pub caption: &'a str,
    /// Hashtags.
    pub hashtags: &'a [String],
    /// Language, if given.
    pub language: Option<&'a str>,
    /// For whom.
    pub visibility: &'a str,
    /// Whether to publish it once it is ready.
    pub publish: bool,
}

/// How much one creator and one spool may hold.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Open uploads of one creator.
    pub open_max: u32,
    /// Creations by one creator in a minute.
    pub creations_per_minute: u32,
    /// Bytes the spool's disk has free for uploads.
    pub room_bytes: u64,
}

/// Whether an upload was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Inserted, with its clip.
    Admitted,
    /// The creator has too many open.
    TooManyOpen,
    /// The creator made too many within a minute.
    TooManyRecent,
    /// The disk has no room beside what is promised to others.
    NoRoom,
}

/// The right to append, until the epoch is raised again.
#[derive(Debug, Clone)]
pub struct Append {
    /// Fences what this request commits.
    pub epoch: i64,
    /// The upload's size, once declared, bytes.
    pub length: Option<u64>,
    /// CRC-32C of the durable bytes after the last whole part.
    pub tail_crc32c: u32,
    /// When the upload was created.
    pub created_at: Time,
}

/// A part: whole and durable in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpooledPart {
    /// From 1.
    pub number: u32,
    /// Its size, bytes.
    pub size: u64,
    /// Its CRC-32C.
    pub crc32c: u32,
}

/// Bytes that became durable.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The upload.
    pub id: UploadId,
    /// The epoch of the request that wrote them.
    pub epoch: i64,
    /// Bytes durable now.
    pub offset: u64,
    /// CRC-32C of those after the last whole part.
    pub tail_crc32c: u32,
    /// Parts that became whole.
    pub parts: &'a [SpooledPart],
    /// Now.
    pub at: Time,
    /// When the upload expires unless more bytes come.
    pub expires_at: Time,
}

/// What moving an upload into the store needs.
#[derive(Debug, Clone)]
pub struct Storable {
    /// Where the source goes.
    pub object_key: String,
    /// Its size, once declared, bytes.
    pub length: Option<u64>,
    /// Bytes durable in the spool.
    pub offset: u64,
    /// The multipart upload, once begun.
    pub s3_upload_id: Option<String>,
    /// When the last byte came.
    pub last_byte_at: Time,
    /// Its whole parts, in order; once all bytes are there, the shorter last one, too.
    pub parts: Vec<StorablePart>,
}

/// A part and whether the store has it.
#[derive(Debug, Clone)]
pub struct StorablePart {
    /// The part.
    pub part: SpooledPart,
    /// The entity tag the store gave it.
    pub etag: Option<String>,
}

/// An upload whose source is in the store now.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its clip.
    pub clip_id: ClipId,
    /// Its creator.
    pub creator_id: AccountId,
    /// Where the source is.
    pub object_key: String,
}

/// A multipart upload nobody will complete.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// Whose.
    pub id: UploadId,
    /// Where its object would have been.
    pub object_key: String,
    /// The multipart upload.
    pub s3_upload_id: String,
}

/// Sizes are far below 2⁶³; one that is not fits no column and is refused by its CHECK.
fn bigint(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn bytes(bigint: i64) -> u64 {
    u64::try_from(bigint).unwrap_or_default()
}

fn crc(bigint: i64) -> u32 {
    u32::try_from(bigint).unwrap_or_default()
}

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
                      (SELECT coalesce(sum(coalesce(length_bytes, offset_bytes) - offset_bytes), 0)::bigint
                       FROM uploads WHERE state = 'receiving' AND spool_id = $8) AS promised
               FROM uploads
               WHERE creator_id = $3 AND (state = 'receiving' OR created_at > $9 - interval '1 minute')
           ), clip AS (
               INSERT INTO clips (id, public_id, creator_id, caption, hashtags, language, created_at, visibility, publish)
               SELECT $11, $12, $3, $13, $14, $15, $9, $16, $17 FROM quota
               WHERE open < $18 AND recent < $19 AND promised + coalesce($4::bigint, 0) <= $20
               RETURNING id
           ), upload AS (
               INSERT INTO uploads (id, public_id, creator_id, clip_id, length_bytes, metadata, filename, object_key,
                                    spool_id, created_at, last_byte_at, expires_at)
               SELECT $1, $2, $3, id, $4, $5, $6, $7, $8, $9, $9, $10 FROM clip
           )
           SELECT open AS "open!", recent AS "recent!", EXISTS (SELECT FROM clip) AS "is_admitted!" FROM quota"#,
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
    )
    .fetch_one(conn)
    .await?;
    Ok(if row.is_admitted {
        Admission::Admitted
    } else if row.recent >= i64::from(quota.creations_per_minute) {
        Admission::TooManyRecent
    } else if row.open >= i64::from(quota.open_max) {
        Admission::TooManyOpen
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
               UPDATE uploads SET state = 'terminated', epoch = epoch + 1
               WHERE id = $1 AND state = 'receiving'
               RETURNING clip_id
           ), deleted AS (
               UPDATE clips SET deleted_at = $2
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

/// What moving this upload into the store needs; none when it has ended.
pub async fn find_storable(conn: &mut PgConnection, id: UploadId) -> Result<Option<Storable>> {
    let row = sqlx::query!(
        "SELECT object_key, length_bytes, offset_bytes, tail_crc32c, s3_upload_id, last_byte_at
         FROM uploads WHERE id = $1 AND state = 'receiving'",
        id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let parts = sqlx::query!(
        "SELECT number, size_bytes, crc32c, etag FROM upload_parts WHERE upload_id = $1 ORDER BY number",
        id.0,
    )
    .fetch_all(conn)
    .await?;
    let parts = parts.into_iter().map(|row| StorablePart {
        part: SpooledPart {
            number: u32::try_from(row.number).unwrap_or_default(),
            size: bytes(row.size_bytes),
            crc32c: crc(row.crc32c),
        },
        etag: row.etag,
    });
    let mut parts: Vec<StorablePart> = parts.collect();
    if row.length_bytes == Some(row.offset_bytes) {
        parts.extend(last_part(&parts, bytes(row.offset_bytes), crc(row.tail_crc32c)));
    }
    Ok(Some(Storable {
        object_key: row.object_key,
        length: row.length_bytes.map(bytes),
        offset: bytes(row.offset_bytes),
        s3_upload_id: row.s3_upload_id,
        last_byte_at: row.last_byte_at,
        parts,
    }))
}

/// The shorter part at the end of an upload of `length` bytes, unless it has a row already.
fn last_part(whole: &[StorablePart], length: u64, tail_crc32c: u32) -> Option<StorablePart> {
    let size = length - whole.iter().map(|part| part.part.size).sum::<u64>().min(length);
    let number = u32::try_from(whole.len() + 1).unwrap_or(u32::MAX);
    (size > 0).then_some(StorablePart { part: SpooledPart { number, size, crc32c: tail_crc32c }, etag: None })
}

/// Notes the multipart upload begun for it; `false` when it has one or has ended.
pub async fn save_multipart(conn: &mut PgConnection, id: UploadId, s3_upload_id: &str) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE uploads SET s3_upload_id = $2 WHERE id = $1 AND s3_upload_id IS NULL AND state = 'receiving'",
        id.0,
        s3_upload_id,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that the store has a part of this multipart upload.
pub async fn save_part(
    conn: &mut PgConnection,
    id: UploadId,
    s3_upload_id: &str,
    part: &SpooledPart,
    etag: &str,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO upload_parts (upload_id, number, size_bytes, crc32c, etag)
         SELECT id, $3, $4, $5, $6 FROM uploads WHERE id = $1 AND s3_upload_id = $2
         ON CONFLICT (upload_id, number) DO UPDATE SET etag = excluded.etag",
        id.0,
        s3_upload_id,
        i32::try_from(part.number).unwrap_or(i32::MAX),
        bigint(part.size),
        i64::from(part.crc32c),
        etag,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a multipart upload the store lost: its parts have to be stored again.
pub async fn forget_multipart(conn: &mut PgConnection, id: UploadId, s3_upload_id: &str) -> Result<()> {
    sqlx::query!(
        "WITH forgotten AS (
             UPDATE uploads SET s3_upload_id = NULL WHERE id = $1 AND s3_upload_id = $2 RETURNING id
         )
         UPDATE upload_parts SET etag = NULL FROM forgotten WHERE upload_id = forgotten.id",
        id.0,
        s3_upload_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The source is in the store: the upload is stored and its clip is processed next. None when it had
/// ended already or its clip was deleted.
pub async fn finish_upload(
    conn: &mut PgConnection,
    id: UploadId,
    sha256: Option<&[u8; 32]>,
) -> Result<Option<Finished>> {
    let row = sqlx::query!(
        "WITH clip AS (
             UPDATE clips SET processing = 'processing', progress = 0
             FROM uploads u WHERE u.id = $1 AND u.state = 'receiving' AND u.offset_bytes = u.length_bytes
               AND clips.id = u.clip_id AND clips.deleted_at IS NULL
             RETURNING clips.id
         )
         UPDATE uploads SET state = 'stored', sha256 = $2, s3_upload_id = NULL, epoch = epoch + 1
         FROM clip WHERE uploads.id = $1 AND uploads.state = 'receiving'
         RETURNING clip_id, creator_id, object_key",
        id.0,
        sha256.map(<[u8; 32]>::as_slice),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Finished {
        clip_id: ClipId(row.clip_id),
        creator_id: AccountId(row.creator_id),
        object_key: row.object_key,
    }))
}

/// Starts over from nothing, because the spool lost bytes that were durable; the multipart upload
/// to be dropped, if one was begun.
pub async fn restart_upload(conn: &mut PgConnection, id: UploadId) -> Result<Option<String>> {
    let s3_upload_id = sqlx::query_scalar!(
        "WITH parts AS (DELETE FROM upload_parts WHERE upload_id = $1),
              before AS (SELECT s3_upload_id FROM uploads WHERE id = $1)
         UPDATE uploads SET offset_bytes = 0, tail_crc32c = 0, s3_upload_id = NULL, epoch = epoch + 1
         FROM before WHERE id = $1 AND state = 'receiving'
         RETURNING before.s3_upload_id",
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(s3_upload_id.flatten())
}

/// Open uploads of this spool that have something to be moved into the store.
pub async fn find_unstored(conn: &mut PgConnection, spool_id: Uuid, limit: i64) -> Result<Vec<UploadId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM uploads u
         WHERE state = 'receiving' AND spool_id = $1 AND (offset_bytes = length_bytes OR EXISTS (
             SELECT FROM upload_parts p WHERE p.upload_id = u.id AND p.number > 1 AND p.etag IS NULL))
         ORDER BY last_byte_at LIMIT $2",
        spool_id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(UploadId).collect())
}

/// Of these uploads, those still open in this spool, with their offsets.
pub async fn find_open_offsets(conn: &mut PgConnection, spool_id: Uuid, ids: &[Uuid]) -> Result<Vec<(UploadId, u64)>> {
    let rows = sqlx::query!(
        "SELECT id, offset_bytes FROM uploads WHERE id = ANY($2) AND spool_id = $1 AND state = 'receiving'",
        spool_id,
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (UploadId(row.id), bytes(row.offset_bytes))).collect())
}

/// Of these multipart uploads, those an upload knows of.
pub async fn find_known_multiparts(conn: &mut PgConnection, s3_upload_ids: &[String]) -> Result<Vec<String>> {
    let known = sqlx::query_scalar!(
        r#"SELECT s3_upload_id AS "s3_upload_id!" FROM uploads WHERE s3_upload_id = ANY($1)"#,
        s3_upload_ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(known)
}

/// Multipart uploads of uploads that have ended.
pub async fn find_leftovers(conn: &mut PgConnection, limit: i64) -> Result<Vec<Leftover>> {
    let rows = sqlx::query!(
        r#"SELECT id, object_key, s3_upload_id AS "s3_upload_id!" FROM uploads
           WHERE s3_upload_id IS NOT NULL AND state <> 'receiving' LIMIT $1"#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let leftover =
        |row: (Uuid, String, String)| Leftover { id: UploadId(row.0), object_key: row.1, s3_upload_id: row.2 };
    Ok(rows.into_iter().map(|row| leftover((row.id, row.object_key, row.s3_upload_id))).collect())
}

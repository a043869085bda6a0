//! Uploads on their way into the object store, and what a crash left of them.

use estrade_domain::{AccountId, ClipId, Time, UploadId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Finished, Leftover, SpooledPart, Storable, StorablePart, bigint, bytes, crc};
use crate::Result;

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

/// Bytes still to come of open uploads of this spool that declared their size and are under way.
pub async fn sum_promised(conn: &mut PgConnection, spool_id: Uuid, now: Time) -> Result<u64> {
    let promised = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(length_bytes - offset_bytes), 0)::bigint AS "promised!"
           FROM uploads WHERE state = 'receiving' AND spool_id = $1 AND last_byte_at > $2::timestamptz - interval '10 minutes'"#,
        spool_id,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(bytes(promised))
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

//! The file of a clip that people take with them: what it is put together from, and whether it is wanted.

use estrade_domain::{ClipId, DownloadId, PublicId, VersionId};
use sqlx::PgConnection;

use crate::{DbError, Result};

/// What a file is put together from.
#[derive(Debug, Clone)]
pub struct DownloadWork {
    /// The clip's public id, part of object keys.
    pub clip_public_id: PublicId,
    /// Lease token of the attempt that made the init segments.
    pub first_token: i64,
    /// The folders of its video renditions with their short edges, smallest first.
    pub rungs: Vec<(String, i32)>,
    /// Whether there is sound.
    pub has_audio: bool,
    /// Its chunks in order.
    pub chunks: Vec<DownloadChunk>,
}

/// A chunk whose segments are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadChunk {
    /// Lease token of the attempt that made it.
    pub token: i64,
    /// Number of its first segment.
    pub first_segment: i32,
    /// How many segments it has in each rendition.
    pub segment_count: i32,
}

/// The version whose file is wanted and not there: the clip's creator shares it, and the whole ladder stands.
pub async fn find_wanted(conn: &mut PgConnection, clip_id: ClipId) -> Result<Option<VersionId>> {
    let version = sqlx::query_scalar!(
        "SELECT v.id FROM clips c JOIN media_versions v ON v.id = c.version_id
         WHERE c.id = $1 AND c.allow_download AND c.deleted_at IS NULL AND v.is_complete AND v.download_id IS NULL",
        clip_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(version.map(VersionId))
}

/// What the file of a version is put together from; none when it is not wanted any more.
pub async fn find_download_work(
    conn: &mut PgConnection,
    clip_id: ClipId,
    version_id: VersionId,
) -> Result<Option<DownloadWork>> {
    if find_wanted(&mut *conn, clip_id).await? != Some(version_id) {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"SELECT c.public_id, v.first_token AS "first_token!", v.has_audio AS "has_audio!"
           FROM media_versions v JOIN clips c ON c.id = v.clip_id WHERE v.id = $1"#,
        version_id.0,
    )
    .fetch_one(&mut *conn)
    .await?;
    let rungs = sqlx::query!(
        r#"SELECT name, least(width, height) AS "short_edge!" FROM renditions
           WHERE version_id = $1 AND kind = 'video' ORDER BY least(width, height), name"#,
        version_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let chunks = sqlx::query_as!(
        DownloadChunk,
        "SELECT token, first_segment, segment_count FROM media_chunks WHERE version_id = $1 ORDER BY number",
        version_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(Some(DownloadWork {
        clip_public_id: row.public_id.parse().map_err(|_| DbError::corrupt("clips", "public_id", clip_id))?,
        first_token: row.first_token,
        rungs: rungs.into_iter().map(|rung| (rung.name, rung.short_edge)).collect(),
        has_audio: row.has_audio,
        chunks,
    }))
}

/// Notes the stored file; `false` when there is one already, or the clip was deleted.
pub async fn save_download(conn: &mut PgConnection, version_id: VersionId, id: DownloadId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE media_versions v SET download_id = $2
         WHERE id = $1 AND download_id IS NULL
           AND EXISTS (SELECT FROM clips c WHERE c.id = v.clip_id AND c.deleted_at IS NULL)",
        version_id.0,
        id.0,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

//! `media_versions`, `renditions`: what can be watched, and publishing it.
//!
//! Who writes holds the job's lease in the same transaction, so that an attempt that lost it
//! publishes nothing.

use estrade_domain::limits::CLIP_RETRIES_MAX;
use estrade_domain::{ClipId, PublicId, Time, VersionId};
use sqlx::PgConnection;

use crate::transcodes::lock_version;
use crate::{DbError, Result};

/// What of a version is the same from the first chunk on.
#[derive(Debug)]
pub struct VersionFacts {
    /// Length, milliseconds.
    pub duration_ms: i32,
    /// Width as shown, pixels.
    pub width: i32,
    /// Height as shown, pixels.
    pub height: i32,
    /// Whether there is sound.
    pub has_audio: bool,
    /// Lease token of the attempt that made the init segments.
    pub first_token: i64,
}

/// A rendition as far as it exists.
#[derive(Debug)]
pub struct RenditionRow<'a> {
    /// Folder name.
    pub name: &'a str,
    /// Width, height and frame rate of video; none for audio.
    pub video: Option<(i32, i32, f64)>,
    /// Peak bits a second.
    pub bandwidth: i32,
    /// Mean bits a second.
    pub average_bandwidth: i32,
    /// Codec string.
    pub codecs: &'a str,
    /// Size of the init segment.
    pub init_bytes: i32,
    /// Size of the first segment.
    pub first_bytes: i32,
    /// Length of the first segment, milliseconds.
    pub first_ms: i32,
    /// Media playlist.
    pub playlist: &'a str,
    /// Playlist of its key pictures.
    pub keys_playlist: Option<&'a str>,
}

/// How a clip failed, in the words its creator reads.
#[derive(Debug, Clone)]
pub struct Failure<'a> {
    /// Stable code in snake case.
    pub code: &'a str,
    /// A sentence for the creator.
    pub message: &'a str,
    /// The sentence where the clip was tried again often enough.
    pub last_message: &'a str,
    /// For operators.
    pub detail: &'a str,
    /// Whether trying again may succeed.
    pub is_retryable: bool,
}

/// Inserts a version that is to be made from `source_key`. Nobody goes on with older ones of the clip, so its id must be
/// greater than theirs: the clip would have a newest version that nobody works on.
pub async fn insert_version(
    conn: &mut PgConnection,
    id: VersionId,
    clip_id: ClipId,
    source_key: &str,
    at: Time,
) -> Result<()> {
    give_up_versions(&mut *conn, clip_id).await?;
    let done = sqlx::query!(
        "INSERT INTO media_versions (id, clip_id, source_key, created_at)
         SELECT $1, $2, $3, $4
         WHERE NOT EXISTS (SELECT FROM media_versions v WHERE v.clip_id = $2 AND v.base_id IS NULL AND v.id > $1)",
        id.0,
        clip_id.0,
        source_key,
        at,
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::corrupt("media_versions", "id", id)) }
}

/// Notes that nobody goes on with what is not whole of a clip: it failed, it was deleted, or it gets a newer version.
pub async fn give_up_versions(conn: &mut PgConnection, clip_id: ClipId) -> Result<()> {
    sqlx::query!(
        "UPDATE media_versions SET is_given_up = true
         WHERE clip_id = $1 AND NOT is_complete AND NOT is_given_up AND base_id IS NULL",
        clip_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what is the same from the first chunk on, with the multivariant playlist.
pub async fn save_facts(
    conn: &mut PgConnection,
    version_id: VersionId,
    facts: &VersionFacts,
    playlist: &str,
) -> Result<()> {
    sqlx::query!(
        "UPDATE media_versions SET duration_ms = $2, width = $3, height = $4, has_audio = $5, first_token = $6, playlist = $7
         WHERE id = $1",
        version_id.0,
        facts.duration_ms,
        facts.width,
        facts.height,
        facts.has_audio,
        facts.first_token,
        playlist,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An automatic poster whose object is stored.
#[derive(Debug, Clone, Copy)]
pub struct MadePoster<'a> {
    /// File name.
    pub name: &'a str,
    /// Thumbhash, base64.
    pub thumbhash: &'a str,
    /// Lease token of the attempt that made it.
    pub token: i64,
    /// How well it stands for its clip, the higher the better.
    pub rank: i64,
}

/// Writes which poster to show, if there is none or one of another name that stands less well; that one is still served.
/// A name is given once, so an address never changes its meaning. `false` when the poster is not needed.
pub async fn save_poster(conn: &mut PgConnection, version_id: VersionId, made: &MadePoster<'_>) -> Result<bool> {
    lock_version(&mut *conn, version_id).await?;
    sqlx::query!(
        "INSERT INTO replaced_posters (version_id, name, token)
         SELECT id, poster_name, poster_token FROM media_versions v
         WHERE id = $1 AND poster_name <> $2 AND poster_rank < $3
           AND NOT EXISTS (SELECT FROM replaced_posters r WHERE r.version_id = v.id AND r.name = $2)",
        version_id.0,
        made.name,
        made.rank,
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        "UPDATE media_versions v SET poster_name = $2, thumbhash = $3, poster_token = $4, poster_rank = $5
         WHERE id = $1 AND (poster_name IS NULL OR (poster_name <> $2 AND poster_rank < $5))
           AND NOT EXISTS (SELECT FROM replaced_posters r WHERE r.version_id = v.id AND r.name = $2)",
        version_id.0,
        made.name,
        made.thumbhash,
        made.token,
        made.rank,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes the storyboard's index as far as it goes now.
pub async fn save_storyboard(conn: &mut PgConnection, version_id: VersionId, index: &str) -> Result<()> {
    sqlx::query!("UPDATE media_versions SET storyboard = $2 WHERE id = $1", version_id.0, index).execute(conn).await?;
    Ok(())
}

/// Writes that the preview is stored; `token` is the lease token of the attempt that made it.
pub async fn save_preview(conn: &mut PgConnection, version_id: VersionId, token: i64) -> Result<()> {
    sqlx::query!("UPDATE media_versions SET preview_token = $2 WHERE id = $1", version_id.0, token)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes a rendition as far as it exists now.
pub async fn upsert_rendition(conn: &mut PgConnection, version_id: VersionId, row: &RenditionRow<'_>) -> Result<()> {
    let (width, height, frame_rate) = match row.video {
        Some((width, height, rate)) => (Some(width), Some(height), Some(rate)),
        None => (None, None, None),
    };
    sqlx::query!(
        "INSERT INTO renditions (version_id, name, kind, width, height, frame_rate, bandwidth, average_bandwidth,
                                 codecs, init_bytes, first_bytes, first_ms, playlist, keys_playlist)
         VALUES ($1, $2, CASE WHEN $3::integer IS NULL THEN 'audio' ELSE 'video' END, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (version_id, name) DO UPDATE SET
             bandwidth = excluded.bandwidth, average_bandwidth = excluded.average_bandwidth, playlist = excluded.playlist,
             keys_playlist = excluded.keys_playlist",
        version_id.0,
        row.name,
        width,
        height,
        frame_rate,
        row.bandwidth,
        row.average_bandwidth,
        row.codecs,
        row.init_bytes,
        row.first_bytes,
        row.first_ms,
        row.playlist,
        row.keys_playlist,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the multivariant playlist with measured figures; the whole ladder stands.
pub async fn complete_version(conn: &mut PgConnection, version_id: VersionId, playlist: &str) -> Result<()> {
    sqlx::query!("UPDATE media_versions SET playlist = $2, is_complete = true WHERE id = $1", version_id.0, playlist)
        .execute(conn)
        .await?;
    Ok(())
}

/// Shows this version: the clip is ready, and published if its creator asked for it. Publishing is
/// moving this pointer. `false` when the clip was deleted.
pub async fn publish_version(
    conn: &mut PgConnection,
    clip_id: ClipId,
    version_id: VersionId,
    at: Time,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE clips SET processing = 'ready', version_id = $2,
                published_at = CASE WHEN publish THEN coalesce(published_at, $3) END,
                failure_code = NULL, failure_message = NULL, failure_detail = NULL, failure_retryable = NULL
         WHERE id = $1 AND deleted_at IS NULL",
        clip_id.0,
        version_id.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes how far processing is, 0 to 1; it never goes back.
pub async fn save_progress(conn: &mut PgConnection, clip_id: ClipId, progress: f32) -> Result<()> {
    sqlx::query!("UPDATE clips SET progress = $2 WHERE id = $1 AND progress < $2", clip_id.0, progress)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends processing without a whole result, because this version cannot be made; the clip that failed. A clip whose
/// whole ladder stands stays as it is, and so does one that is made anew as a newer version. One that
/// was tried again often enough is not to be tried again, whatever the failure.
pub async fn fail_clip(
    conn: &mut PgConnection,
    version_id: VersionId,
    failure: &Failure<'_>,
) -> Result<Option<ClipId>> {
    // Whoever begins a newer version holds this one meanwhile.
    lock_version(&mut *conn, version_id).await?;
    let failed = sqlx::query_scalar!(
        "UPDATE clips c SET processing = 'failed', failure_code = $2, failure_detail = $4,
                failure_message = CASE WHEN retries < $7 THEN $3 ELSE $5 END, failure_retryable = $6 AND retries < $7
         FROM media_versions v
         WHERE v.id = $1 AND v.base_id IS NULL AND c.id = v.clip_id AND c.processing <> 'failed'
           AND NOT EXISTS (SELECT FROM media_versions n WHERE n.clip_id = c.id AND n.id > v.id AND n.base_id IS NULL)
           AND NOT EXISTS (SELECT FROM media_versions s WHERE s.id = c.version_id AND s.is_complete)
         RETURNING c.id",
        version_id.0,
        failure.code,
        failure.message,
        failure.detail,
        failure.last_message,
        failure.is_retryable,
        CLIP_RETRIES_MAX,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(clip_id) = failed.map(ClipId) else { return Ok(None) };
    give_up_versions(conn, clip_id).await?;
    Ok(Some(clip_id))
}

/// What to delete of a clip: its public id and the keys of its sources; none when it was purged.
pub async fn find_objects(conn: &mut PgConnection, clip_id: ClipId) -> Result<Option<(PublicId, Vec<String>)>> {
    let row = sqlx::query!(
        r#"SELECT public_id, ARRAY(
               SELECT source_key FROM media_versions v WHERE v.clip_id = c.id
               UNION SELECT object_key FROM uploads u WHERE u.clip_id = c.id
           ) AS "sources!" FROM clips c WHERE id = $1"#,
        clip_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let public_id = row.public_id.parse().map_err(|_| DbError::corrupt("clips", "public_id", clip_id))?;
        Ok((public_id, row.sources))
    })
    .transpose()
}

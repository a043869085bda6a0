//! What the media route asks for: who may fetch a version, and where each file of it is.

use estrade_domain::{Audience, DownloadId, PosterId, PublicId, VersionId};
use sqlx::PgConnection;

use crate::posters::ChosenPoster;
use crate::{DbError, Result};

/// Who may fetch the media of a clip's version.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who may see the clip.
    pub audience: Audience,
    /// The whole ladder stands: playlists may be kept a little.
    pub is_complete: bool,
    /// Lease token of the attempt that made the preview; none while there is no preview.
    pub preview_token: Option<i64>,
    /// Id of the file to share; none while there is none or its creator does not share it.
    pub download_id: Option<DownloadId>,
}

/// Who may fetch this version; none when there is no such version of this clip.
pub async fn find_access(conn: &mut PgConnection, clip: &PublicId, version_id: VersionId) -> Result<Option<Access>> {
    let row = sqlx::query!(
        r#"SELECT a.audience AS "audience!", v.is_complete, v.preview_token,
                  CASE WHEN c.allow_download THEN v.download_id END AS download_id
           FROM clips c
           JOIN media_versions v ON v.clip_id = c.id
           JOIN clip_audiences a ON a.clip_id = c.id
           WHERE c.public_id = $1 AND v.id = $2"#,
        clip.as_str(),
        version_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Access {
            audience: Audience::from_name(&row.audience).ok_or_else(|| DbError::corrupt("clips", "audience", clip))?,
            is_complete: row.is_complete,
            preview_token: row.preview_token,
            download_id: row.download_id.map(DownloadId),
        })
    })
    .transpose()
}

/// The multivariant playlist of a version.
pub async fn find_multivariant(conn: &mut PgConnection, version_id: VersionId) -> Result<Option<String>> {
    let playlist = sqlx::query_scalar!("SELECT playlist FROM media_versions WHERE id = $1", version_id.0)
        .fetch_optional(conn)
        .await?;
    Ok(playlist.flatten())
}

/// The media playlist of a rendition, of the version itself or of a whole family of it.
pub async fn find_playlist(conn: &mut PgConnection, version_id: VersionId, rendition: &str) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT r.playlist FROM renditions r JOIN media_versions v ON v.id = r.version_id
         WHERE (v.id = $1 OR (v.base_id = $1 AND v.is_complete)) AND r.name = $2",
        version_id.0,
        rendition,
    )
    .fetch_optional(conn)
    .await?)
}

/// Where the objects of a part of a rendition lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shelf {
    /// The version that has the rendition: the one asked for, or a whole family of it.
    pub version_id: VersionId,
    /// Lease token of the attempt that made the part.
    pub token: i64,
}

/// Where the init segment of a rendition lies; none when it is not published.
pub async fn find_init(conn: &mut PgConnection, version_id: VersionId, rendition: &str) -> Result<Option<Shelf>> {
    let row = sqlx::query!(
        r#"SELECT v.id, v.first_token AS "first_token!" FROM renditions r JOIN media_versions v ON v.id = r.version_id
           WHERE (v.id = $1 OR (v.base_id = $1 AND v.is_complete)) AND r.name = $2 AND v.first_token IS NOT NULL"#,
        version_id.0,
        rendition,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Shelf { version_id: VersionId(row.id), token: row.first_token }))
}

/// Where a segment of a rendition lies; none when it is not published.
pub async fn find_segment(
    conn: &mut PgConnection,
    version_id: VersionId,
    rendition: &str,
    segment: i32,
) -> Result<Option<Shelf>> {
    let row = sqlx::query!(
        "SELECT k.version_id, k.token
         FROM renditions r JOIN media_versions v ON v.id = r.version_id JOIN media_chunks k ON k.version_id = v.id
         WHERE (v.id = $1 OR (v.base_id = $1 AND v.is_complete)) AND r.name = $2
           AND k.first_segment <= $3 AND $3 < k.first_segment + k.segment_count",
        version_id.0,
        rendition,
        segment,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Shelf { version_id: VersionId(row.version_id), token: row.token }))
}

/// The playlist of a rendition's key pictures.
pub async fn find_keys_playlist(
    conn: &mut PgConnection,
    version_id: VersionId,
    rendition: &str,
) -> Result<Option<String>> {
    let playlist = sqlx::query_scalar!(
        "SELECT r.keys_playlist FROM renditions r JOIN media_versions v ON v.id = r.version_id
         WHERE (v.id = $1 OR (v.base_id = $1 AND v.is_complete)) AND r.name = $2",
        version_id.0,
        rendition,
    )
    .fetch_optional(conn)
    .await?;
    Ok(playlist.flatten())
}

/// The index of a version's storyboard.
pub async fn find_storyboard(conn: &mut PgConnection, version_id: VersionId) -> Result<Option<String>> {
    let index = sqlx::query_scalar!("SELECT storyboard FROM media_versions WHERE id = $1", version_id.0)
        .fetch_optional(conn)
        .await?;
    Ok(index.flatten())
}

/// The lease token of the attempt that made a chunk; none when it is not published.
pub async fn find_chunk_token(conn: &mut PgConnection, version_id: VersionId, chunk: i32) -> Result<Option<i64>> {
    Ok(
        sqlx::query_scalar!(
            "SELECT token FROM media_chunks WHERE version_id = $1 AND number = $2",
            version_id.0,
            chunk,
        )
        .fetch_optional(conn)
        .await?,
    )
}

/// The lease token of the attempt that made the automatic poster of this name, shown or replaced by a better one; none when
/// there is no such poster.
pub async fn find_poster_token(conn: &mut PgConnection, version_id: VersionId, name: &str) -> Result<Option<i64>> {
    let token = sqlx::query_scalar!(
        "SELECT poster_token FROM media_versions WHERE id = $1 AND poster_name = $2
         UNION ALL SELECT token FROM replaced_posters WHERE version_id = $1 AND name = $2 LIMIT 1",
        version_id.0,
        name,
    )
    .fetch_optional(conn)
    .await?;
    Ok(token.flatten())
}

/// The clip's chosen poster with this id, made and ready to be served.
pub async fn find_poster(conn: &mut PgConnection, clip: &PublicId, poster: PosterId) -> Result<Option<ChosenPoster>> {
    let row = sqlx::query!(
        "SELECT p.token FROM clip_posters p JOIN clips c ON c.id = p.clip_id
         WHERE c.public_id = $1 AND p.id = $2 AND p.thumbhash IS NOT NULL",
        clip.as_str(),
        poster.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| ChosenPoster { id: poster, token: row.token }))
}

//! `clips` as their creators change them.

use estrade_domain::text::{Caption, Hashtag, Language};
use estrade_domain::{AccountId, ClipId, Processing, Time, VersionId, Visibility};
use sqlx::PgConnection;

use crate::{DbError, Result};

/// A clip's row held for a change until the transaction ends.
#[derive(Debug, Clone)]
pub struct HeldClip {
    /// Its id.
    pub id: ClipId,
    /// What the transcoder made of it.
    pub processing: Processing,
    /// Trying again may succeed.
    pub is_retryable: bool,
    /// How often its creator had it tried again.
    pub retries: i32,
}

/// Holds a clip that is not deleted.
pub async fn hold_clip(conn: &mut PgConnection, id: ClipId) -> Result<Option<HeldClip>> {
    let row = sqlx::query!(
        r#"SELECT processing, coalesce(failure_retryable, false) AS "is_retryable!", retries
           FROM clips WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let processing = Processing::from_name(&row.processing);
        let processing = processing.ok_or_else(|| DbError::corrupt("clips", "processing", id))?;
        Ok(HeldClip { id, processing, is_retryable: row.is_retryable, retries: row.retries })
    })
    .transpose()
}

/// What a creator changes of a clip; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct ClipChanges {
    /// Caption.
    pub caption: Option<Caption>,
    /// Hashtags.
    pub hashtags: Option<Vec<Hashtag>>,
    /// Language tag, or none any more.
    pub language: Option<Option<Language>>,
    /// Visibility.
    pub visibility: Option<Visibility>,
    /// The wish to publish. A playable clip is published at once, any other when it is ready.
    pub publish: Option<bool>,
    /// Whether people may take the clip with them as a file.
    pub allow_download: Option<bool>,
}

/// Changes a clip that is not deleted. Publishing what is published keeps its time.
pub async fn update_clip(conn: &mut PgConnection, id: ClipId, changes: &ClipChanges, at: Time) -> Result<()> {
    let hashtags: Option<Vec<String>> =
        changes.hashtags.as_ref().map(|tags| tags.iter().map(ToString::to_string).collect());
    let language = changes.language.as_ref();
    sqlx::query!(
        "UPDATE clips SET
             caption = coalesce($2, caption),
             hashtags = coalesce($3, hashtags),
             language = CASE WHEN $4 THEN $5 ELSE language END,
             visibility = coalesce($6, visibility),
             publish = coalesce($7, publish),
             published_at = CASE
                 WHEN NOT coalesce($7, publish) THEN NULL
                 WHEN processing = 'ready' THEN coalesce(published_at, $8)
                 ELSE published_at
             END,
             allow_download = coalesce($9, allow_download)
         WHERE id = $1 AND deleted_at IS NULL",
        id.0,
        changes.caption.as_ref().map(Caption::as_str),
        hashtags.as_deref(),
        language.is_some(),
        language.and_then(|tag| tag.as_ref()).map(Language::as_str),
        changes.visibility.map(Visibility::as_str),
        changes.publish,
        at,
        changes.allow_download,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a clip and its words: from now on nobody sees it. `false` when it was deleted before.
pub async fn delete_clip(conn: &mut PgConnection, id: ClipId, at: Time) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE clips SET deleted_at = $2, caption = '', hashtags = '{}', language = NULL
         WHERE id = $1 AND deleted_at IS NULL",
        id.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes all clips of a creator and their words; those that were not deleted before.
pub async fn delete_clips_of(conn: &mut PgConnection, creator: AccountId, at: Time) -> Result<Vec<ClipId>> {
    let ids = sqlx::query_scalar!(
        "UPDATE clips SET deleted_at = $2, caption = '', hashtags = '{}', language = NULL
         WHERE creator_id = $1 AND deleted_at IS NULL RETURNING id",
        creator.0,
        at,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ClipId).collect())
}

/// What a clip that was failed is made from now.
#[derive(Debug, Clone)]
pub struct Restarted {
    /// The version to go on with.
    pub version_id: VersionId,
    /// Size of its source.
    pub source_bytes: i64,
}

/// The version that a clip would be gone on with; none when there is no source to try again.
pub async fn find_newest_version(conn: &mut PgConnection, id: ClipId) -> Result<Option<Restarted>> {
    let version = sqlx::query!(
        r#"SELECT v.id, coalesce(u.offset_bytes, 0) AS "source_bytes!"
           FROM media_versions v LEFT JOIN uploads u ON u.object_key = v.source_key
           WHERE v.clip_id = $1 AND v.base_id IS NULL ORDER BY v.id DESC LIMIT 1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(version.map(|version| Restarted { version_id: VersionId(version.id), source_bytes: version.source_bytes }))
}

/// Puts a failed clip back into processing and counts it. What earlier tries stored of the version is gone on with.
pub async fn restart_clip(conn: &mut PgConnection, id: ClipId, version_id: VersionId) -> Result<()> {
    sqlx::query!("UPDATE media_versions SET is_given_up = false WHERE id = $1", version_id.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "UPDATE clips SET processing = 'processing', progress = 0, retries = retries + 1, failure_code = NULL,
                failure_message = NULL, failure_detail = NULL, failure_retryable = NULL
         WHERE id = $1 AND deleted_at IS NULL AND processing = 'failed'",
        id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

//! What the feed loads: clips with their audience, playable starts, counts, and the place in the
//! event log that belongs to a load. Viewers and outcomes are in [`crate::feed_viewers`], servings
//! in [`crate::feed_servings`].

use estrade_domain::{AccountId, Audience, ClipId, PublicId, Time, VersionId, Visibility};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::captions::{CaptionsFacts, load_captions};
use crate::event_log::{Offset, safe_end};
use crate::{DbError, Found, Result, Transaction};

/// A published clip as the feed holds it.
#[derive(Debug, Clone)]
pub struct FeedClip {
    /// Its id.
    pub id: ClipId,
    /// Its public id.
    pub public_id: PublicId,
    /// Its creator.
    pub creator_id: AccountId,
    /// The creator's public id.
    pub creator_public_id: PublicId,
    /// The creator's handle.
    pub creator_handle: String,
    /// The creator's name.
    pub creator_name: String,
    /// Caption.
    pub caption: String,
    /// Hashtags.
    pub hashtags: Vec<String>,
    /// Language tag.
    pub language: Option<String>,
    /// When the draft was made.
    pub created_at: Time,
    /// When it became visible.
    pub published_at: Time,
    /// Whom the creator wants to see it.
    pub visibility: Visibility,
    /// How much of it is processed, 0 to 1.
    pub progress: f32,
    /// Whether its creator lets people take it with them as a file.
    pub allow_download: bool,
    /// What is playable.
    pub media: FeedMedia,
    /// Captions, by language.
    pub captions: Vec<CaptionsFacts>,
    /// Who may see it now.
    pub audience: Audience,
    /// Whether feeds may offer it to people who did not ask for it.
    pub is_recommendable: bool,
    /// Public counts.
    pub counts: FeedCounts,
}

/// The media version a clip shows.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "facts of a row, independent of one another")]
pub struct FeedMedia {
    /// The version.
    pub version_id: VersionId,
    /// File name of the poster.
    pub poster_name: Option<String>,
    /// Thumbhash, base64.
    pub thumbhash: Option<String>,
    /// Length, milliseconds.
    pub duration_ms: i32,
    /// Width as shown, pixels.
    pub width: i32,
    /// Height as shown, pixels.
    pub height: i32,
    /// Whether there is sound.
    pub has_audio: bool,
    /// The whole ladder stands.
    pub is_complete: bool,
    /// There is a storyboard.
    pub has_storyboard: bool,
    /// There is an animated preview.
    pub has_preview: bool,
    /// There is a file to share.
    pub has_download: bool,
}

/// Public counts of a clip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeedCounts {
    /// Servings watched.
    pub views: i64,
    /// Likes.
    pub likes: i64,
    /// Comments.
    pub comments: i64,
    /// Shares.
    pub shares: i64,
}

/// A video rendition as a player starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRendition {
    /// Its version.
    pub version_id: VersionId,
    /// Its folder below the version.
    pub name: String,
    /// Height, pixels.
    pub height: i32,
    /// Peak bandwidth, bits a second.
    pub bandwidth: i32,
    /// Size of the first segment, bytes.
    pub first_bytes: i32,
    /// Length of the first segment, milliseconds.
    pub first_ms: i32,
}

/// Which transactions a load has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadSnapshot {
    /// Where to read the event log on.
    pub offset: Offset,
    xmax: u64,
    running: Vec<u64>,
}

impl LoadSnapshot {
    /// Whether what this transaction wrote is part of the load.
    pub fn has_seen(&self, xact: u64) -> bool {
        xact < self.xmax && !self.running.contains(&xact)
    }

    /// `text` is what `pg_current_snapshot()` prints: `xmin:xmax:running,running`.
    fn parse(text: &str, offset: Offset) -> Option<Self> {
        let mut fields = text.split(':').skip(1);
        let xmax = fields.next()?.parse().ok()?;
        let running = fields.next()?.split(',').filter(|xact| !xact.is_empty()).map(str::parse);
        Some(Self { offset, xmax, running: running.collect::<Result<_, _>>().ok()? })
    }
}

/// No statement of a load runs longer, milliseconds.
const LOAD_STATEMENT_MS: &str = "300000";

/// Begins a load: every read in the transaction sees the same moment, the one the snapshot names.
pub async fn begin_load(pool: &PgPool) -> Result<(Transaction, LoadSnapshot)> {
    let mut tx = pool.begin().await?;
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *tx).await?;
    sqlx::query!("SELECT set_config('statement_timeout', $1, true)", LOAD_STATEMENT_MS).fetch_one(&mut *tx).await?;
    let text = sqlx::query_scalar!(r#"SELECT pg_current_snapshot()::text AS "snapshot!""#).fetch_one(&mut *tx).await?;
    let offset = safe_end(&mut tx).await?;
    let snapshot =
        LoadSnapshot::parse(&text, offset).ok_or_else(|| DbError::corrupt("pg_current_snapshot()", "text", &text))?;
    Ok((tx, snapshot))
}

/// Ids of published clips that are not deleted, after `after` in id order.
pub async fn list_published_ids(conn: &mut PgConnection, after: ClipId, limit: i64) -> Result<Vec<ClipId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM clips WHERE id > $1 AND published_at IS NOT NULL AND deleted_at IS NULL ORDER BY id LIMIT $2",
        after.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ClipId).collect())
}

/// Ids of the published clips of these creators.
pub async fn list_published_ids_of(conn: &mut PgConnection, creators: &[AccountId]) -> Result<Vec<ClipId>> {
    let creators: Vec<Uuid> = creators.iter().map(|id| id.0).collect();
    let ids = sqlx::query_scalar!(
        "SELECT id FROM clips WHERE creator_id = ANY($1) AND published_at IS NOT NULL AND deleted_at IS NULL",
        &creators,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ClipId).collect())
}

/// The clips among `ids` that are published and playable; who may see them is theirs to say.
pub async fn load_clips(conn: &mut PgConnection, ids: &[ClipId]) -> Result<Found<FeedClip>> {
    let mut captions = load_captions(&mut *conn, ids).await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT c.id, c.public_id, c.creator_id, s.public_id AS creator_public_id, s.handle, s.name,
                  c.caption, c.hashtags, c.language, c.created_at, c.published_at AS "published_at!", c.visibility,
                  c.progress, v.id AS version_id, v.duration_ms, v.width, v.height,
                  coalesce('poster-' || replace(p.id::text, '-', '') || '.jpg', v.poster_name) AS poster_name,
                  coalesce(p.thumbhash, v.thumbhash) AS thumbhash, v.storyboard IS NOT NULL AS "has_storyboard!",
                  v.preview_token IS NOT NULL AS "has_preview!",
                  c.allow_download, v.download_id IS NOT NULL AS "has_download!",
                  v.has_audio, v.is_complete, a.audience AS "audience!", a.is_recommendable AS "is_recommendable!",
                  n.views AS "views?", n.likes AS "likes?", n.comments AS "comments?", n.shares AS "shares?"
           FROM clips c
           JOIN accounts s ON s.id = c.creator_id
           JOIN media_versions v ON v.id = c.version_id
           JOIN clip_audiences a ON a.clip_id = c.id
           LEFT JOIN clip_posters p ON p.id = c.poster_id
           LEFT JOIN clip_counts n ON n.clip_id = c.id
           WHERE c.id = ANY($1) AND c.published_at IS NOT NULL AND c.processing = 'ready'"#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let corrupt = |column| DbError::corrupt("clips", column, row.id);
            let of_version = |column| DbError::corrupt("media_versions", column, row.version_id);
            Ok(FeedClip {
                id: ClipId(row.id),
                public_id: row.public_id.parse().map_err(|_| corrupt("public_id"))?,
                creator_id: AccountId(row.creator_id),
                creator_public_id: row
                    .creator_public_id
                    .parse()
                    .map_err(|_| DbError::corrupt("accounts", "public_id", row.creator_id))?,
                creator_handle: row.handle,
                creator_name: row.name,
                caption: row.caption,
                hashtags: row.hashtags,
                language: row.language,
                created_at: row.created_at,
                published_at: row.published_at,
                visibility: Visibility::from_name(&row.visibility).ok_or_else(|| corrupt("visibility"))?,
                progress: row.progress,
                allow_download: row.allow_download,
                media: FeedMedia {
                    version_id: VersionId(row.version_id),
                    poster_name: row.poster_name,
                    thumbhash: row.thumbhash,
                    duration_ms: row.duration_ms.ok_or_else(|| of_version("duration_ms"))?,
                    width: row.width.ok_or_else(|| of_version("width"))?,
                    height: row.height.ok_or_else(|| of_version("height"))?,
                    has_audio: row.has_audio.ok_or_else(|| of_version("has_audio"))?,
                    is_complete: row.is_complete,
                    has_storyboard: row.has_storyboard,
                    has_preview: row.has_preview,
                    has_download: row.has_download,
                },
                captions: captions.remove(&ClipId(row.id)).transpose()?.unwrap_or_default(),
                audience: Audience::from_name(&row.audience).ok_or_else(|| corrupt("audience"))?,
                is_recommendable: row.is_recommendable,
                counts: FeedCounts {
                    views: row.views.unwrap_or_default(),
                    likes: row.likes.unwrap_or_default(),
                    comments: row.comments.unwrap_or_default(),
                    shares: row.shares.unwrap_or_default(),
                },
            })
        })
        .collect())
}

/// The video renditions that every player may begin with, lowest first: H.264 as it stands in the playlist, so those
/// of a version's `slow` family instead of its own where they are smaller.
pub async fn load_renditions(conn: &mut PgConnection, versions: &[VersionId]) -> Result<Vec<FeedRendition>> {
    let versions: Vec<Uuid> = versions.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT coalesce(v.base_id, v.id) AS "version_id!", r.name, r.height AS "height!", r.bandwidth, r.first_bytes, r.first_ms
           FROM media_versions v JOIN renditions r ON r.version_id = v.id
           WHERE r.kind = 'video' AND (v.id = ANY($1) OR (v.base_id = ANY($1) AND v.family = 'slow' AND v.is_complete))
             AND NOT EXISTS (
                 SELECT FROM media_versions f JOIN renditions s ON s.version_id = f.id
                 WHERE f.base_id = v.id AND f.family = 'slow' AND f.is_complete
                   AND (s.width, s.height) = (r.width, r.height) AND s.average_bandwidth < r.average_bandwidth)
             AND NOT EXISTS (
                 SELECT FROM renditions b
                 WHERE b.version_id = v.base_id AND (b.width, b.height) = (r.width, r.height)
                   AND b.average_bandwidth <= r.average_bandwidth)
           ORDER BY 1, r.bandwidth"#,
        &versions,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| FeedRendition {
            version_id: VersionId(row.version_id),
            name: row.name,
            height: row.height,
            bandwidth: row.bandwidth,
            first_bytes: row.first_bytes,
            first_ms: row.first_ms,
        })
        .collect())
}

/// The public counts of these clips as they stand; clips without any are left out.
pub async fn load_counts(conn: &mut PgConnection, ids: &[ClipId]) -> Result<Vec<(ClipId, FeedCounts)>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows =
        sqlx::query!("SELECT clip_id, views, likes, comments, shares FROM clip_counts WHERE clip_id = ANY($1)", &ids,)
            .fetch_all(conn)
            .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let counts = FeedCounts { views: row.views, likes: row.likes, comments: row.comments, shares: row.shares };
            (ClipId(row.clip_id), counts)
        })
        .collect())
}

/// The database's present, and the clips for which a restriction began or ended by its own time
/// after `since` (by the database's clock).
pub async fn list_restriction_edges(conn: &mut PgConnection, since: Time) -> Result<(Time, Vec<ClipId>)> {
    let now = database_time(&mut *conn).await?;
    let ids = sqlx::query_scalar!(
        r#"SELECT DISTINCT c.id AS "id!" FROM restrictions r
           JOIN clips c ON c.id = r.clip_id OR c.creator_id = r.account_id
           WHERE r.lifted_at IS NULL AND c.published_at IS NOT NULL
             AND ((r.starts_at > $1 AND r.starts_at <= $2) OR (r.ends_at > $1 AND r.ends_at <= $2))"#,
        since,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok((now, ids.into_iter().map(ClipId).collect()))
}

/// The database's clock.
pub async fn database_time(conn: &mut PgConnection) -> Result<Time> {
    Ok(sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_tells_seen_transactions_from_running_ones() {
        let snapshot = LoadSnapshot::parse("10:20:12,15", Offset::default()).expect("snapshot");
        assert!(snapshot.has_seen(9) && snapshot.has_seen(11) && snapshot.has_seen(19));
        assert!(!snapshot.has_seen(12) && !snapshot.has_seen(15) && !snapshot.has_seen(20));
        assert!(LoadSnapshot::parse("10:10:", Offset::default()).expect("idle").has_seen(9));
        assert_eq!(LoadSnapshot::parse("10", Offset::default()), None);
    }
}

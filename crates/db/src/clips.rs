//! `clips` as people see them: counts, audience and the asker's own marks in one row.

use estrade_domain::{AccountId, Audience, Axes, ClipId, Processing, PublicId, Time, VersionId, Visibility};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::captions::{CaptionsFacts, load_captions};
use crate::{DbError, Found, Result};

/// A clip with everything one asker may be shown of it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "facts of a row, independent of one another")]
pub struct ClipRow {
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
    pub published_at: Option<Time>,
    /// Whom the creator wants to see it.
    pub visibility: Visibility,
    /// What the transcoder made of it.
    pub processing: Processing,
    /// How much of it is processed, 0 to 1.
    pub progress: f32,
    /// Why it failed.
    pub failure: Option<ClipFailure>,
    /// Whether its creator lets people take it with them as a file.
    pub allow_download: bool,
    /// A poster its creator chose is still to be made.
    pub is_poster_pending: bool,
    /// What is playable.
    pub media: Option<ClipMedia>,
    /// Captions, by language.
    pub captions: Vec<CaptionsFacts>,
    /// Deleted, or its creator is.
    pub is_deleted: bool,
    /// Who may see it now.
    pub audience: Audience,
    /// Public counts.
    pub counts: ClipCounts,
    /// The asker likes it.
    pub is_liked: bool,
    /// The asker follows its creator.
    pub is_following: bool,
}

/// Why a clip failed.
#[derive(Debug, Clone)]
pub struct ClipFailure {
    /// Stable code.
    pub code: String,
    /// A sentence for its creator.
    pub message: String,
    /// Whether trying again may succeed.
    pub is_retryable: bool,
}

/// The media version a clip shows.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "facts of a row, independent of one another")]
pub struct ClipMedia {
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
pub struct ClipCounts {
    /// Servings watched.
    pub views: i64,
    /// Likes.
    pub likes: i64,
    /// Comments.
    pub comments: i64,
    /// Shares.
    pub shares: i64,
}

impl ClipRow {
    /// The narrowest audience the asker belongs to, if they may know that the clip exists. `asker`
    /// is the account the row was loaded for. Creators see what is theirs until it is deleted,
    /// with what was decided about it.
    pub fn class_for(&self, asker: Option<AccountId>) -> Option<Audience> {
        let is_creator = asker == Some(self.creator_id);
        match self.audience {
            _ if self.is_deleted => None,
            Audience::Everyone => Some(Audience::Everyone),
            Audience::Link => Some(Audience::Link),
            _ if is_creator => Some(Audience::Creator),
            Audience::Followers if self.is_following => Some(Audience::Followers),
            Audience::Followers | Audience::Creator | Audience::Nobody => None,
        }
    }
}

/// Which clips to load.
#[derive(Debug, Clone, Copy)]
pub enum ClipKeys<'a> {
    /// By id.
    Ids(&'a [ClipId]),
    /// By public id.
    PublicIds(&'a [PublicId]),
}

/// Loads clips for one asker, in no order; unknown ones are left out. Whether the asker may see
/// them is for [`ClipRow::class_for`] to say.
pub async fn load_clips(
    conn: &mut PgConnection,
    keys: ClipKeys<'_>,
    asker: Option<AccountId>,
) -> Result<Found<ClipRow>> {
    let (ids, public_ids): (Vec<Uuid>, Vec<String>) = match keys {
        ClipKeys::Ids(ids) => (ids.iter().map(|id| id.0).collect(), Vec::new()),
        ClipKeys::PublicIds(ids) => (Vec::new(), ids.iter().map(ToString::to_string).collect()),
    };
    let rows = sqlx::query_as!(
        StoredClip,
        r#"SELECT c.id AS "id!", c.public_id AS "public_id!", c.creator_id AS "creator_id!",
                  s.public_id AS "creator_public_id!", s.handle AS "handle!", s.name AS "name!",
                  c.caption AS "caption!", c.hashtags AS "hashtags!", c.language, c.created_at AS "created_at!",
                  c.published_at, c.visibility AS "visibility!", c.processing AS "processing!",
                  c.progress AS "progress!", c.failure_code, c.failure_message, c.failure_retryable,
                  c.deleted_at IS NOT NULL OR s.deleted_at IS NOT NULL AS "is_deleted!",
                  a.audience AS "audience!",
                  v.id AS "version_id?", coalesce('poster-' || replace(p.id::text, '-', '') || '.jpg', v.poster_name) AS poster_name,
                  coalesce(p.thumbhash, v.thumbhash) AS thumbhash, v.duration_ms, v.width, v.height, v.has_audio,
                  v.is_complete AS "is_complete?", v.storyboard IS NOT NULL AS "has_storyboard!",
                  v.preview_token IS NOT NULL AS "has_preview!", v.download_id IS NOT NULL AS "has_download!",
                  c.allow_download AS "allow_download!",
                  EXISTS (SELECT FROM clip_posters w WHERE w.clip_id = c.id AND w.thumbhash IS NULL) AS "is_poster_pending!",
                  n.views AS "views?", n.likes AS "likes?", n.comments AS "comments?", n.shares AS "shares?",
                  EXISTS (SELECT FROM likes l WHERE l.account_id = $3 AND l.clip_id = c.id) AS "is_liked!",
                  EXISTS (SELECT FROM follows f WHERE f.follower_id = $3 AND f.creator_id = c.creator_id) AS "is_following!"
           FROM clips c
           JOIN accounts s ON s.id = c.creator_id
           JOIN clip_audiences a ON a.clip_id = c.id
           LEFT JOIN media_versions v ON v.id = c.version_id
           LEFT JOIN clip_posters p ON p.id = c.poster_id
           LEFT JOIN clip_counts n ON n.clip_id = c.id
           WHERE c.id = ANY($1) OR c.public_id = ANY($2)"#,
        &ids,
        &public_ids,
        asker.map(|id| id.0),
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<ClipId> = rows.iter().map(|row| ClipId(row.id)).collect();
    let mut captions = load_captions(conn, &ids).await?;
    let with_captions = |row: StoredClip| {
        let captions = captions.remove(&ClipId(row.id)).transpose()?.unwrap_or_default();
        Ok(ClipRow { captions, ..row.try_into()? })
    };
    Ok(rows.into_iter().map(with_captions).collect())
}

/// The clip with this public id, for one asker.
pub async fn find_clip(conn: &mut PgConnection, id: &PublicId, asker: Option<AccountId>) -> Result<Option<ClipRow>> {
    let found = load_clips(conn, ClipKeys::PublicIds(std::slice::from_ref(id)), asker).await?;
    // Of one clip it is told that it cannot be read.
    found.unreadable.into_iter().next().map_or_else(|| Ok(found.rows.into_iter().next()), Err)
}

#[expect(clippy::struct_excessive_bools, reason = "facts of a row, independent of one another")]
struct StoredClip {
    id: Uuid,
    public_id: String,
    creator_id: Uuid,
    creator_public_id: String,
    handle: String,
    name: String,
    caption: String,
    hashtags: Vec<String>,
    language: Option<String>,
    created_at: Time,
    published_at: Option<Time>,
    visibility: String,
    processing: String,
    progress: f32,
    failure_code: Option<String>,
    failure_message: Option<String>,
    failure_retryable: Option<bool>,
    is_deleted: bool,
    audience: String,
    version_id: Option<Uuid>,
    poster_name: Option<String>,
    thumbhash: Option<String>,
    duration_ms: Option<i32>,
    width: Option<i32>,
    height: Option<i32>,
    has_audio: Option<bool>,
    is_complete: Option<bool>,
    has_storyboard: bool,
    has_preview: bool,
    has_download: bool,
    allow_download: bool,
    is_poster_pending: bool,
    views: Option<i64>,
    likes: Option<i64>,
    comments: Option<i64>,
    shares: Option<i64>,
    is_liked: bool,
    is_following: bool,
}

impl StoredClip {
    /// A version that is shown has been probed: all it says is there.
    fn media(&self) -> Result<Option<ClipMedia>> {
        let Some(version) = self.version_id else { return Ok(None) };
        let missing = |column| DbError::corrupt("media_versions", column, version);
        Ok(Some(ClipMedia {
            version_id: VersionId(version),
            poster_name: self.poster_name.clone(),
            thumbhash: self.thumbhash.clone(),
            duration_ms: self.duration_ms.ok_or_else(|| missing("duration_ms"))?,
            width: self.width.ok_or_else(|| missing("width"))?,
            height: self.height.ok_or_else(|| missing("height"))?,
            has_audio: self.has_audio.ok_or_else(|| missing("has_audio"))?,
            is_complete: self.is_complete.ok_or_else(|| missing("is_complete"))?,
            has_storyboard: self.has_storyboard,
            has_preview: self.has_preview,
            has_download: self.has_download,
        }))
    }

    /// The schema lets code, message and retryability be there only together.
    fn failure(&self) -> Option<ClipFailure> {
        Some(ClipFailure {
            code: self.failure_code.clone()?,
            message: self.failure_message.clone()?,
            is_retryable: self.failure_retryable?,
        })
    }
}

impl TryFrom<StoredClip> for ClipRow {
    type Error = DbError;

    fn try_from(row: StoredClip) -> Result<Self> {
        let corrupt = |column| DbError::corrupt("clips", column, row.id);
        let creator_corrupt = || DbError::corrupt("accounts", "public_id", row.creator_id);
        Ok(Self {
            media: row.media()?,
            captions: Vec::new(),
            failure: row.failure(),
            id: ClipId(row.id),
            public_id: row.public_id.parse().map_err(|_| corrupt("public_id"))?,
            creator_id: AccountId(row.creator_id),
            creator_public_id: row.creator_public_id.parse().map_err(|_| creator_corrupt())?,
            creator_handle: row.handle,
            creator_name: row.name,
            caption: row.caption,
            hashtags: row.hashtags,
            language: row.language,
            created_at: row.created_at,
            published_at: row.published_at,
            visibility: Visibility::from_name(&row.visibility).ok_or_else(|| corrupt("visibility"))?,
            processing: Processing::from_name(&row.processing).ok_or_else(|| corrupt("processing"))?,
            progress: row.progress,
            allow_download: row.allow_download,
            is_poster_pending: row.is_poster_pending,
            is_deleted: row.is_deleted,
            audience: Audience::from_name(&row.audience).ok_or_else(|| corrupt("audience"))?,
            counts: ClipCounts {
                views: row.views.unwrap_or_default(),
                likes: row.likes.unwrap_or_default(),
                comments: row.comments.unwrap_or_default(),
                shares: row.shares.unwrap_or_default(),
            },
            is_liked: row.is_liked,
            is_following: row.is_following,
        })
    }
}

/// Audience and recommendability of `axes` as the database computes them: to be held equal to
/// [`Axes::audience`] and [`Axes::is_recommendable`].
pub async fn audience_of(conn: &mut PgConnection, axes: &Axes) -> Result<(Audience, bool)> {
    let effects: Vec<String> = axes.restrictions.iter().map(|effect| effect.as_str().to_owned()).collect();
    let row = sqlx::query!(
        r#"SELECT a.audience AS "audience!", recommendable_of(a.audience, $5, $6) AS "is_recommendable!"
           FROM (SELECT audience_of($1, $2, $3, $4, $5, $6) AS audience) a"#,
        axes.is_deleted,
        axes.processing.as_str(),
        axes.is_published,
        axes.visibility.as_str(),
        &effects,
        axes.standing.as_str(),
    )
    .fetch_one(conn)
    .await?;
    let audience = Audience::from_name(&row.audience);
    let audience = audience.ok_or_else(|| DbError::corrupt("audience_of()", "audience", &row.audience))?;
    Ok((audience, row.is_recommendable))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(audience: Audience, is_following: bool, is_deleted: bool) -> ClipRow {
        ClipRow {
            id: ClipId(Uuid::nil()),
            public_id: PublicId::from_random([0; 20]),
            creator_id: AccountId(Uuid::nil()),
            creator_public_id: PublicId::from_random([0; 20]),
            creator_handle: "ada".into(),
            creator_name: "Ada".into(),
            caption: String::new(),
            hashtags: vec![],
            language: None,
            created_at: Time::UNIX_EPOCH,
            published_at: None,
            visibility: Visibility::Public,
            processing: Processing::Ready,
            allow_download: false,
            is_poster_pending: false,
            progress: 1.0,
            failure: None,
            media: None,
            captions: Vec::new(),
            is_deleted,
            audience,
            counts: ClipCounts::default(),
            is_liked: false,
            is_following,
        }
    }

    #[test]
    fn only_those_in_the_audience_and_the_creator_may_know_of_a_clip() {
        let (creator, other) = (Some(AccountId(Uuid::nil())), Some(AccountId(Uuid::max())));
        let class = |audience, asker, is_following| row(audience, is_following, false).class_for(asker);
        for asker in [None, other, creator] {
            assert_eq!(class(Audience::Everyone, asker, false), Some(Audience::Everyone));
            assert_eq!(class(Audience::Link, asker, false), Some(Audience::Link));
        }
        for hidden in [Audience::Creator, Audience::Nobody] {
            assert_eq!(class(hidden, creator, false), Some(Audience::Creator));
            assert_eq!(class(hidden, other, true), None);
            assert_eq!(class(hidden, None, false), None);
        }
        assert_eq!(class(Audience::Followers, other, true), Some(Audience::Followers));
        assert_eq!(class(Audience::Followers, other, false), None);
        assert_eq!(class(Audience::Followers, creator, false), Some(Audience::Creator));
    }

    #[test]
    fn a_deleted_clip_is_gone_for_its_creator_too() {
        let creator = Some(AccountId(Uuid::nil()));
        for &audience in Audience::ALL {
            assert_eq!(row(audience, true, true).class_for(creator), None);
        }
    }
}

//! `captions`: texts of clips, one a language.

use std::collections::HashMap;

use estrade_domain::subtitles::{CaptionsKind, Track};
use estrade_domain::{ClipId, PublicId, Time, VersionId};
use sqlx::PgConnection;

use crate::{DbError, Result};

/// What is listed of captions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionsFacts {
    /// As a player names it.
    pub track: Track,
    /// Made by a machine.
    pub is_auto: bool,
}

struct Stored {
    clip_id: uuid::Uuid,
    public_id: String,
    language: String,
    label: String,
    kind: String,
    is_auto: bool,
}

impl TryFrom<Stored> for CaptionsFacts {
    type Error = DbError;

    fn try_from(row: Stored) -> Result<Self> {
        let corrupt = |column| DbError::corrupt("captions", column, &row.public_id);
        let track = Track {
            id: row.public_id.parse().map_err(|_| corrupt("public_id"))?,
            kind: CaptionsKind::from_name(&row.kind).ok_or_else(|| corrupt("kind"))?,
            language: row.language,
            label: row.label,
        };
        Ok(Self { track, is_auto: row.is_auto })
    }
}

/// Captions to be kept.
#[derive(Debug)]
pub struct NewCaptions<'a> {
    /// As a player names it.
    pub track: &'a Track,
    /// Canonical `WebVTT`.
    pub text: &'a str,
    /// Now.
    pub at: Time,
}

/// Puts captions in place of those of the same language; whether there were any. The clip is held.
pub async fn replace_captions(conn: &mut PgConnection, clip_id: ClipId, new: &NewCaptions<'_>) -> Result<bool> {
    let were_there = delete_captions(&mut *conn, clip_id, &new.track.language).await?;
    sqlx::query!(
        "INSERT INTO captions (public_id, clip_id, language, label, kind, text, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new.track.id.as_str(),
        clip_id.0,
        new.track.language,
        new.track.label,
        new.track.kind.as_str(),
        new.text,
        new.at,
    )
    .execute(conn)
    .await?;
    Ok(were_there)
}

/// Deletes the captions of a language; `false` when there were none.
pub async fn delete_captions(conn: &mut PgConnection, clip_id: ClipId, language: &str) -> Result<bool> {
    let done =
        sqlx::query!("DELETE FROM captions WHERE clip_id = $1 AND lower(language) = lower($2)", clip_id.0, language)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes all captions of a clip.
pub async fn delete_captions_of(conn: &mut PgConnection, clip_id: ClipId) -> Result<()> {
    sqlx::query!("DELETE FROM captions WHERE clip_id = $1", clip_id.0).execute(conn).await?;
    Ok(())
}

/// How many languages other than this one a clip has captions in.
pub async fn count_other_captions(conn: &mut PgConnection, clip_id: ClipId, language: &str) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM captions WHERE clip_id = $1 AND lower(language) <> lower($2)"#,
        clip_id.0,
        language,
    )
    .fetch_one(conn)
    .await?)
}

/// The captions of these clips, by language, or what is wrong with one of them; clips without any are left out.
pub async fn load_captions(
    conn: &mut PgConnection,
    clips: &[ClipId],
) -> Result<HashMap<ClipId, Result<Vec<CaptionsFacts>>>> {
    let clips: Vec<_> = clips.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Stored,
        "SELECT clip_id, public_id, language, label, kind, is_auto FROM captions
         WHERE clip_id = ANY($1) ORDER BY clip_id, language",
        &clips,
    )
    .fetch_all(conn)
    .await?;
    let mut found: HashMap<ClipId, Result<Vec<CaptionsFacts>>> = HashMap::new();
    for row in rows {
        let of_clip = found.entry(ClipId(row.clip_id)).or_insert_with(|| Ok(Vec::new()));
        match (CaptionsFacts::try_from(row), of_clip) {
            (Ok(facts), Ok(captions)) => captions.push(facts),
            (Err(error), of_clip) => *of_clip = Err(error),
            (Ok(_), Err(_)) => {}
        }
    }
    Ok(found)
}

/// The captions a player may choose beside this version of a clip's media, by language.
pub async fn list_tracks(conn: &mut PgConnection, version_id: VersionId) -> Result<Vec<Track>> {
    let rows = sqlx::query_as!(
        Stored,
        "SELECT k.clip_id, k.public_id, k.language, k.label, k.kind, k.is_auto
         FROM captions k JOIN media_versions v ON v.clip_id = k.clip_id WHERE v.id = $1 ORDER BY k.language",
        version_id.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| CaptionsFacts::try_from(row).map(|facts| facts.track)).collect()
}

/// The text of captions beside this version of their clip's media; none when they were replaced or deleted.
pub async fn find_text(conn: &mut PgConnection, version_id: VersionId, id: &PublicId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT k.text FROM captions k JOIN media_versions v ON v.clip_id = k.clip_id
         WHERE v.id = $1 AND k.public_id = $2",
        version_id.0,
        id.as_str(),
    )
    .fetch_optional(conn)
    .await?)
}

/// The media playlist of a video rendition of this version, which those of captions follow.
pub async fn find_video_playlist(conn: &mut PgConnection, version_id: VersionId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT playlist FROM renditions WHERE version_id = $1 AND kind = 'video' ORDER BY bandwidth LIMIT 1",
        version_id.0,
    )
    .fetch_optional(conn)
    .await?)
}

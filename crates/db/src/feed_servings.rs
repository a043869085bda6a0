//! `servings`: what was shown to whom and why, written before it is answered.

use estrade_domain::{ClipId, PublicId, ServedId, SlateId, Time, ViewerId};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{DbError, Result};

/// What all servings of one page share.
#[derive(Debug, Clone)]
pub struct ServingPage {
    /// The slate the page is a slice of.
    pub slate_id: SlateId,
    /// Who is served.
    pub viewer_id: ViewerId,
    /// `for_you`, `following` or `trending`.
    pub feed: &'static str,
    /// The version of the parameters.
    pub parameters: i32,
    /// Whether the viewer's state was used.
    pub is_profiled: bool,
    /// Now.
    pub at: Time,
    /// The page asks for what its viewer follows: clips for followers and clips that are not
    /// recommended belong into it too.
    pub is_followed: bool,
}

/// One serving of a page.
#[derive(Debug, Clone)]
pub struct NewServing {
    /// Its id.
    pub id: ServedId,
    /// The clip.
    pub clip_id: ClipId,
    /// Its place in the slate.
    pub position: i32,
    /// The candidate source.
    pub source: &'static str,
    /// The reason's code.
    pub reason: &'static str,
    /// The top terms of the score.
    pub terms: Value,
    /// Probability that this clip was chosen for this place.
    pub propensity: f32,
}

/// Inserts a page's servings in one statement; the ids of those written. Left out is what the
/// database says may not be offered now: whoever is told last, nothing hidden is served.
pub async fn insert_servings(
    conn: &mut PgConnection,
    page: &ServingPage,
    servings: &[NewServing],
) -> Result<Vec<ServedId>> {
    let ids: Vec<Uuid> = servings.iter().map(|s| s.id.0).collect();
    let clips: Vec<Uuid> = servings.iter().map(|s| s.clip_id.0).collect();
    let positions: Vec<i32> = servings.iter().map(|s| s.position).collect();
    let sources: Vec<String> = servings.iter().map(|s| s.source.to_owned()).collect();
    let reasons: Vec<String> = servings.iter().map(|s| s.reason.to_owned()).collect();
    let terms: Vec<Value> = servings.iter().map(|s| s.terms.clone()).collect();
    let propensities: Vec<f32> = servings.iter().map(|s| s.propensity).collect();
    let written = sqlx::query_scalar!(
        "INSERT INTO servings (id, slate_id, viewer_id, clip_id, feed, position, source, reason, terms, propensity,
                               parameters, is_profiled, served_at)
         SELECT u.id, $1, $2, u.clip_id, $3, u.position, u.source, u.reason, u.terms, u.propensity, $4, $5, $6
         FROM unnest($8::uuid[], $9::uuid[], $10::int4[], $11::text[], $12::text[], $13::jsonb[], $14::float4[])
              AS u (id, clip_id, position, source, reason, terms, propensity)
         JOIN clip_audiences a ON a.clip_id = u.clip_id
          AND (a.is_recommendable OR ($7 AND a.audience IN ('everyone', 'followers')))
         RETURNING id",
        page.slate_id.0,
        page.viewer_id.0,
        page.feed,
        page.parameters,
        page.is_profiled,
        page.at,
        page.is_followed,
        &ids,
        &clips,
        &positions,
        &sources,
        &reasons,
        &terms,
        &propensities,
    )
    .fetch_all(conn)
    .await?;
    Ok(written.into_iter().map(ServedId).collect())
}

/// The clips this viewer was served from this slate at places before `position`.
pub async fn list_served_before(
    conn: &mut PgConnection,
    viewer: ViewerId,
    slate: SlateId,
    position: i32,
) -> Result<Vec<ClipId>> {
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT clip_id FROM servings WHERE viewer_id = $1 AND slate_id = $2 AND position < $3",
        viewer.0,
        slate.0,
        position,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ClipId).collect())
}

/// A serving as it was kept.
#[derive(Debug, Clone)]
pub struct Serving {
    /// Its id.
    pub id: ServedId,
    /// The clip's public id.
    pub clip_public_id: PublicId,
    /// The feed it was part of.
    pub feed: String,
    /// Its place in the slate.
    pub position: i32,
    /// The candidate source.
    pub source: String,
    /// The reason's code.
    pub reason: String,
    /// The top terms of the score.
    pub terms: Value,
    /// Probability that this clip was chosen for this place.
    pub propensity: f32,
    /// The version of the parameters.
    pub parameters: i32,
    /// Whether the viewer's state was used.
    pub is_profiled: bool,
    /// When.
    pub served_at: Time,
}

/// A serving to this viewer; none when it was somebody else's.
pub async fn find_serving(conn: &mut PgConnection, id: ServedId, viewer: ViewerId) -> Result<Option<Serving>> {
    let row = sqlx::query!(
        "SELECT s.id, c.public_id, s.feed, s.position, s.source, s.reason, s.terms, s.propensity, s.parameters,
                s.is_profiled, s.served_at
         FROM servings s JOIN clips c ON c.id = s.clip_id WHERE s.id = $1 AND s.viewer_id = $2",
        id.0,
        viewer.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Serving {
            id: ServedId(row.id),
            clip_public_id: row.public_id.parse().map_err(|_| DbError::corrupt("clips", "public_id", row.id))?,
            feed: row.feed,
            position: row.position,
            source: row.source,
            reason: row.reason,
            terms: row.terms,
            propensity: row.propensity,
            parameters: row.parameters,
            is_profiled: row.is_profiled,
            served_at: row.served_at,
        })
    })
    .transpose()
}

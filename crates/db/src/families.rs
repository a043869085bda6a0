//! Families: renditions of another codec or effort that are made later for versions whose watch time pays for them.
//!
//! A family is a row of `media_versions` with a base: it has a plan, chunks and renditions of its own, and is
//! shown as part of its base once it is whole.

use estrade_domain::{ClipId, Time, VersionId};
use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;

/// A version that people watch and that lacks a family.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The clip.
    pub clip_id: ClipId,
    /// The version that is shown.
    pub version_id: VersionId,
    /// Watch time of late, milliseconds: older one counts half for every half-life.
    pub recent_ms: f64,
    /// Length of the clip, milliseconds.
    pub duration_ms: i32,
    /// Short edge, pixels, pictures a second and mean bits a second of its renditions, smallest first.
    pub rungs: Vec<CandidateRung>,
    /// Families that it has or that were ordered.
    pub families: Vec<String>,
}

/// A rendition of a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateRung {
    /// Width, pixels.
    pub width: i32,
    /// Height, pixels.
    pub height: i32,
    /// Pictures a second.
    pub frame_rate: f64,
    /// Mean bits a second.
    pub average_bandwidth: i32,
}

/// A version or a family of it as it was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Which family; none for the version itself.
    pub family: Option<String>,
    /// Its plan.
    pub plan: Value,
    /// Its chunks, in order.
    pub chunks: Vec<Value>,
}

/// So many of the most watched are asked who may see them, for each that is wanted: some are for followers alone.
const ASKED_PER_CANDIDATE: i64 = 8;
/// Key of the advisory lock of whoever counts demand and orders families.
const ORDERS_LOCK: i64 = 0x6661_6d69_6c69;

/// Takes the right to count demand and order families until the transaction ends; `false` while somebody else has it.
pub async fn try_hold_orders(conn: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "is_held!""#, ORDERS_LOCK)
        .fetch_one(conn)
        .await?)
}

/// Adds what was watched since the last time to what was watched of late. Rows of clips that nobody watched since are
/// not touched, and doing it twice changes nothing; whoever does it holds [`try_hold_orders`].
pub async fn count_demand(conn: &mut PgConnection, now: Time, half_life_secs: f64) -> Result<()> {
    sqlx::query!(
        "INSERT INTO clip_demand AS d (clip_id, seen_ms, recent_ms, counted_at)
         SELECT n.clip_id, n.watch_ms, n.watch_ms, $1 FROM clip_counts n LEFT JOIN clip_demand s ON s.clip_id = n.clip_id
         WHERE n.watch_ms > 0 AND n.watch_ms IS DISTINCT FROM s.seen_ms
         ON CONFLICT (clip_id) DO UPDATE SET
             recent_ms = demand_at(d.recent_ms, d.counted_at, excluded.counted_at, $2)
                 + greatest(excluded.seen_ms - d.seen_ms, 0),
             seen_ms = excluded.seen_ms, counted_at = excluded.counted_at",
        now,
        half_life_secs,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The most watched of late for their length, whose whole ladder stands, that strangers may see, and that lack a family.
/// Who may see a clip is asked of the most watched alone, so there may be fewer than `limit`.
pub async fn find_candidates(
    conn: &mut PgConnection,
    now: Time,
    half_life_secs: f64,
    families: i32,
    limit: i64,
) -> Result<Vec<Candidate>> {
    let rows = sqlx::query!(
        r#"WITH made AS (
               SELECT base_id, array_agg(family) AS families FROM media_versions WHERE base_id IS NOT NULL GROUP BY base_id
           ), watched AS MATERIALIZED (
               SELECT c.id AS clip_id, v.id AS version_id, v.duration_ms, m.families,
                      demand_at(d.recent_ms, d.counted_at, $1, $2) AS recent_ms
               FROM clip_demand d JOIN clips c ON c.id = d.clip_id JOIN media_versions v ON v.id = c.version_id
               LEFT JOIN made m ON m.base_id = v.id
               WHERE v.is_complete AND coalesce(cardinality(m.families), 0) < $3
               ORDER BY demand_at(d.recent_ms, d.counted_at, $1, $2) / v.duration_ms DESC, c.id LIMIT $5
           )
           SELECT w.clip_id AS "clip_id!", w.version_id AS "version_id!", w.duration_ms AS "duration_ms!",
                  w.recent_ms AS "recent_ms!", coalesce(w.families, '{}') AS "families!: Vec<String>"
           FROM watched w JOIN clip_audiences a ON a.clip_id = w.clip_id
           WHERE a.audience IN ('everyone', 'link')
           ORDER BY w.recent_ms / w.duration_ms DESC, w.clip_id LIMIT $4"#,
        now,
        half_life_secs,
        families,
        limit,
        limit * ASKED_PER_CANDIDATE,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let version_id = VersionId(row.version_id);
        found.push(Candidate {
            clip_id: ClipId(row.clip_id),
            version_id,
            recent_ms: row.recent_ms,
            duration_ms: row.duration_ms,
            rungs: find_rungs(conn, version_id).await?,
            families: row.families,
        });
    }
    Ok(found)
}

async fn find_rungs(conn: &mut PgConnection, version_id: VersionId) -> Result<Vec<CandidateRung>> {
    Ok(sqlx::query_as!(
        CandidateRung,
        r#"SELECT width AS "width!", height AS "height!", frame_rate AS "frame_rate!", average_bandwidth
           FROM renditions WHERE version_id = $1 AND kind = 'video' ORDER BY width * height, name"#,
        version_id.0,
    )
    .fetch_all(conn)
    .await?)
}

/// Orders a family of a version; `false` when it was ordered before.
pub async fn insert_family(
    conn: &mut PgConnection,
    id: VersionId,
    base: VersionId,
    family: &str,
    at: Time,
) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO media_versions (id, clip_id, source_key, created_at, base_id, family)
         SELECT $1, clip_id, source_key, $4, id, $3 FROM media_versions WHERE id = $2
         ON CONFLICT (base_id, family) DO NOTHING",
        id.0,
        base.0,
        family,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The base and the name of a family; none when the version is no family or is gone.
pub async fn find_base(conn: &mut PgConnection, id: VersionId) -> Result<Option<(VersionId, String)>> {
    let row = sqlx::query!(
        r#"SELECT base_id AS "base_id!", family AS "family!" FROM media_versions WHERE id = $1 AND base_id IS NOT NULL"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (VersionId(row.base_id), row.family)))
}

/// Holds a version and tells what its multivariant playlist is made of: itself first, then its whole families.
pub async fn hold_made(conn: &mut PgConnection, base: VersionId) -> Result<Vec<Made>> {
    sqlx::query!("SELECT id FROM media_versions WHERE id = $1 FOR UPDATE", base.0).fetch_optional(&mut *conn).await?;
    // A statement of its own: it sees what was committed while this one waited for the lock.
    Ok(sqlx::query_as!(
        Made,
        r#"SELECT family, plan AS "plan!",
                  ARRAY(SELECT facts FROM media_chunks k WHERE k.version_id = v.id ORDER BY number) AS "chunks!: Vec<Value>"
           FROM media_versions v
           WHERE is_complete AND (id = $1 OR base_id = $1) ORDER BY base_id NULLS FIRST, family"#,
        base.0,
    )
    .fetch_all(conn)
    .await?)
}

/// Replaces the multivariant playlist of a version.
pub async fn save_playlist(conn: &mut PgConnection, version_id: VersionId, playlist: &str) -> Result<()> {
    sqlx::query!("UPDATE media_versions SET playlist = $2 WHERE id = $1", version_id.0, playlist).execute(conn).await?;
    Ok(())
}

/// Jobs of a kind that wait or run.
pub async fn count_live(conn: &mut PgConnection, kind: &str) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM jobs WHERE kind = $1 AND state IN ('available', 'running')"#,
        kind,
    )
    .fetch_one(conn)
    .await?)
}

/// A view of a day, for replays.
#[derive(Debug, Clone, Copy)]
pub struct DayView {
    /// The clip.
    pub clip_id: ClipId,
    /// When it began.
    pub at: Time,
    /// How long it was watched, milliseconds.
    pub watch_ms: i32,
}

/// Views of published clips that began from `since` on, in the order of time.
pub async fn load_views(conn: &mut PgConnection, since: Time, limit: i64) -> Result<Vec<DayView>> {
    let rows = sqlx::query!(
        "SELECT w.clip_id, w.first_at, w.watch_ms FROM views w JOIN clips c ON c.id = w.clip_id
         WHERE w.first_at >= $1 AND w.watch_ms > 0 AND c.version_id IS NOT NULL ORDER BY w.first_at LIMIT $2",
        since,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let views =
        rows.into_iter().map(|row| DayView { clip_id: ClipId(row.clip_id), at: row.first_at, watch_ms: row.watch_ms });
    Ok(views.collect())
}

/// Length, milliseconds, and renditions of the version that a clip shows; none when it shows none.
pub async fn find_shown(conn: &mut PgConnection, clip_id: ClipId) -> Result<Option<(i32, Vec<CandidateRung>)>> {
    let row = sqlx::query!(
        r#"SELECT v.id, v.duration_ms AS "duration_ms!" FROM clips c JOIN media_versions v ON v.id = c.version_id
           WHERE c.id = $1 AND v.duration_ms IS NOT NULL"#,
        clip_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((row.duration_ms, find_rungs(conn, VersionId(row.id)).await?)))
}

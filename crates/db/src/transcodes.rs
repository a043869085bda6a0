//! `media_versions` and `media_chunks` as work: the plan, the chunks that are stored, what is missing.
//!
//! Several workers may make chunks of one version at the same time. Who stores one holds its job's
//! lease and then the version, in this order, and publishes all that has become contiguous.

use estrade_domain::{AccountId, ClipId, PublicId, Time, VersionId};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{DbError, Result};

/// What a transcode works on.
#[derive(Debug, Clone)]
pub struct Work {
    /// The clip's public id, part of object keys.
    pub clip_public_id: PublicId,
    /// Its creator.
    pub creator_id: AccountId,
    /// The clip was neither deleted nor given up meanwhile, and there is no newer version of it.
    pub is_wanted: bool,
    /// Object key of the source.
    pub source_key: String,
    /// How many versions of the clip were begun, without families.
    pub version_count: i64,
    /// How often its creator had it tried again.
    pub retries: i64,
    /// The plan, once there is one, and the lease token of the attempt that made it.
    pub plan: Option<(Value, i64)>,
    /// How well its poster stands for it, the higher the better; none while there is none. Older releases did not say.
    pub poster_rank: Option<i64>,
    /// What is stored, in order; there may be gaps.
    pub chunks: Vec<Value>,
}

/// A chunk whose objects are stored.
#[derive(Debug)]
pub struct StoredChunk<'a> {
    /// Number, from 0.
    pub number: i32,
    /// Lease token of the attempt that made it.
    pub token: i64,
    /// Number of its first segment.
    pub first_segment: i32,
    /// How many segments it has in each rendition.
    pub segment_count: i32,
    /// Sizes as reported.
    pub facts: &'a Value,
}

/// A version's row, held until the transaction ends.
#[derive(Debug)]
pub struct HeldVersion {
    /// How many chunks the playlists show.
    pub published_chunks: i32,
    /// The clip was neither deleted nor given up meanwhile, and there is no newer version of it.
    pub is_wanted: bool,
    /// What is stored, in order; there may be gaps.
    pub chunks: Vec<Value>,
}

/// What there is to do for a version; none when its clip is gone.
pub async fn find_work(conn: &mut PgConnection, version_id: VersionId) -> Result<Option<Work>> {
    let row = sqlx::query!(
        r#"SELECT c.public_id, c.creator_id,
                  c.deleted_at IS NULL AND c.processing <> 'failed'
                      AND NOT EXISTS (SELECT FROM media_versions n WHERE n.clip_id = v.clip_id AND n.id > v.id AND n.base_id IS NULL) AS "is_wanted!",
                  (SELECT count(*) FROM media_versions a WHERE a.clip_id = v.clip_id AND a.base_id IS NULL) AS "version_count!",
                  c.retries, v.source_key, v.plan, v.plan_token, CASE WHEN v.poster_name IS NOT NULL THEN coalesce(v.poster_rank, 9223372036854775807) END AS poster_rank,
                  ARRAY(SELECT facts FROM media_chunks k WHERE k.version_id = v.id ORDER BY number) AS "chunks!: Vec<Value>"
           FROM media_versions v JOIN clips c ON c.id = v.clip_id WHERE v.id = $1"#,
        version_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let public_id = row.public_id.parse();
        Ok(Work {
            clip_public_id: public_id.map_err(|_| DbError::corrupt("clips", "public_id", &row.public_id))?,
            creator_id: AccountId(row.creator_id),
            is_wanted: row.is_wanted,
            source_key: row.source_key,
            version_count: row.version_count,
            retries: i64::from(row.retries),
            plan: row.plan.zip(row.plan_token),
            poster_rank: row.poster_rank,
            chunks: row.chunks,
        })
    })
    .transpose()
}

/// Notes that a version which is wanted is gone on with. A release that does not know of versions that are given up puts
/// a clip back into processing without it, and keepers would not look after it.
pub async fn take_up_version(conn: &mut PgConnection, version_id: VersionId) -> Result<()> {
    sqlx::query!("UPDATE media_versions SET is_given_up = false WHERE id = $1 AND is_given_up", version_id.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// The creator of a clip that was deleted; none while it is there.
pub async fn find_creator_of_deleted(conn: &mut PgConnection, clip_id: ClipId) -> Result<Option<AccountId>> {
    let creator =
        sqlx::query_scalar!("SELECT creator_id FROM clips WHERE id = $1 AND deleted_at IS NOT NULL", clip_id.0)
            .fetch_optional(conn)
            .await?;
    Ok(creator.map(AccountId))
}

/// Writes the plan down, so that whoever goes on does so with the same one; `token` is the lease
/// token of the attempt that made it.
pub async fn save_plan(conn: &mut PgConnection, version_id: VersionId, plan: &Value, token: i64) -> Result<()> {
    sqlx::query!("UPDATE media_versions SET plan = $2, plan_token = $3 WHERE id = $1", version_id.0, plan, token)
        .execute(conn)
        .await?;
    Ok(())
}

/// Locks the version: nobody else stores a chunk of it, fails its clip or begins a newer version meanwhile.
pub async fn lock_version(conn: &mut PgConnection, version_id: VersionId) -> Result<()> {
    sqlx::query!("SELECT id FROM media_versions WHERE id = $1 FOR UPDATE", version_id.0).fetch_optional(conn).await?;
    Ok(())
}

/// Locks the version while it has the plan of the attempt with this lease token; none when it was
/// planned anew since, or its clip is gone.
pub async fn hold_version(
    conn: &mut PgConnection,
    version_id: VersionId,
    plan_token: i64,
) -> Result<Option<HeldVersion>> {
    let version = sqlx::query!(
        r#"SELECT v.published_chunks,
                  c.deleted_at IS NULL AND c.processing <> 'failed'
                      AND NOT EXISTS (SELECT FROM media_versions n WHERE n.clip_id = v.clip_id AND n.id > v.id AND n.base_id IS NULL) AS "is_wanted!"
           FROM media_versions v JOIN clips c ON c.id = v.clip_id
           WHERE v.id = $1 AND v.plan_token = $2 FOR UPDATE OF v"#,
        version_id.0,
        plan_token,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(version) = version else { return Ok(None) };
    // A statement of its own: it sees what was committed while this one waited for the lock.
    let chunks =
        sqlx::query_scalar!("SELECT facts FROM media_chunks WHERE version_id = $1 ORDER BY number", version_id.0)
            .fetch_all(conn)
            .await?;
    let (published_chunks, is_wanted) = (version.published_chunks, version.is_wanted);
    Ok(Some(HeldVersion { published_chunks, is_wanted, chunks }))
}

/// Adds a chunk whose objects are stored; `false` when another attempt has stored it already.
pub async fn insert_chunk(
    conn: &mut PgConnection,
    version_id: VersionId,
    chunk: &StoredChunk<'_>,
    at: Time,
) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO media_chunks (version_id, number, token, first_segment, segment_count, facts, stored_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (version_id, number) DO NOTHING",
        version_id.0,
        chunk.number,
        chunk.token,
        chunk.first_segment,
        chunk.segment_count,
        chunk.facts,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes how many chunks the playlists show.
pub async fn save_published(conn: &mut PgConnection, version_id: VersionId, chunks: i32) -> Result<()> {
    sqlx::query!("UPDATE media_versions SET published_chunks = $2 WHERE id = $1", version_id.0, chunks)
        .execute(conn)
        .await?;
    Ok(())
}

/// Puts a clip that failed with this code back into processing with this version, if it is its newest; the clip's
/// creator. What was stored is gone on with, and it does not count as a try of the creator.
pub async fn revive_version(
    conn: &mut PgConnection,
    version_id: VersionId,
    failure_code: &str,
) -> Result<Option<AccountId>> {
    lock_version(&mut *conn, version_id).await?;
    let creator = sqlx::query_scalar!(
        "UPDATE clips c SET processing = 'processing', progress = 0, failure_code = NULL, failure_message = NULL,
                failure_detail = NULL, failure_retryable = NULL
         FROM media_versions v
         WHERE v.id = $1 AND v.base_id IS NULL AND c.id = v.clip_id AND c.processing = 'failed' AND c.failure_code = $2
           AND c.deleted_at IS NULL
           AND NOT EXISTS (SELECT FROM media_versions n WHERE n.clip_id = c.id AND n.id > v.id AND n.base_id IS NULL)
         RETURNING c.creator_id",
        version_id.0,
        failure_code,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if creator.is_some() {
        sqlx::query!("UPDATE media_versions SET is_given_up = false WHERE id = $1", version_id.0).execute(conn).await?;
    }
    Ok(creator.map(AccountId))
}

/// A version that is not whole and that no live job works on.
#[derive(Debug)]
pub struct Stranded {
    /// The version.
    pub version_id: VersionId,
    /// Its clip.
    pub clip_id: ClipId,
    /// The clip's creator.
    pub creator_id: AccountId,
    /// How often a keeper found it so before.
    pub rescues: i32,
}

/// Holds versions that can make no progress: incomplete, wanted, and without a live job. Each is
/// counted as found once more; those another keeper holds are left to it.
pub async fn take_stranded(conn: &mut PgConnection, limit: i64) -> Result<Vec<Stranded>> {
    let rows = sqlx::query!(
        "WITH stranded AS (
             SELECT v.id FROM media_versions v JOIN clips c ON c.id = v.clip_id
             WHERE NOT v.is_complete AND NOT v.is_given_up AND v.base_id IS NULL AND c.deleted_at IS NULL AND c.processing <> 'failed'
               AND NOT EXISTS (SELECT FROM media_versions n WHERE n.clip_id = v.clip_id AND n.id > v.id AND n.base_id IS NULL)
               AND NOT EXISTS (
                   SELECT FROM jobs j
                   WHERE j.args ->> 'version_id' = v.id::text AND j.state IN ('available', 'running'))
             ORDER BY v.created_at LIMIT $1 FOR UPDATE OF v SKIP LOCKED
         )
         UPDATE media_versions v SET rescues = v.rescues + 1
         FROM stranded, clips c WHERE v.id = stranded.id AND c.id = v.clip_id
         RETURNING v.id, v.clip_id, c.creator_id, v.rescues - 1 AS \"rescues!\"",
        limit,
    )
    .fetch_all(conn)
    .await?;
    let stranded = rows.into_iter().map(|row| Stranded {
        version_id: VersionId(row.id),
        clip_id: ClipId(row.clip_id),
        creator_id: AccountId(row.creator_id),
        rescues: row.rescues,
    });
    Ok(stranded.collect())
}

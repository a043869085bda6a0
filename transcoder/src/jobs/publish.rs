//! What a stored chunk changes, in one transaction that holds the job's lease.

use estrade_db::media::{self, RenditionRow, StoredChunk, VersionFacts};
use estrade_db::{DbError, PgConnection};
use estrade_domain::{ClipId, Time, VersionId};
use estrade_events::Event;

use crate::package::{ChunkFacts, Package, Rendition, RenditionKind};
use crate::plan::TranscodePlan;

/// A chunk whose objects are stored.
pub(super) struct Chunk<'a> {
    pub(super) clip_id: ClipId,
    pub(super) version_id: VersionId,
    /// Lease token of this attempt.
    pub(super) token: i64,
    pub(super) plan: &'a TranscodePlan,
    pub(super) facts: &'a ChunkFacts,
    /// What can be published with it.
    pub(super) package: &'a Package,
}

/// Writes the chunk down; with the first one the clip is playable, with the last one complete.
pub(super) async fn publish_chunk(conn: &mut PgConnection, chunk: &Chunk<'_>, now: Time) -> Result<(), DbError> {
    insert(conn, chunk, now).await?;
    for rendition in &chunk.package.renditions {
        media::upsert_rendition(conn, chunk.version_id, &row(rendition)).await?;
    }
    let is_first = chunk.facts.index == 0;
    if is_first {
        media::save_facts(conn, chunk.version_id, &facts(chunk), &chunk.package.multivariant).await?;
        media::publish_version(conn, chunk.clip_id, chunk.version_id, now).await?;
    }
    if chunk.package.complete {
        media::complete_version(conn, chunk.version_id, &chunk.package.multivariant).await?;
    }
    media::save_progress(conn, chunk.clip_id, share(chunk)).await?;
    if is_first || chunk.package.complete {
        estrade_events::append(conn, &Event::ClipChanged { clip_id: chunk.clip_id }).await?;
    }
    Ok(())
}

async fn insert(conn: &mut PgConnection, chunk: &Chunk<'_>, now: Time) -> Result<(), DbError> {
    let segments = chunk.plan.chunks[chunk.facts.index].segment_range();
    let facts = serde_json::to_value(chunk.facts).unwrap_or_default();
    let stored = StoredChunk {
        number: small(chunk.facts.index),
        token: chunk.token,
        first_segment: small(segments.start),
        segment_count: small(segments.len()),
        facts: &facts,
    };
    media::insert_chunk(conn, chunk.version_id, &stored, now).await
}

/// Share of the clip that is stored.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a share of a short clip")]
fn share(chunk: &Chunk<'_>) -> f32 {
    let total = chunk.plan.duration_ms().max(1) as f64;
    (chunk.package.available_ms as f64 / total).min(1.0) as f32
}

fn facts(chunk: &Chunk<'_>) -> VersionFacts {
    let top = chunk.plan.top();
    VersionFacts {
        duration_ms: small(chunk.plan.duration_ms()),
        width: small(top.width),
        height: small(top.height),
        has_audio: chunk.plan.audio.is_some(),
        first_token: chunk.token,
    }
}

fn row(rendition: &Rendition) -> RenditionRow<'_> {
    let first = rendition.segments.first();
    RenditionRow {
        name: &rendition.name,
        video: match rendition.kind {
            RenditionKind::Video { width, height, frame_rate } => Some((small(width), small(height), frame_rate)),
            RenditionKind::Audio => None,
        },
        bandwidth: small(rendition.bandwidth),
        average_bandwidth: small(rendition.average_bandwidth),
        codecs: &rendition.codecs,
        init_bytes: small(rendition.init_bytes),
        first_bytes: first.map_or(0, |segment| small(segment.bytes)),
        first_ms: first.map_or(0, |segment| small(segment.duration_us.div_ceil(1000))),
        playlist: &rendition.playlist,
    }
}

/// Sizes, counts and rates of a clip are far below the range; the limits see to that.
fn small(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

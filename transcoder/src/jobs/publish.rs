//! What a stored chunk changes, in one transaction that holds the job's lease.
//!
//! Workers may store chunks of a version in any order. The playlists show those that follow one
//! another from the first; whoever stores the missing one shows all that has become contiguous.

use estrade_db::media::{self, RenditionRow, VersionFacts};
use estrade_db::transcodes::{self, StoredChunk};
use estrade_db::{DbError, PgConnection};
use estrade_domain::{ClipId, Time, VersionId};
use estrade_events::Event;
use estrade_jobs::JobError;
use serde::Deserialize;
use serde_json::Value;

use crate::package::{ChunkFacts, Package, Rendition, RenditionKind, assemble};
use crate::plan::TranscodePlan;

/// The version a chunk belongs to, as the attempt that made it knows it.
pub(super) struct Target<'a> {
    pub(super) clip_id: ClipId,
    pub(super) version_id: VersionId,
    pub(super) plan: &'a TranscodePlan,
    /// Lease token of the attempt that made the plan.
    pub(super) plan_token: i64,
    /// Lease token of this attempt.
    pub(super) token: i64,
}

/// What became of a stored chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    /// It is written down, and there are more to come.
    Stored,
    /// The whole ladder stands, now.
    Complete,
    /// The clip was deleted, given up, or started over: nothing more of it is wanted.
    Unwanted,
}

/// Writes a chunk down whose objects are stored, and shows what there is to show.
pub(super) async fn publish_chunk(
    conn: &mut PgConnection,
    target: &Target<'_>,
    chunk: &ChunkFacts,
    now: Time,
) -> Result<Published, JobError> {
    let held = transcodes::hold_version(conn, target.version_id, target.plan_token).await?;
    let Some(held) = held.filter(|held| held.is_wanted) else { return Ok(Published::Unwanted) };
    if !insert(conn, target, chunk, now).await? {
        return Ok(Published::Stored);
    }
    if chunk.preview_bytes.is_some() {
        media::save_preview(conn, target.version_id, target.token).await?;
        estrade_events::append(conn, &Event::ClipChanged { clip_id: target.clip_id }).await?;
    }
    let mut stored = read_chunks(&held.chunks).map_err(|error| JobError::retry("inconsistent", error))?;
    stored.push(chunk.clone());
    stored.sort_by_key(|chunk| chunk.index);
    if !target.plan.is_family {
        media::save_progress(conn, target.clip_id, share(target.plan, &stored)).await?;
    }
    let contiguous = contiguous(&stored);
    if small(contiguous.len()) <= held.published_chunks {
        return Ok(Published::Stored);
    }
    let package = assemble(target.plan, contiguous)
        .ok_or_else(|| JobError::retry("inconsistent", "the stored chunks do not fit the plan"))?;
    show(conn, target, held.published_chunks == 0, &package, now).await?;
    transcodes::save_published(conn, target.version_id, small(contiguous.len())).await?;
    Ok(if package.complete { Published::Complete } else { Published::Stored })
}

/// Chunks as they are kept with a version.
pub(super) fn read_chunks(stored: &[Value]) -> Result<Vec<ChunkFacts>, serde_json::Error> {
    stored.iter().map(ChunkFacts::deserialize).collect()
}

/// The chunks that follow one another from the first.
pub(super) fn contiguous(stored: &[ChunkFacts]) -> &[ChunkFacts] {
    let count = stored.iter().enumerate().take_while(|(place, chunk)| chunk.index == *place).count();
    &stored[..count]
}

/// With the first chunk the clip is playable, with the last one complete.
async fn show(
    conn: &mut PgConnection,
    target: &Target<'_>,
    is_first: bool,
    package: &Package,
    now: Time,
) -> Result<(), DbError> {
    for rendition in &package.renditions {
        media::upsert_rendition(conn, target.version_id, &row(rendition)).await?;
    }
    if let Some(index) = &package.storyboard {
        media::save_storyboard(conn, target.version_id, index).await?;
    }
    if is_first {
        media::save_facts(conn, target.version_id, &facts(target), &package.multivariant).await?;
        if !target.plan.is_family {
            media::publish_version(conn, target.clip_id, target.version_id, now).await?;
        }
    }
    if package.complete {
        media::complete_version(conn, target.version_id, &package.multivariant).await?;
    }
    if (is_first && !target.plan.is_family) || package.complete {
        estrade_events::append(conn, &Event::ClipChanged { clip_id: target.clip_id }).await?;
    }
    Ok(())
}

async fn insert(conn: &mut PgConnection, target: &Target<'_>, chunk: &ChunkFacts, now: Time) -> Result<bool, DbError> {
    let segments = target.plan.chunks[chunk.index].segment_range();
    let facts = serde_json::to_value(chunk).unwrap_or_default();
    let stored = StoredChunk {
        number: small(chunk.index),
        token: target.token,
        first_segment: small(segments.start),
        segment_count: small(segments.len()),
        facts: &facts,
    };
    transcodes::insert_chunk(conn, target.version_id, &stored, now).await
}

/// Share of the clip that is stored, wherever it lies.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a share of a short clip")]
fn share(plan: &TranscodePlan, stored: &[ChunkFacts]) -> f32 {
    let slots = stored.iter().map(|chunk| plan.chunk_slots(chunk.index));
    let done: u64 = slots.map(|slots| slots.end - slots.start).sum();
    (done as f64 / plan.total_frames.max(1) as f64).min(1.0) as f32
}

fn facts(target: &Target<'_>) -> VersionFacts {
    let top = target.plan.top();
    VersionFacts {
        duration_ms: small(target.plan.duration_ms()),
        width: small(top.width),
        height: small(top.height),
        has_audio: target.plan.audio.is_some(),
        first_token: target.token,
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
        keys_playlist: rendition.keys_playlist.as_deref(),
    }
}

/// Sizes, counts and rates of a clip are far below the range; the limits see to that.
fn small(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

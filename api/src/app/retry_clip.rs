use estrade_db::DbError;
use estrade_db::clip_changes::{find_newest_version, hold_clip, restart_clip};
use estrade_db::sessions::SessionHolder;
use estrade_db::transcodes::lock_version;
use estrade_domain::limits::CLIP_RETRIES_MAX;
use estrade_domain::{Processing, PublicId};
use estrade_events::Event;
use estrade_http::{Problem, Result};
use estrade_jobs::{Job, Weight, cancel_transcodes, enqueue};

use crate::ApiState;
use crate::access::{VisibleClip, find_own, require_open};

/// Tries a failed clip again, if trying again may succeed; what it is then.
pub(crate) async fn retry_clip(api: &ApiState, owner: &SessionHolder, id: &PublicId) -> Result<VisibleClip> {
    require_open(owner)?;
    let mut tx = api.begin().await?;
    let clip_id = find_own(&mut tx, id, owner.account_id).await?.row.id;
    let work = find_newest_version(&mut tx, clip_id).await?.ok_or_else(not_retryable)?;
    // Jobs before versions before clips, as workers do; whatever is refused below takes it back.
    cancel_transcodes(&mut tx, work.version_id).await?;
    lock_version(&mut tx, work.version_id).await?;
    let held = hold_clip(&mut tx, clip_id).await?.ok_or_else(|| Problem::not_found("this clip was just deleted"))?;
    if held.processing != Processing::Failed {
        return Err(Problem::conflict("not_failed", "only a clip that failed can be tried again"));
    }
    if held.retries >= CLIP_RETRIES_MAX {
        let detail = format!("it was tried again {CLIP_RETRIES_MAX} times; export the clip anew and upload that");
        return Err(Problem::conflict("retries_exhausted", detail));
    }
    if !held.is_retryable {
        return Err(not_retryable());
    }
    restart_clip(&mut tx, clip_id, work.version_id).await?;
    let job = Job::TranscodeClip { clip_id, version_id: work.version_id };
    let weight = Weight::of_source(owner.account_id, u64::try_from(work.source_bytes).unwrap_or_default());
    enqueue(&mut tx, &job, weight, api.now(), api.entropy()).await?;
    let restarted = find_own(&mut tx, id, owner.account_id).await?;
    estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(restarted)
}

fn not_retryable() -> Problem {
    Problem::conflict("not_retryable", "trying again cannot help; upload the clip anew")
}

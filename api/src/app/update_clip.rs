use estrade_db::DbError;
use estrade_db::clip_changes::{ClipChanges, hold_clip, update_clip as update};
use estrade_db::clips::ClipRow;
use estrade_db::downloads::find_wanted;
use estrade_db::sessions::SessionHolder;
use estrade_domain::{Audience, PublicId};
use estrade_events::Event;
use estrade_http::{Problem, Result};
use estrade_jobs::{Job, Weight, enqueue, purge_copies};

use crate::ApiState;
use crate::access::{VisibleClip, find_own, require_open};

/// Changes a clip of its creator; what it is then. Whoever is suspended may hide clips, not
/// publish or share them.
pub(crate) async fn update_clip(
    api: &ApiState,
    owner: &SessionHolder,
    id: &PublicId,
    changes: &ClipChanges,
) -> Result<VisibleClip> {
    if changes.publish == Some(true) || changes.allow_download == Some(true) {
        require_open(owner)?;
    }
    let mut tx = api.begin().await?;
    let clip_id = find_own(&mut tx, id, owner.account_id).await?.row.id;
    hold_clip(&mut tx, clip_id).await?.ok_or_else(|| Problem::not_found("this clip was just deleted"))?;
    let before = find_own(&mut tx, id, owner.account_id).await?.row;
    update(&mut tx, clip_id, changes, api.now()).await?;
    if let Some(version_id) = find_wanted(&mut tx, clip_id).await? {
        let job = Job::MakeDownload { clip_id, version_id };
        enqueue(&mut tx, &job, Weight::light(owner.account_id), api.now(), api.entropy()).await?;
    }
    let found = find_own(&mut tx, id, owner.account_id).await?;
    if takes_back(&before, &found.row) {
        purge_copies(&mut tx, clip_id, api.now(), api.entropy()).await?;
    }
    estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(found)
}

/// Caches may hold what may not be fetched from them any more: they keep what needs no ticket.
fn takes_back(before: &ClipRow, after: &ClipRow) -> bool {
    let is_open = |clip: &ClipRow| matches!(clip.audience, Audience::Everyone | Audience::Link);
    is_open(before) && (!is_open(after) || (before.allow_download && !after.allow_download))
}

use estrade_db::DbError;
use estrade_db::clip_changes::{ClipChanges, hold_clip, update_clip as update};
use estrade_db::sessions::SessionHolder;
use estrade_domain::PublicId;
use estrade_events::Event;
use estrade_http::{Problem, Result};

use crate::ApiState;
use crate::access::{VisibleClip, find_own, require_open};

/// Changes a clip of its creator; what it is then. Whoever is suspended may hide clips, not publish them.
pub(crate) async fn update_clip(
    api: &ApiState,
    owner: &SessionHolder,
    id: &PublicId,
    changes: &ClipChanges,
) -> Result<VisibleClip> {
    if changes.publish == Some(true) {
        require_open(owner)?;
    }
    let mut tx = api.begin().await?;
    let clip_id = find_own(&mut tx, id, owner.account_id).await?.row.id;
    hold_clip(&mut tx, clip_id).await?.ok_or_else(|| Problem::not_found("this clip was just deleted"))?;
    update(&mut tx, clip_id, changes, api.now()).await?;
    let found = find_own(&mut tx, id, owner.account_id).await?;
    estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(found)
}

use estrade_db::{DbError, clip_changes, uploads};
use estrade_domain::{AccountId, PublicId};
use estrade_events::Event;
use estrade_http::Result;
use estrade_jobs::{Job, Weight, cancel_work_on, enqueue};

use crate::ApiState;
use crate::access::find_own;

/// Deletes a clip of its creator: nobody sees it from now on, its words are gone and nothing more is made of it. Its
/// media goes soon after.
pub(crate) async fn delete_clip(api: &ApiState, owner: AccountId, id: &PublicId) -> Result<()> {
    let now = api.now();
    let mut tx = api.begin().await?;
    let clip_id = find_own(&mut tx, id, owner).await?.row.id;
    if clip_changes::delete_clip(&mut tx, clip_id, now).await? {
        uploads::forget_words(&mut tx, &[clip_id]).await?;
        cancel_work_on(&mut tx, &[clip_id]).await?;
        enqueue(&mut tx, &Job::DeleteMedia { clip_id }, Weight::light(owner), now, api.entropy()).await?;
        estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
    }
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

use estrade_db::{DbError, captions};
use estrade_domain::text::Language;
use estrade_domain::{AccountId, PublicId};
use estrade_events::Event;
use estrade_http::{Problem, Result};
use estrade_jobs::purge_copies;

use crate::ApiState;
use crate::access::find_own;

/// Deletes the captions in one language of a clip of its creator.
pub(crate) async fn delete_captions(
    api: &ApiState,
    owner: AccountId,
    id: &PublicId,
    language: &Language,
) -> Result<()> {
    let mut tx = api.begin().await?;
    let clip_id = find_own(&mut tx, id, owner).await?.row.id;
    if !captions::delete_captions(&mut tx, clip_id, language.as_str()).await? {
        return Err(Problem::not_found("this clip has no captions in this language"));
    }
    purge_copies(&mut tx, clip_id, api.now(), api.entropy()).await?;
    estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

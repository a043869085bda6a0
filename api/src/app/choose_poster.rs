use bytes::Bytes;
use estrade_blobs::{BlobError, key};
use estrade_db::clip_changes::hold_clip;
use estrade_db::posters::{self, ChosenPoster, PickedMoment};
use estrade_db::sessions::SessionHolder;
use estrade_db::{DbError, PgConnection};
use estrade_domain::{AccountId, ClipId, PosterId, PublicId};
use estrade_events::Event;
use estrade_http::{Problem, Result};
use estrade_jobs::{Job, Weight, enqueue, purge_copies};
use image::ImageFormat;

use crate::ApiState;
use crate::access::{VisibleClip, find_own, require_open};

/// Picks a moment of a playable clip to be its poster, which is made soon after.
pub(crate) async fn pick_poster(
    api: &ApiState,
    owner: &SessionHolder,
    id: &PublicId,
    at_ms: u32,
) -> Result<VisibleClip> {
    require_open(owner)?;
    let mut tx = api.begin().await?;
    let clip_id = hold_own(&mut tx, id, owner.account_id).await?;
    let row = find_own(&mut tx, id, owner.account_id).await?.row;
    let media = row.media.ok_or_else(|| Problem::conflict("not_playable", "the clip has no pictures yet"))?;
    let at_ms = i32::try_from(at_ms).ok().filter(|at_ms| *at_ms < media.duration_ms).ok_or_else(|| {
        let detail = format!("the clip ends at {} ms", media.duration_ms);
        Problem::invalid_field("at_ms", "beyond_the_end", detail)
    })?;
    let now = api.now();
    let picked = PickedMoment { id: PosterId::new(now, api.entropy()), clip_id, at_ms };
    posters::insert_picked(&mut tx, &picked, now).await?;
    let job = Job::MakePoster { poster_id: picked.id, clip_id: Some(clip_id) };
    enqueue(&mut tx, &job, Weight::light(owner.account_id), now, api.entropy()).await?;
    finish(tx, id, owner.account_id, clip_id).await
}

/// Makes a picture that was sent the poster of a clip.
pub(crate) async fn send_poster(
    api: &ApiState,
    owner: &SessionHolder,
    id: &PublicId,
    format: ImageFormat,
    bytes: Bytes,
) -> Result<VisibleClip> {
    let picture = api.pictures.take(format, bytes).await?;
    let poster_id = PosterId::new(api.now(), api.entropy());
    let key = key::poster(id, poster_id, None);
    api.blobs.put(&key, "image/jpeg", picture.jpeg.into()).await.map_err(|error| storage_away(&error))?;
    let shown = show_sent(api, owner.account_id, id, poster_id, &picture.thumbhash).await;
    if shown.is_err() {
        delete_objects(api, id, vec![ChosenPoster { id: poster_id, token: None }]).await;
    }
    shown
}

async fn show_sent(
    api: &ApiState,
    owner: AccountId,
    id: &PublicId,
    poster_id: PosterId,
    thumbhash: &str,
) -> Result<VisibleClip> {
    let mut tx = api.begin().await?;
    let clip_id = hold_own(&mut tx, id, owner).await?;
    posters::insert_sent(&mut tx, poster_id, clip_id, thumbhash, api.now()).await?;
    let forgotten = posters::show_poster(&mut tx, clip_id, Some(poster_id)).await?;
    if !forgotten.is_empty() {
        purge_copies(&mut tx, clip_id, api.now(), api.entropy()).await?;
    }
    let found = finish(tx, id, owner, clip_id).await?;
    delete_objects(api, id, forgotten).await;
    Ok(found)
}

/// Goes back to the automatic poster.
pub(crate) async fn reset_poster(api: &ApiState, owner: &SessionHolder, id: &PublicId) -> Result<VisibleClip> {
    let mut tx = api.begin().await?;
    let clip_id = hold_own(&mut tx, id, owner.account_id).await?;
    let forgotten = posters::show_poster(&mut tx, clip_id, None).await?;
    if !forgotten.is_empty() {
        purge_copies(&mut tx, clip_id, api.now(), api.entropy()).await?;
    }
    let found = finish(tx, id, owner.account_id, clip_id).await?;
    delete_objects(api, id, forgotten).await;
    Ok(found)
}

async fn hold_own(conn: &mut PgConnection, id: &PublicId, owner: AccountId) -> Result<ClipId> {
    let clip_id = find_own(&mut *conn, id, owner).await?.row.id;
    hold_clip(conn, clip_id).await?.ok_or_else(|| Problem::not_found("this clip was just deleted"))?;
    Ok(clip_id)
}

/// What the clip is now, told to whoever follows it.
async fn finish(
    mut tx: estrade_db::Transaction,
    id: &PublicId,
    owner: AccountId,
    clip_id: ClipId,
) -> Result<VisibleClip> {
    let found = find_own(&mut tx, id, owner).await?;
    estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(found)
}

/// Posters nobody is shown any more; one that stays goes with its clip.
async fn delete_objects(api: &ApiState, clip: &PublicId, forgotten: Vec<ChosenPoster>) {
    for poster in forgotten {
        if let Err(error) = api.blobs.delete(&key::poster(clip, poster.id, poster.token)).await {
            tracing::warn!(error = %error, "a poster that was replaced stays in the object store");
        }
    }
}

fn storage_away(error: &BlobError) -> Problem {
    tracing::warn!(error = %error, "a poster could not be stored");
    Problem::unavailable("storage_unavailable", "the object store is not available at the moment")
}

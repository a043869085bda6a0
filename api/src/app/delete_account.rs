use estrade_db::clip_changes::delete_clips_of;
use estrade_db::sessions::{SessionHolder, delete_sessions_of};
use estrade_db::social::{delete_follows_of, delete_likes_of};
use estrade_db::{DbError, accounts, uploads};
use estrade_domain::text::Handle;
use estrade_events::Event;
use estrade_http::rate::Network;
use estrade_http::{Problem, Result};
use estrade_jobs::{Job, Weight, cancel_work_on, enqueue};

use crate::ApiState;
use crate::passwords::Verdict;

/// Deletes an account whose owner gave its password: sessions and clips are gone at once, the media
/// soon after.
pub(crate) async fn delete_account(
    api: &ApiState,
    owner: &SessionHolder,
    password: String,
    network: Network,
) -> Result<()> {
    check_password(api, owner, password, network).await?;
    let (id, now) = (owner.account_id, api.now());
    let mut tx = api.begin().await?;
    if !accounts::delete_account(&mut tx, id, now).await? {
        return Ok(());
    }
    delete_sessions_of(&mut tx, id).await?;
    delete_follows_of(&mut tx, id).await?;
    delete_likes_of(&mut tx, id).await?;
    let clips = delete_clips_of(&mut tx, id, now).await?;
    uploads::forget_words(&mut tx, &clips).await?;
    cancel_work_on(&mut tx, &clips).await?;
    for clip_id in clips {
        enqueue(&mut tx, &Job::DeleteMedia { clip_id }, Weight::light(id), now, api.entropy()).await?;
    }
    estrade_events::append(&mut tx, &Event::AccountChanged { account_id: id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

async fn check_password(api: &ApiState, owner: &SessionHolder, password: String, network: Network) -> Result<()> {
    let handle: Handle = owner.handle.parse().map_err(|_| DbError::corrupt("accounts", "handle", owner.account_id))?;
    api.attempts.password_of(&handle, network, api.now())?;
    let login = accounts::find_login(&mut *api.conn().await?, &handle).await?;
    let verdict = api.passwords.verify(password, login.map(|login| login.password_hash)).await?;
    if verdict == Verdict::Wrong {
        return Err(Problem::forbidden("wrong_password", "this is not the account's password"));
    }
    api.attempts.password_was_right(&handle, network);
    Ok(())
}

use estrade_db::sessions::SessionHolder;
use estrade_db::{DbError, social};
use estrade_domain::PublicId;
use estrade_events::Event;
use estrade_http::Result;

use crate::ApiState;
use crate::access::{find_visible, require_open};

/// Gives a like or takes it back; doing it twice changes nothing.
pub(crate) async fn set_like(
    api: &ApiState,
    account: &SessionHolder,
    id: &PublicId,
    is_liked: bool,
    is_profiled: bool,
) -> Result<()> {
    if is_liked {
        require_open(account)?;
    }
    let account_id = account.account_id;
    let mut tx = api.begin().await?;
    let clip_id = find_visible(&mut tx, id, Some(account_id)).await?.row.id;
    let has_changed = if is_liked {
        social::insert_like(&mut tx, account_id, clip_id, api.now()).await?
    } else {
        social::delete_like(&mut tx, account_id, clip_id).await?
    };
    if has_changed {
        let event = Event::LikeChanged { account_id, viewer_id: account.viewer_id, clip_id, is_liked, is_profiled };
        estrade_events::append(&mut tx, &event).await?;
    }
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

use estrade_db::sessions::SessionHolder;
use estrade_db::{DbError, social};
use estrade_events::Event;
use estrade_http::{Problem, Result};

use crate::ApiState;
use crate::access::{find_open_creator, require_open};

/// Follows a creator or no longer; doing it twice changes nothing.
pub(crate) async fn set_follow(
    api: &ApiState,
    follower: &SessionHolder,
    handle: &str,
    is_following: bool,
) -> Result<()> {
    if is_following {
        require_open(follower)?;
    }
    let account_id = follower.account_id;
    let mut tx = api.begin().await?;
    let creator_id = find_open_creator(&mut tx, handle, Some(account_id)).await?.id;
    if creator_id == account_id {
        return Err(Problem::invalid_field("handle", "yourself", "nobody follows themselves"));
    }
    let has_changed = if is_following {
        social::insert_follow(&mut tx, account_id, creator_id, api.now()).await?
    } else {
        social::delete_follow(&mut tx, account_id, creator_id).await?
    };
    if has_changed {
        let event = Event::FollowChanged { account_id, viewer_id: follower.viewer_id, creator_id, is_following };
        estrade_events::append(&mut tx, &event).await?;
    }
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

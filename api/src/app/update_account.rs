use estrade_db::DbError;
use estrade_db::accounts::{Account, AccountChanges, find_account, update_account as update};
use estrade_domain::AccountId;
use estrade_events::Event;
use estrade_http::{Problem, Result};

use crate::ApiState;

/// Changes an account; what it is then.
pub(crate) async fn update_account(api: &ApiState, id: AccountId, changes: &AccountChanges) -> Result<Account> {
    let mut tx = api.begin().await?;
    update(&mut tx, id, changes).await?;
    let account = find_account(&mut tx, id).await?;
    let account = account.ok_or_else(|| Problem::unauthorized("invalid_token", "this account was deleted"))?;
    estrade_events::append(&mut tx, &Event::AccountChanged { account_id: id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(account)
}

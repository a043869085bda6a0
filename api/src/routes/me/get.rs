use axum::extract::State;
use estrade_db::accounts::find_account;
use estrade_http::{Account, Json, Problem, Result};

use crate::ApiState;
use crate::wire::account::AccountBody;
use crate::wire::problems::Always;
use crate::wire::query::NoQuery;

/// Your account
#[utoipa::path(get, path = "/v1/me", tag = "accounts", security(("session" = [])),
    responses((status = 200, description = "Your account", body = AccountBody), Always))]
pub(crate) async fn get_me(State(api): State<ApiState>, Account(me): Account, _: NoQuery) -> Result<Json<AccountBody>> {
    let account = find_account(&mut *api.conn().await?, me.account_id).await?;
    let account = account.ok_or_else(|| Problem::unauthorized("invalid_token", "this account was deleted"))?;
    Ok(Json(account.into()))
}

use axum::extract::State;
use estrade_db::accounts::AccountChanges;
use estrade_http::{Account, Json, Result};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::app;
use crate::wire::account::AccountBody;
use crate::wire::field;
use crate::wire::patch::Patch;
use crate::wire::problems::{Always, WithBody};
use crate::wire::query::NoQuery;

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = AccountChanges)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateMeBody {
    /// Display name, 1–50 characters.
    #[schema(min_length = 1, max_length = 50, example = "Ada L.")]
    name: Option<String>,
    /// E-mail address; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 254, example = "ada@example.org")]
    email: Patch<String>,
    /// Language tag; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 35, example = "en")]
    language: Patch<String>,
    /// Whether feeds may learn from what you watch.
    profiling: Option<bool>,
}

impl UpdateMeBody {
    fn check(self) -> Result<AccountChanges> {
        Ok(AccountChanges {
            name: field::parse_given("name", self.name.as_deref())?,
            email: self.email.try_map(|email| field::check_email("email", &email).map(|()| email))?,
            language: self.language.try_map(|language| field::parse("language", &language))?,
            profiling: self.profiling,
        })
    }
}

/// Change your account
#[utoipa::path(patch, path = "/v1/me", tag = "accounts", security(("session" = [])), request_body = UpdateMeBody,
    responses((status = 200, description = "Your account as it is now", body = AccountBody), Always, WithBody))]
pub(crate) async fn update_me(
    State(api): State<ApiState>,
    Account(me): Account,
    _: NoQuery,
    Json(body): Json<UpdateMeBody>,
) -> Result<Json<AccountBody>> {
    let account = app::update_account(&api, me.account_id, &body.check()?).await?;
    Ok(Json(account.into()))
}

use axum::extract::State;
use axum::response::Response;
use estrade_domain::text::{self, DisplayName, Handle, Language};
use estrade_http::{Json, Result};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::access::SigningGuest;
use crate::app::{self, NewSignUp};
use crate::wire::account::{SessionBody, session_response};
use crate::wire::field;
use crate::wire::problems::{Always, Conflicting, Limited, WithBody};
use crate::wire::query::NoQuery;
use estrade_http::rate::Network;

/// What somebody signs up with.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewAccount)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAccountBody {
    /// 3–30 of `[a-z0-9_.]`; upper case is folded.
    #[schema(min_length = 3, max_length = 30, example = "ada")]
    handle: String,
    /// 10–256 characters.
    #[schema(min_length = 10, max_length = 256, example = "correct horse battery")]
    password: String,
    /// Display name, 1–50 characters; the handle when left out.
    #[schema(min_length = 1, max_length = 50, example = "Ada L.")]
    name: Option<String>,
    /// E-mail address.
    #[schema(max_length = 254, example = "ada@example.org")]
    email: Option<String>,
    /// Language tag.
    #[schema(min_length = 2, max_length = 35, example = "en")]
    language: Option<String>,
    /// Set the browser cookie and keep the token out of the body.
    #[serde(default)]
    cookie: bool,
}

impl CreateAccountBody {
    fn check(self, guest: SigningGuest) -> Result<NewSignUp> {
        let handle: Handle = field::parse("handle", &self.handle)?;
        text::check_password(&self.password).map_err(|error| field::refused("password", &error))?;
        let name: DisplayName = field::parse("name", self.name.as_deref().unwrap_or(handle.as_str()))?;
        if let Some(email) = &self.email {
            field::check_email("email", email)?;
        }
        let language: Option<Language> = field::parse_given("language", self.language.as_deref())?;
        Ok(NewSignUp { handle, password: self.password, name, email: self.email, language, guest: guest.0 })
    }
}

/// Sign up
///
/// Makes an account and opens a session. Sent by a guest (header `Estrade-Guest` or their cookie),
/// the guest's history goes along.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", request_body = CreateAccountBody,
    params(("Estrade-Guest" = Option<String>, Header, description = "A guest's token")),
    responses((status = 201, description = "Signed up", body = SessionBody), Always, WithBody, Limited, Conflicting))]
pub(crate) async fn create_account(
    State(api): State<ApiState>,
    network: Network,
    guest: SigningGuest,
    _: NoQuery,
    Json(body): Json<CreateAccountBody>,
) -> Result<Response> {
    let by_cookie = body.cookie;
    let new = body.check(guest)?;
    api.attempts.sign_up(network, api.now())?;
    let signed_in = app::create_account(&api, new).await?;
    Ok(session_response(&api.identity, signed_in, by_cookie))
}

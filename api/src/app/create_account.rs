use estrade_db::DbError;
use estrade_db::accounts::{HANDLE_TAKEN, NewAccount, insert_account};
use estrade_domain::text::{DisplayName, Handle, Language};
use estrade_domain::{AccountId, ViewerId};
use estrade_events::Event;
use estrade_http::{Problem, Result};

use super::SignedIn;
use super::open_session::sign_in;
use crate::ApiState;

/// What somebody signs up with, checked.
#[derive(Debug)]
pub(crate) struct NewSignUp {
    pub handle: Handle,
    pub password: String,
    pub name: DisplayName,
    pub email: Option<String>,
    pub language: Option<Language>,
    pub guest: Option<ViewerId>,
}

/// Makes an account with its viewer and signs it in; a guest's history goes along.
pub(crate) async fn create_account(api: &ApiState, new: NewSignUp) -> Result<SignedIn> {
    let password_hash = api.passwords.hash(new.password).await?;
    let now = api.now();
    let (account_id, viewer_id) = (AccountId::new(now, api.entropy()), ViewerId::new(now, api.entropy()));
    let account = NewAccount {
        id: account_id,
        viewer_id,
        public_id: &api.entropy().public_id(),
        handle: &new.handle,
        name: &new.name,
        email: new.email.as_deref(),
        language: new.language.as_ref().map(Language::as_str),
        password_hash: &password_hash,
        at: now,
    };
    let mut tx = api.begin().await?;
    insert_account(&mut tx, &account).await.map_err(|error| match error.constraint() {
        Some(HANDLE_TAKEN) => handle_taken(&new.handle),
        _ => error.into(),
    })?;
    let signed_in = sign_in(api, &mut tx, account_id, viewer_id, new.guest).await?;
    estrade_events::append(&mut tx, &Event::AccountChanged { account_id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(signed_in)
}

fn handle_taken(handle: &Handle) -> Problem {
    let detail = format!("the handle {handle} is taken");
    Problem::conflict("handle_taken", detail.clone()).with_field("handle", "taken", detail)
}

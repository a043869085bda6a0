//! What changes something: each function owns its transaction.

mod choose_poster;
mod create_account;
mod delete_account;
mod delete_captions;
mod delete_clip;
mod follow_creator;
mod like_clip;
mod open_session;
mod put_captions;
mod record_events;
mod report_clip;
mod retry_clip;
mod update_account;
mod update_clip;

pub(crate) use choose_poster::{pick_poster, reset_poster, send_poster};
pub(crate) use create_account::{NewSignUp, create_account};
pub(crate) use delete_account::delete_account;
pub(crate) use delete_captions::delete_captions;
pub(crate) use delete_clip::delete_clip;
pub(crate) use follow_creator::set_follow;
pub(crate) use like_clip::set_like;
pub(crate) use open_session::{Credentials, SignedIn, open_session};
pub(crate) use put_captions::{NewClipCaptions, put_captions};
pub(crate) use record_events::{Outcome, record_events};
pub(crate) use report_clip::{NewClipReport, report_clip};
pub(crate) use retry_clip::retry_clip;
pub(crate) use update_account::update_account;
pub(crate) use update_clip::update_clip;

//! Service: accounts, uploads, clips, playback, social, events over HTTP.

mod access;
mod app;
mod args;
mod attempts;
mod clip_streams;
mod limits;
mod media_removal;
mod passwords;
mod posters;
mod router;
mod routes;
mod shared_clip;
mod state;
mod uploads;
mod wire;

pub use args::Args;
pub use attempts::Attempts;
pub use clip_streams::ClipStreams;
pub use limits::Limits;
pub use media_removal::MediaRemoval;
pub use passwords::{PasswordCost, PasswordError, Passwords};
pub use posters::PictureDesk;
pub use router::{document, router};
pub use shared_clip::{SharedClip, find_shared_clip};
pub use state::{ApiState, count_unreadable_clips};
pub use uploads::{Setup as UploadSetup, UploadArgs, UploadError, Uploads};

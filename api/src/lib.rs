//! Service: accounts, uploads, clips, playback, social, events over HTTP.

mod access;
mod app;
mod args;
mod attempts;
mod clip_streams;
mod limits;
mod passwords;
mod router;
mod routes;
mod state;
mod wire;

pub use args::Args;
pub use attempts::Attempts;
pub use clip_streams::ClipStreams;
pub use limits::Limits;
pub use passwords::{PasswordCost, PasswordError, Passwords};
pub use router::router;
pub use state::ApiState;

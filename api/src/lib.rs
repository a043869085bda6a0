//! Service: accounts, uploads, clips, playback, social, events over HTTP.

mod router;
mod routes;
mod state;

pub use router::router;
pub use state::ApiState;

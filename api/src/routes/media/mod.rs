//! Playback: playlists from the database, segments and posters from the object store.

mod etag;
pub mod get;
mod range;

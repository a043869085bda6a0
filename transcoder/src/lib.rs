//! Service: a source becomes renditions.
//!
//! The parent plans and publishes and never parses media; a confined child process touches the file.
//!
//! - [`plan`]: what to make, as pure functions of what the probe saw
//! - [`loudness`]: how loud sound is and should be, as pure functions
//! - [`media`]: libav, in the child only
//! - [`package`]: fragmented MP4 and playlists as pure functions
//! - [`tone`]: high dynamic range brought down to ordinary screens, as pure functions
//! - [`sandbox`]: the child, its confinement, and the protocol
//! - [`worth`]: which clips get a second family, as pure functions of what is watched
//! - [`transcode_file`]: one source from file to published package

mod driver;
pub mod jobs;
pub mod loudness;
pub mod media;
pub mod package;
mod panics;
pub mod plan;
pub mod sandbox;
pub mod tone;
pub mod worth;

pub use driver::{
    ChunkReady, Options, Outcome, OutputFile, Resume, TranscodeError, TranscodeEvent, WAITING_EVENTS, check_sandbox,
    make_poster, transcode_file,
};
pub use sandbox::{CHILD_ARGUMENT, child_main};

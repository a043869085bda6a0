//! The jobs: fetch the source, let the child work, store and publish chunk by chunk; posters and files
//! to share beside.

mod args;
mod attempt;
mod begin;
mod download;
mod extras;
mod family;
mod handler;
mod keeper;
mod metrics;
mod orders;
mod publish;
mod rest;

pub use args::Args;
pub use extras::ExtrasHandler;
pub use handler::TranscodeHandler;
pub use metrics::TranscoderMetrics;
pub use orders::clip_of_day;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Makes the folder for work in progress, and empties it: what a dead process left is worth nothing.
pub fn empty_work_dir(dir: &Path) -> io::Result<()> {
    if dir.exists() {
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
        }
    }
    std::fs::create_dir_all(dir)?;
    // Sources lie here while they are worked on: nobody else on this machine may read them.
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
}

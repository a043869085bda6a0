//! What the child may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds on the child, set by itself before it opens the file, and on time by the parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildLimits {
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// Processor time, in seconds.
    pub cpu_secs: u64,
    /// Largest file it may write, in bytes.
    pub file_bytes: u64,
    /// Open files.
    pub open_files: u64,
    /// Time from start to end.
    pub wall: Duration,
    /// Time without a word from it.
    pub silence: Duration,
}

impl Default for ChildLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 3 << 30,
            cpu_secs: 3600,
            file_bytes: 64 << 20,
            open_files: 64,
            wall: Duration::from_hours(1),
            silence: Duration::from_mins(2),
        }
    }
}

/// Which layers must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confinement {
    /// All of them, or the child refuses to work.
    Required,
    /// The operator has accepted that the kernel lacks Landlock or seccomp; what it has is used.
    BestEffort,
}

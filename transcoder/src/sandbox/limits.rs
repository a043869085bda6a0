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
    /// Bytes of all files that lie in its folder at one time, without the source. The parent holds these two.
    pub output_bytes: u64,
    /// Files and folders that lie in its folder at one time.
    pub output_files: u64,
    /// Open files. Of those that are stored and removed it can hold so many, and they take room nobody sees.
    pub open_files: u64,
    /// Tasks that our user may have on the whole machine when the child starts a thread. Processes are impossible
    /// already (seccomp lets threads through and nothing else), and the system counts all tasks of a user and none of
    /// root's, so this is no measure of the child: it only keeps a bomb of threads from taking the last place.
    pub tasks: u64,
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
            output_bytes: 2 << 30,
            output_files: 10_000,
            open_files: 32,
            tasks: 4096,
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
    /// One layer or none: tests see what each is worth by itself. The child says that the others are missing.
    Alone(Option<Layer>),
}

/// What the child puts around itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// No capabilities, whoever starts it: some of them lift limits.
    Capabilities,
    /// Bounds on memory, processor, files and tasks.
    Limits,
    /// No files but those of the job, no programs, no TCP.
    Landlock,
    /// No system calls that a decoder does not need.
    Seccomp,
}

impl Layer {
    /// All of them, in the order in which they are put on: the last ones forbid what the first ones need.
    pub const ALL: [Self; 4] = [Self::Capabilities, Self::Limits, Self::Landlock, Self::Seccomp];

    /// Kernels exist that lack it, which an operator may accept.
    pub(super) fn may_be_lacking(self) -> bool {
        matches!(self, Self::Landlock | Self::Seccomp)
    }
}

impl Confinement {
    /// The layer is to be put on.
    pub(super) fn wants(self, layer: Layer) -> bool {
        match self {
            Self::Required | Self::BestEffort => true,
            Self::Alone(only) => only == Some(layer),
        }
    }
}

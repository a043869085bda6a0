//! What parent and child say to each other: one JSON value a line.

use serde::{Deserialize, Serialize};

use crate::{
    media::{PosterReport, Stats},
    package::ChunkFacts,
    plan::{Limits, Look, MediaInfo, Refusal, TranscodePlan},
};

/// Longest line either side reads.
pub const MAX_LINE_BYTES: usize = 256 << 10;

/// From the parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// Say what the source is.
    Probe {
        /// Bounds on the source.
        limits: Limits,
    },
    /// Look at a few pictures of it.
    Look {
        /// What would be made without a look.
        plan: Box<TranscodePlan>,
        /// Bounds that hold while decoding.
        limits: Limits,
    },
    /// Make renditions of it.
    Transcode {
        /// What to make.
        plan: Box<TranscodePlan>,
        /// Bounds that hold while decoding.
        limits: Limits,
        /// First chunk to make.
        first_chunk: usize,
        /// Make a poster too.
        wants_poster: bool,
    },
    /// Make a poster of one moment.
    Poster {
        /// The plan of the clip.
        plan: Box<TranscodePlan>,
        /// Bounds that hold while decoding.
        limits: Limits,
        /// The picture of the grid.
        slot: u64,
    },
    /// Try what must not be possible, and tell.
    TryToEscape,
    /// Take more than is allowed: what a taken-over decoder could do to the machine. For tests.
    Misbehave {
        /// How.
        misdeed: Misdeed,
    },
}

/// A way to take more than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misdeed {
    /// Use memory without end.
    FillMemory,
    /// Write a file without end.
    FillDisk,
    /// Use the processor without end.
    Spin,
    /// Open files without end.
    OpenFiles,
}

/// From the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Confined and waiting; with the layers that are missing.
    Ready {
        /// Why each missing layer could not be put on.
        missing: Vec<String>,
    },
    /// What the source is.
    Probed {
        /// The facts.
        info: Box<MediaInfo>,
    },
    /// What a few pictures say about the source.
    Looked {
        /// The figures.
        look: Look,
    },
    /// The source is none we make a clip of.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// That many pictures of the grid are on their way.
    Progress {
        /// Pictures.
        frames: u64,
    },
    /// The poster is written.
    Poster {
        /// Where and what.
        poster: PosterReport,
    },
    /// A chunk is written.
    Chunk {
        /// Its files.
        chunk: ChunkFacts,
    },
    /// All chunks are written.
    Finished {
        /// Figures of the run.
        stats: Stats,
    },
    /// The pictures cannot be repackaged; they can still be encoded.
    NotRepackaged {
        /// What decoding them showed, for operators.
        detail: String,
    },
    /// It did not work, for a reason that is not the source's.
    Failed {
        /// What happened, for operators.
        detail: String,
    },
    /// What could be done that should not be possible.
    Escaped {
        /// The attempts.
        report: SandboxReport,
    },
}

/// How the sandbox held up against attempts to get out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxReport {
    /// What was tried.
    pub attempts: Vec<Attempt>,
}

/// One attempt to get out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was tried.
    pub what: String,
    /// It was refused, as it should be.
    pub refused: bool,
}

impl SandboxReport {
    /// Everything was refused.
    pub fn holds(&self) -> bool {
        !self.attempts.is_empty() && self.attempts.iter().all(|attempt| attempt.refused)
    }
}

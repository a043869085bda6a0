//! What a run tells on its way.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{
    media::{PosterReport, StageTimes},
    package::ChunkFacts,
    plan::{Ladder, TranscodePlan},
    sandbox::Usage,
};

/// What happens on the way. Dropping the receiver ends the work.
#[derive(Debug)]
pub enum TranscodeEvent {
    /// The source is understood; keep the plan for a resume.
    Planned(Box<TranscodePlan>),
    /// The source was looked into, and this took so long.
    Probed(Duration),
    /// The plan is a new one, and this became of its ladder after a look at the source.
    Looked(Ladder),
    /// Share of the clip that is on its way, 0 to 1.
    Progress(f64),
    /// The poster lies in the work folder, checked.
    Poster(PosterReport, OutputFile),
    /// A chunk lies in the work folder, checked. Its files may be removed once they are stored.
    Chunk(Box<ChunkReady>),
}

/// A chunk to store and publish.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkReady {
    /// What a resume needs to know of it.
    pub facts: ChunkFacts,
    /// Its files, relative to the work folder and to where they are stored.
    pub files: Vec<OutputFile>,
    /// Where the time of the run had gone by then, in the child's words.
    pub stages: StageTimes,
    /// What the child had used by then.
    pub usage: Option<Usage>,
}

/// A file to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its name, such as `v540/s00000.m4s`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its media type.
    pub content_type: &'static str,
    /// SHA-256 of the bytes that were checked: the child still lives and could write others since.
    pub sha256: [u8; 32],
}

impl OutputFile {
    /// Whether these are the bytes that were checked.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        <[u8; 32]>::from(Sha256::digest(bytes)) == self.sha256
    }
}

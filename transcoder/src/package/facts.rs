//! What the child reports about the files it wrote, and how these files are called.

use serde::{Deserialize, Serialize};

/// Folder and name of the audio rendition.
pub const AUDIO_RENDITION: &str = "audio";
/// Name of the initialisation segment in a rendition's folder.
pub const INIT_FILE: &str = "init.mp4";

/// Name of the playlist of a rendition's key pictures.
pub const KEYS_PLAYLIST_FILE: &str = "keys.m3u8";

/// Name of a media segment in a rendition's folder.
pub fn segment_file(index: usize) -> String {
    format!("s{index:05}.m4s")
}

/// An initialisation segment that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitReport {
    /// The rendition, such as `v540` or `audio`.
    pub rendition: String,
    /// Codec string from the bitstream.
    pub codecs: String,
    /// Size of the initialisation segment.
    pub bytes: u64,
    /// SHA-256 of it, as the parent read it: segments of two runs can only be played together when they agree. None
    /// before it was read, and in what was stored before this was noted.
    #[serde(default)]
    pub sha256: Option<[u8; 32]>,
}

impl InitReport {
    /// Whether segments that need this one can be played with the other.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let same_bytes = match (self.sha256, other.sha256) {
            (Some(own), Some(others)) => own == others,
            _ => true,
        };
        same_bytes && (&self.rendition, &self.codecs, self.bytes) == (&other.rendition, &other.codecs, other.bytes)
    }
}

/// A chunk that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkFacts {
    /// Index of the chunk in the plan.
    pub index: usize,
    /// Initialisation segments, the same in every chunk.
    pub inits: Vec<InitReport>,
    /// Sizes of the media segments per rendition, in the order of the plan.
    pub renditions: Vec<RenditionChunk>,
    /// Size of the sheet with its storyboard pictures; none when no second begins in it.
    #[serde(default)]
    pub sheet_bytes: Option<u64>,
    /// Size of the animated preview, if it is made of this chunk.
    #[serde(default)]
    pub preview_bytes: Option<u64>,
}

/// The media segments of one rendition in a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenditionChunk {
    /// The rendition, such as `v540` or `audio`.
    pub rendition: String,
    /// Bytes of each segment.
    pub segment_bytes: Vec<u64>,
    /// Bytes of each segment of pictures up to the end of its key picture. The parent notes it when it
    /// checks the files; chunks of old and sound have none.
    #[serde(default)]
    pub key_bytes: Vec<u64>,
}

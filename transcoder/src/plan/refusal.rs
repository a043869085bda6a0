//! Why a source does not become a clip.

use serde::{Deserialize, Serialize};

/// A verdict on a source that trying again will not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Refusal {
    /// Stable code for clients.
    pub code: RefusalCode,
    /// What an operator wants to know beyond the code.
    pub detail: String,
}

impl Refusal {
    /// A refusal with its detail for operators.
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The sentence the creator reads.
    pub fn message(&self) -> &'static str {
        self.code.message()
    }
}

/// The closed list of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Nothing in the file.
    Empty,
    /// More bytes than we take.
    FileTooLarge,
    /// None of the containers we read.
    NotAVideo,
    /// Sound or pictures only, or a single still.
    NoVideoStream,
    /// A codec that is not on our list.
    UnsupportedCodec,
    /// Longer than a clip may be.
    TooLong,
    /// More pixels than we decode.
    TooLarge,
    /// Smaller than anything watchable.
    TooSmall,
    /// More pictures than its duration justifies.
    TooManyFrames,
    /// More streams than a camera writes.
    TooManyStreams,
    /// Broken off or corrupted.
    Damaged,
    /// Needs a key.
    Encrypted,
}

impl RefusalCode {
    /// Every code, for documentation and tests.
    pub const ALL: [Self; 12] = [
        Self::Empty,
        Self::FileTooLarge,
        Self::NotAVideo,
        Self::NoVideoStream,
        Self::UnsupportedCodec,
        Self::TooLong,
        Self::TooLarge,
        Self::TooSmall,
        Self::TooManyFrames,
        Self::TooManyStreams,
        Self::Damaged,
        Self::Encrypted,
    ];

    /// The code as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::FileTooLarge => "file_too_large",
            Self::NotAVideo => "not_a_video",
            Self::NoVideoStream => "no_video_stream",
            Self::UnsupportedCodec => "unsupported_codec",
            Self::TooLong => "too_long",
            Self::TooLarge => "too_large",
            Self::TooSmall => "too_small",
            Self::TooManyFrames => "too_many_frames",
            Self::TooManyStreams => "too_many_streams",
            Self::Damaged => "damaged",
            Self::Encrypted => "encrypted",
        }
    }

    /// What happened and what to do, for the creator.
    pub fn message(self) -> &'static str {
        match self {
            Self::Empty => "The file is empty. Please choose the video again.",
            Self::FileTooLarge => "The file is too big. Please export the clip with a lower quality setting.",
            Self::NotAVideo => "This file is not a video we can read. Please upload an MP4, MOV, WebM or MKV file.",
            Self::NoVideoStream => "The file has no moving picture in it. Please upload a video.",
            Self::UnsupportedCodec => "The video uses a format we do not support. Please export it as H.264 or HEVC.",
            Self::TooLong => "The clip is longer than allowed. Please shorten it and upload it again.",
            Self::TooLarge => "The picture has too many pixels. Please export the clip in 8K or smaller.",
            Self::TooSmall => "The picture is too small to be shown.",
            Self::TooManyFrames => {
                "The clip has too many pictures per second. Please export it at 60 per second or fewer."
            }
            Self::TooManyStreams => {
                "The file has too many tracks. Please export it with one video and one audio track."
            }
            Self::Damaged => "The file is damaged or was cut off. Please upload it again, or export it anew.",
            Self::Encrypted => "The video is copy-protected, so we cannot process it.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_refusal_is_the_same_in_json_and_in_text() {
        for code in RefusalCode::ALL {
            let json = serde_json::to_string(&code).expect("a unit variant serialises");
            assert_eq!(json, format!("\"{}\"", code.as_str()));
        }
    }

    #[test]
    fn every_refusal_has_a_sentence_for_the_creator() {
        for code in RefusalCode::ALL {
            assert!(code.message().ends_with('.') && code.message().len() > 20);
        }
    }
}

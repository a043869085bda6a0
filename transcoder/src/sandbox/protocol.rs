//! What parent and child say to each other: one JSON value a line.

use serde::{Deserialize, Serialize};

use crate::{
    media::{PosterReport, StageTimes, Stats},
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
        /// Make a poster too that ranks above this, which is 0 where there is none yet.
        poster_over: Option<u64>,
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
    /// Write files without end, none of them large.
    FillFolder,
    /// Write empty files without end.
    ManyFiles,
    /// Use the processor without end.
    Spin,
    /// Open files without end.
    OpenFiles,
}

/// From the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Confined and waiting.
    Ready {
        /// Why each missing layer could not be put on.
        missing: Vec<String>,
        /// What an older kernel's Landlock leaves to the filter of system calls alone.
        #[serde(default)]
        gaps: Vec<String>,
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
        /// Where the time of the run went so far.
        #[serde(default)]
        stages: StageTimes,
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
    /// What an older kernel's Landlock leaves to the filter of system calls alone.
    #[serde(default)]
    pub gaps: Vec<String>,
}

/// One attempt to get out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was tried.
    pub what: String,
    /// It was refused, as it should be.
    pub refused: bool,
}

/// Longest text of the child's that is kept.
const MOST_TEXT_CHARS: usize = 500;

impl Event {
    /// Reads a line of the child's. Its words end in rows and logs, so control characters become blanks and what is long
    /// is cut.
    pub(super) fn read(line: &[u8]) -> Result<Self, serde_json::Error> {
        let mut event: Self = serde_json::from_slice(line)?;
        match &mut event {
            Self::Ready { missing, gaps } => missing.iter_mut().chain(gaps).for_each(make_plain),
            Self::Refused { refusal } => make_plain(&mut refusal.detail),
            Self::NotRepackaged { detail } | Self::Failed { detail } => make_plain(detail),
            Self::Escaped { report } => report.attempts.iter_mut().for_each(|attempt| make_plain(&mut attempt.what)),
            Self::Probed { .. }
            | Self::Looked { .. }
            | Self::Progress { .. }
            | Self::Poster { .. }
            | Self::Chunk { .. }
            | Self::Finished { .. } => {}
        }
        Ok(event)
    }
}

fn make_plain(text: &mut String) {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    *text = text.chars().take(MOST_TEXT_CHARS).map(plain).collect();
}

impl SandboxReport {
    /// Everything was refused.
    pub fn holds(&self) -> bool {
        !self.attempts.is_empty() && self.attempts.iter().all(|attempt| attempt.refused)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::{InitReport, RenditionChunk};
    use crate::plan::RefusalCode;

    fn chunk() -> impl Strategy<Value = ChunkFacts> {
        let sizes = prop::collection::vec(any::<u64>(), 0..6);
        let rendition = (".{0,12}", sizes.clone(), sizes)
            .prop_map(|(rendition, segment_bytes, key_bytes)| RenditionChunk { rendition, segment_bytes, key_bytes });
        let init = (".{0,12}", ".{0,20}", any::<u64>(), any::<Option<[u8; 32]>>())
            .prop_map(|(rendition, codecs, bytes, sha256)| InitReport { rendition, codecs, bytes, sha256 });
        let lists = (prop::collection::vec(init, 0..4), prop::collection::vec(rendition, 0..4));
        (any::<usize>(), lists, any::<Option<u64>>(), any::<Option<u64>>()).prop_map(
            |(index, (inits, renditions), sheet_bytes, preview_bytes)| ChunkFacts {
                index,
                inits,
                renditions,
                sheet_bytes,
                preview_bytes,
            },
        )
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            chunk().prop_map(|chunk| Event::Chunk { chunk, stages: StageTimes::default() }),
            any::<u64>().prop_map(|frames| Event::Progress { frames }),
            "[ -~]{0,80}".prop_map(|detail| Event::Failed { detail }),
            "[ -~]{0,80}".prop_map(|detail| Event::Refused { refusal: Refusal::new(RefusalCode::Damaged, detail) }),
            Just(Event::Finished { stats: Stats::default() }),
            (".{0,20}", any::<[u32; 2]>(), any::<[u64; 2]>(), prop::collection::vec(any::<u8>(), 0..70)).prop_map(
                |(file, [width, height], [bytes, rank], thumbhash)| Event::Poster {
                    poster: PosterReport { file, width, height, bytes, thumbhash, rank }
                }
            ),
        ]
    }

    #[test]
    fn words_of_the_child_are_short_and_plain() {
        let long = format!("a\u{0}b\n{}", "x".repeat(5000));
        let line = serde_json::to_vec(&Event::Failed { detail: long }).expect("a line");
        let Ok(Event::Failed { detail }) = Event::read(&line) else { panic!("another event") };
        assert!(detail.starts_with("a b x") && detail.chars().count() == MOST_TEXT_CHARS);
    }

    proptest! {
        #[test]
        fn what_is_said_is_understood(event in event()) {
            let line = serde_json::to_vec(&event).expect("a line");
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(Event::read(&line).expect("an event"), event);
        }

        #[test]
        fn no_line_makes_the_reader_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..300), event in event(), at: prop::sample::Index, value: u8
        ) {
            let _ = Event::read(&bytes);
            let mut line = serde_json::to_vec(&event).expect("a line");
            let at = at.index(line.len());
            line[at] = value;
            let _ = Event::read(&line);
            let _ = Event::read(&line[..at]);
        }

        #[test]
        fn nesting_has_an_end(depth in 1usize..60_000) {
            let line = format!("{}{}", r#"{"event":"probed","info":"#, "[".repeat(depth));
            prop_assert!(Event::read(line.as_bytes()).is_err());
        }
    }
}

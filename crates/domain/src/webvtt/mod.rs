//! Captions: `WebVTT` and `SubRip` as people send them, and the one canonical text that is kept and served.
//!
//! Reading follows the parsing rules of the `WebVTT` specification: comments, style sheets and regions
//! are left out, unknown tags and settings too, their text stays. Where a player would silently drop
//! what somebody wrote, this refuses the file instead and names the line. What comes out is written
//! anew from values, so nothing of a file is ever served that is not understood here.

mod blocks;
mod cue_text;
mod entity;
mod settings;
mod tag;
mod time;

#[cfg(test)]
mod tests;

use std::fmt;

use cue_text::CueText;
use settings::Settings;
use time::Timestamp;

use crate::limits::{CAPTIONS_KEPT_MAX_BYTES, CAPTIONS_MAX_BYTES};

/// Faults of one file that are told.
pub const FAULTS_MAX: usize = 20;
/// What a file begins with. The second line places it on the time line of HLS media (RFC 8216 §3.5),
/// which begins at zero; browsers pass over it.
const HEADER: &str = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n";

/// How captions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `WebVTT`.
    WebVtt,
    /// `SubRip`, the `.srt` of old.
    SubRip,
}

/// Captions that can be served: cues in the order of their beginnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captions {
    cues: Vec<Cue>,
}

/// Text on the screen for a while; times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cue {
    start_ms: u64,
    end_ms: u64,
    settings: Settings,
    text: CueText,
}

/// Why a file was refused, by line; `code` is stable, `detail` is a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Number of the line, from one.
    pub line: usize,
    /// Stable code in snake case.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
}

impl Fault {
    fn new(line: usize, code: &'static str, detail: impl Into<String>) -> Self {
        Self { line, code, detail: detail.into() }
    }
}

impl Captions {
    /// Reads a file whose cues end by `end_max_ms`; else what is wrong with it, at most [`FAULTS_MAX`] faults.
    pub fn parse(bytes: &[u8], format: Format, end_max_ms: u64) -> Result<Self, Vec<Fault>> {
        let text = decode(bytes).map_err(|fault| vec![fault])?;
        blocks::check_bounds(text).map_err(|fault| vec![fault])?;
        let captions = Self::read(text, format, end_max_ms)?;
        if captions.cues.is_empty() {
            return Err(vec![Fault::new(1, "no_cues", "there is no text with a time in this file")]);
        }
        if captions.to_string().len() > CAPTIONS_KEPT_MAX_BYTES {
            return Err(vec![Fault::new(1, "too_large", "there is too much markup in this file")]);
        }
        Ok(captions)
    }

    /// Reads what was written by this module, in which lines may be longer than in what people send.
    pub fn reread(text: &str) -> Result<Self, Vec<Fault>> {
        Self::read(text, Format::WebVtt, u64::MAX)
    }

    fn read(text: &str, format: Format, end_max_ms: u64) -> Result<Self, Vec<Fault>> {
        let mut cues = blocks::read(text, format, end_max_ms)?;
        cues.sort_by_key(|cue| cue.start_ms);
        Ok(Self { cues })
    }

    /// The cues seen between two times, each with its whole time, as a segment of HLS has them.
    #[must_use]
    pub fn between(&self, start_ms: u64, end_ms: u64) -> Self {
        let is_seen = |cue: &&Cue| cue.start_ms < end_ms && cue.end_ms > start_ms;
        Self { cues: self.cues.iter().filter(is_seen).cloned().collect() }
    }

    /// How many cues there are.
    pub fn count(&self) -> usize {
        self.cues.len()
    }
}

/// UTF-8 of a bounded size, without a byte order mark.
fn decode(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.len() > CAPTIONS_MAX_BYTES {
        return Err(Fault::new(1, "too_large", format!("a file has at most {CAPTIONS_MAX_BYTES} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        Fault::new(
            blocks::lines(&before).count(),
            "not_utf8",
            "this is not UTF-8 text; save the file with that encoding",
        )
    })?;
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

/// An empty line follows every cue, so that players may read segments one after the other as one text.
impl fmt::Display for Captions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        for cue in &self.cues {
            let (start, end) = (Timestamp(cue.start_ms), Timestamp(cue.end_ms));
            writeln!(f, "{start} --> {end}{}\n{}\n", cue.settings, cue.text)?;
        }
        Ok(())
    }
}

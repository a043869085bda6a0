//! Lines become blocks, blocks with an arrow become cues.

use super::cue_text::CueText;
use super::settings::Settings;
use super::time::{self, Timestamp};
use super::{Cue, FAULTS_MAX, Fault, Format};
use crate::limits::{CAPTIONS_LINE_MAX_BYTES, CAPTIONS_LINES_MAX, CUE_LINES_MAX, CUE_MAX_CHARS, CUES_MAX};

const ARROW: &str = "-->";

/// The lines of a text, however they end.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let break_len = if text[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[end + break_len..]);
        Some(&text[..end])
    })
}

/// The cues of a text, in its order.
pub(super) fn read(text: &str, format: Format, end_max_ms: u64) -> Result<Vec<Cue>, Vec<Fault>> {
    let lines = lines(text).collect();
    let mut reader = Reader { lines, at: 0, format, end_max_ms, cues: Vec::new(), faults: Vec::new() };
    if format == Format::WebVtt {
        reader.pass_header().map_err(|fault| vec![fault])?;
    }
    while reader.at < reader.lines.len() && reader.faults.len() < FAULTS_MAX {
        reader.read_block();
    }
    if reader.faults.is_empty() { Ok(reader.cues) } else { Err(reader.faults) }
}

/// Refuses a text of too many or too long lines.
pub(super) fn check_bounds(text: &str) -> Result<(), Fault> {
    lines(text).enumerate().try_for_each(|(index, line)| {
        if index >= CAPTIONS_LINES_MAX {
            let detail = format!("a file has at most {CAPTIONS_LINES_MAX} lines");
            return Err(Fault::new(index + 1, "too_many_lines", detail));
        }
        if line.len() > CAPTIONS_LINE_MAX_BYTES {
            let detail = format!("a line has at most {CAPTIONS_LINE_MAX_BYTES} bytes");
            return Err(Fault::new(index + 1, "line_too_long", detail));
        }
        Ok(())
    })
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    /// Index of the next line.
    at: usize,
    format: Format,
    end_max_ms: u64,
    cues: Vec<Cue>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// The signature, and whatever stands below it up to an empty line or the first cue.
    fn pass_header(&mut self) -> Result<(), Fault> {
        let first = self.lines.first().copied().unwrap_or_default();
        let is_signed =
            first.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if !is_signed {
            return Err(Fault::new(1, "not_webvtt", "a WebVTT file begins with the word WEBVTT"));
        }
        self.at = 1;
        self.take_text();
        Ok(())
    }

    fn line(&self, index: usize) -> &'a str {
        self.lines.get(index).copied().unwrap_or_default()
    }

    /// The lines up to an empty one or one with an arrow, which belongs to the next block.
    fn take_text(&mut self) -> &[&'a str] {
        let start = self.at;
        while self.at < self.lines.len() && !self.line(self.at).is_empty() && !self.line(self.at).contains(ARROW) {
            self.at += 1;
        }
        &self.lines[start..self.at]
    }

    fn read_block(&mut self) {
        let start = self.at;
        if self.line(start).is_empty() {
            self.at += 1;
            return;
        }
        // A cue's times stand first, or second below its name.
        let has_name = !self.line(start).contains(ARROW);
        let timing = start + usize::from(has_name);
        if self.line(timing).contains(ARROW) {
            self.at = timing + 1;
            self.read_cue(timing);
            return;
        }
        self.take_text();
        if !self.is_passed_over(self.line(start)) {
            let detail = "this text has no time; the text of a cue has no empty line within it";
            self.faults.push(Fault::new(start + 1, "text_without_time", detail));
        }
    }

    /// Comments, style sheets and regions.
    fn is_passed_over(&self, first: &str) -> bool {
        let first = first.trim_end_matches([' ', '\t']);
        let is_comment = first == "NOTE" || first.starts_with("NOTE ") || first.starts_with("NOTE\t");
        self.format == Format::WebVtt && (is_comment || first == "STYLE" || first == "REGION")
    }

    fn read_cue(&mut self, timing: usize) {
        let source = self.take_text().join("\n");
        match self.make_cue(timing, &source) {
            Ok(Some(cue)) if self.cues.len() < CUES_MAX => self.cues.push(cue),
            Ok(Some(_)) => {
                self.faults.push(Fault::new(
                    timing + 1,
                    "too_many_cues",
                    format!("a file has at most {CUES_MAX} cues"),
                ));
                self.at = self.lines.len();
            }
            Ok(None) => {}
            Err(fault) => self.faults.push(fault),
        }
    }

    /// None when there is nothing to read in it.
    fn make_cue(&self, timing: usize, source: &str) -> Result<Option<Cue>, Fault> {
        let fault = |code, detail: String| Err(Fault::new(timing + 1, code, detail));
        let Some((start_ms, end_ms, settings)) = read_timing(self.line(timing), self.format) else {
            return fault("invalid_time", format!("a time is written like {}", example(self.format)));
        };
        if end_ms <= start_ms {
            return fault("ends_before_it_begins", "this cue ends before it begins".into());
        }
        if end_ms > self.end_max_ms {
            let detail =
                format!("this cue ends at {}, the clip before {}", Timestamp(end_ms), Timestamp(self.end_max_ms));
            return fault("after_the_end", detail);
        }
        let text = CueText::parse(source, start_ms, end_ms, self.format);
        if text.chars() > CUE_MAX_CHARS {
            return fault("cue_too_long", format!("a cue has at most {CUE_MAX_CHARS} characters"));
        }
        if text.line_count() > CUE_LINES_MAX {
            return fault("cue_too_tall", format!("a cue has at most {CUE_LINES_MAX} lines"));
        }
        let cue = Cue { start_ms, end_ms, settings, text };
        Ok(Some(cue).filter(|cue| cue.text.chars() > 0))
    }
}

fn example(format: Format) -> &'static str {
    match format {
        Format::WebVtt => "00:01.000 --> 00:02.500",
        Format::SubRip => "00:00:01,000 --> 00:00:02,500",
    }
}

fn read_timing(line: &str, format: Format) -> Option<(u64, u64, Settings)> {
    let blank = [' ', '\t', '\u{C}'];
    let (start_ms, rest) = time::take(line.trim_start_matches(blank), format)?;
    let rest = rest.trim_start_matches(blank).strip_prefix(ARROW)?;
    let (end_ms, rest) = time::take(rest.trim_start_matches(blank), format)?;
    let settings = match format {
        Format::WebVtt => Settings::parse(rest),
        // Coordinates in pixels of a picture long gone.
        Format::SubRip => Settings::default(),
    };
    Some((start_ms, end_ms, settings))
}

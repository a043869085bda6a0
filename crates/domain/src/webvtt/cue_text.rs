//! A cue's text: read by the tokeniser of the specification, cleaned, and written anew.
//!
//! The pieces are canonical: no empty span, no empty line, no space at the edge of a line, times that
//! only rise. So what is written reads as the same pieces again.

use std::fmt;

use super::tag::{Name, Tag};
use super::time::{self, Timestamp};
use super::{Format, entity};
use crate::text::{MARKS_MAX, is_bidi_control, is_mark, is_unassigned};

/// Tags within tags; deeper ones are left out, their text stays.
const DEPTH_MAX: usize = 8;

/// A cue's text in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CueText {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Open(Tag),
    Close(Name),
    /// What follows is said from this time on.
    Time(u64),
}

impl CueText {
    /// Reads the text of a cue that is seen between these times.
    pub(super) fn parse(source: &str, start_ms: u64, end_ms: u64, format: Format) -> Self {
        let mut builder = Builder { format, time_ms: start_ms, end_ms, ..Builder::default() };
        let mut rest = source;
        while let Some(c) = rest.chars().next() {
            rest = builder.take(c, rest);
        }
        builder.finish()
    }

    /// Characters to be read; white space alone is none.
    pub(super) fn chars(&self) -> usize {
        let count: usize = self.texts().map(|text| text.chars().count()).sum();
        if self.texts().all(|text| text.chars().all(char::is_whitespace)) { 0 } else { count }
    }

    pub(super) fn line_count(&self) -> usize {
        1 + self.texts().map(|text| text.matches('\n').count()).sum::<usize>()
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Pieces in the making. White space, tags and times wait until there is a character to go with.
#[derive(Debug)]
struct Builder {
    format: Format,
    pieces: Vec<Piece>,
    /// The tags that are open here; the first `opened` of them are among the pieces.
    tags: Vec<Tag>,
    opened: usize,
    blank: Option<char>,
    waiting_ms: Option<u64>,
    /// The last time mentioned; only later ones within the cue mean anything.
    time_ms: u64,
    end_ms: u64,
    marks: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            format: Format::WebVtt,
            pieces: Vec::new(),
            tags: Vec::new(),
            opened: 0,
            blank: None,
            waiting_ms: None,
            time_ms: 0,
            end_ms: 0,
            marks: 0,
        }
    }
}

impl Builder {
    /// Takes what begins with `c` off the front of `rest`.
    fn take<'a>(&mut self, c: char, rest: &'a str) -> &'a str {
        let after = &rest[c.len_utf8()..];
        match c {
            '<' if self.is_tag(after) => {
                let (inside, tail) = after.split_once('>').unwrap_or((after, ""));
                self.markup(inside);
                tail
            }
            // The commands of another format, such as {\an8}, that SubRip files are full of.
            '{' if self.format == Format::SubRip && after.starts_with('\\') => match after.split_once('}') {
                Some((_, tail)) => tail,
                None => after,
            },
            '&' => match entity::take(rest) {
                Some((referred, tail)) => {
                    self.character(referred);
                    tail
                }
                None => self.plain(c, after),
            },
            _ => self.plain(c, after),
        }
    }

    fn plain<'a>(&mut self, c: char, after: &'a str) -> &'a str {
        self.character(c);
        after
    }

    /// In `WebVTT` every `<` begins a tag; `SubRip` writes hearts with it.
    fn is_tag(&self, after: &str) -> bool {
        self.format == Format::WebVtt
            || (after.contains('>') && after.trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic()))
    }

    fn markup(&mut self, inside: &str) {
        if let Some(name) = inside.strip_prefix('/') {
            self.close(name.trim_matches([' ', '\t', '\n', '\u{C}']));
        } else if inside.starts_with(|c: char| c.is_ascii_digit()) {
            if let Some((ms, "")) = time::take(inside, Format::WebVtt) {
                self.time(ms);
            }
        } else if let Some(tag) = Tag::parse(inside, self.format) {
            self.open(tag);
        }
    }

    fn innermost(&self) -> Option<Name> {
        self.tags.last().map(|tag| tag.name)
    }

    fn open(&mut self, tag: Tag) {
        let is_placed = tag.name != Name::RubyText || self.innermost() == Some(Name::Ruby);
        if is_placed && self.tags.len() < DEPTH_MAX {
            self.tags.push(tag);
        }
    }

    /// Closes the innermost span, if that is what it is called; the end of a ruby ends its text too.
    fn close(&mut self, name: &str) {
        let Some(name) = Name::parse(name, self.format) else { return };
        if name == Name::Ruby && self.innermost() == Some(Name::RubyText) {
            self.pop();
        }
        if self.innermost() == Some(name) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(tag) = self.tags.pop()
            && self.opened > self.tags.len()
        {
            self.opened = self.tags.len();
            self.pieces.push(Piece::Close(tag.name));
        }
    }

    fn time(&mut self, ms: u64) {
        if ms > self.time_ms && ms < self.end_ms {
            self.time_ms = ms;
            self.waiting_ms = Some(ms);
        }
    }

    fn character(&mut self, c: char) {
        match c {
            '\n' => self.blank = Some('\n'),
            ' ' | '\t' => {
                self.blank.get_or_insert(' ');
            }
            '\0' => self.visible('\u{FFFD}'),
            _ if is_left_out(c) => {}
            _ => {
                self.marks = if is_mark(c) { self.marks + 1 } else { 0 };
                if self.marks <= MARKS_MAX {
                    self.visible(c);
                }
            }
        }
    }

    fn visible(&mut self, c: char) {
        if let Some(blank) = self.blank.take()
            && !self.pieces.is_empty()
        {
            self.append(blank);
        }
        if let Some(ms) = self.waiting_ms.take() {
            self.pieces.push(Piece::Time(ms));
        }
        for tag in &self.tags[self.opened..] {
            self.pieces.push(Piece::Open(tag.clone()));
        }
        self.opened = self.tags.len();
        self.append(c);
    }

    fn append(&mut self, c: char) {
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => self.pieces.push(Piece::Text(c.into())),
        }
    }

    fn finish(mut self) -> CueText {
        while !self.tags.is_empty() {
            self.pop();
        }
        CueText { pieces: self.pieces }
    }
}

/// Controls, what turns the direction of other people's text, and what no font has. The marks of
/// direction stay: text from right to left needs them.
fn is_left_out(c: char) -> bool {
    let is_direction_mark = matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}');
    c.is_control() || is_unassigned(c) || (is_bidi_control(c) && !is_direction_mark)
}

/// One line of bounded length, cleaned like a cue's text.
pub(super) fn clean_line(source: &str, chars_max: usize) -> String {
    let kept: String =
        source.chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|c| !is_left_out(*c) || *c == '\t').collect();
    let line = kept.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(chars_max).collect::<String>().trim_end_matches(' ').to_owned()
}

/// Text in which nothing is markup.
pub(super) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            _ => std::fmt::Write::write_char(f, c),
        })
    }
}

impl fmt::Display for CueText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => write!(f, "{}", Escaped(text)),
            Piece::Open(tag) => write!(f, "{tag}"),
            Piece::Close(name) => write!(f, "</{}>", name.as_str()),
            Piece::Time(ms) => write!(f, "<{}>", Timestamp(*ms)),
        })
    }
}

//! The tags that may stand in a cue's text.

use std::fmt;

use super::cue_text::{Escaped, clean_line};
use super::{Format, entity};
use crate::text::Language;

/// Classes of one tag.
const CLASSES_MAX: usize = 4;
/// Length of a class, bytes.
const CLASS_MAX_BYTES: usize = 32;
/// A speaker's name, characters.
const VOICE_MAX_CHARS: usize = 80;

/// What a tag is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Class,
    Bold,
    Italic,
    Underline,
    Ruby,
    RubyText,
    Voice,
    Lang,
}

impl Name {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Class => "c",
            Self::Bold => "b",
            Self::Italic => "i",
            Self::Underline => "u",
            Self::Ruby => "ruby",
            Self::RubyText => "rt",
            Self::Voice => "v",
            Self::Lang => "lang",
        }
    }

    /// `SubRip` knows the letters of HTML in either case, and nothing else.
    pub(super) fn parse(name: &str, format: Format) -> Option<Self> {
        match (name, format) {
            ("b", _) | ("B", Format::SubRip) => Some(Self::Bold),
            ("i", _) | ("I", Format::SubRip) => Some(Self::Italic),
            ("u", _) | ("U", Format::SubRip) => Some(Self::Underline),
            (_, Format::SubRip) => None,
            ("c", _) => Some(Self::Class),
            ("ruby", _) => Some(Self::Ruby),
            ("rt", _) => Some(Self::RubyText),
            ("v", _) => Some(Self::Voice),
            ("lang", _) => Some(Self::Lang),
            _ => None,
        }
    }
}

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: Name,
    classes: Vec<String>,
    /// Who speaks, or the language; empty for others.
    annotation: String,
}

impl Tag {
    /// Reads what stands between `<` and `>`; none when such a tag may not stand in a cue.
    pub(super) fn parse(inside: &str, format: Format) -> Option<Self> {
        let blank = [' ', '\t', '\n', '\u{C}'];
        let (head, rest) = inside.split_once(blank).unwrap_or((inside, ""));
        let mut parts = head.split('.');
        let name = Name::parse(parts.next()?, format)?;
        let classes = parts.filter(|class| is_class(class)).take(CLASSES_MAX).map(ToOwned::to_owned).collect();
        let annotation = match name {
            Name::Voice => Some(voice(rest)).filter(|name| !name.is_empty())?,
            Name::Lang => rest.trim_matches(blank).parse::<Language>().ok()?.into(),
            _ => String::new(),
        };
        Some(Self { name, classes, annotation })
    }
}

fn is_class(class: &str) -> bool {
    (1..=CLASS_MAX_BYTES).contains(&class.len())
        && class.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn voice(source: &str) -> String {
    let mut name = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let (c, tail) = entity::take(rest).filter(|_| c == '&').unwrap_or((c, &rest[c.len_utf8()..]));
        name.push(c);
        rest = tail;
    }
    clean_line(&name, VOICE_MAX_CHARS)
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name.as_str())?;
        for class in &self.classes {
            write!(f, ".{class}")?;
        }
        if !self.annotation.is_empty() {
            write!(f, " {}", Escaped(&self.annotation))?;
        }
        f.write_str(">")
    }
}

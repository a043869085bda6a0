//! Text people type, validated once: after that the type is the proof.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

use crate::limits::{CAPTION_MAX_CHARS, HANDLE_CHARS, HASHTAG_MAX_CHARS, HASHTAGS_MAX, NAME_MAX_CHARS, PASSWORD_CHARS};

/// Combining marks allowed on one character; scripts need up to three, tricks need many.
pub(crate) const MARKS_MAX: usize = 3;

/// Why a text was refused; `code` is stable, `detail` is a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct InvalidText {
    /// Stable code in snake case.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
}

fn refuse<T>(code: &'static str, detail: impl Into<String>) -> Result<T, InvalidText> {
    Err(InvalidText { code, detail: detail.into() })
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $parse:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidText;
            fn from_str(text: &str) -> Result<Self, InvalidText> { $parse(text).map(Self) }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;
            fn try_from(text: String) -> Result<Self, InvalidText> { text.parse() }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self { text.0 }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
    };
}

text!(
    /// A handle: 3–30 of `[a-z0-9_.]`, case folded, so unique without case.
    Handle, parse_handle
);
text!(
    /// A display name: 1–50 characters in NFC, without control, bidi or stacked-mark tricks.
    DisplayName, parse_name
);
text!(
    /// A caption: up to 2,200 characters in NFC; line breaks allowed, other controls not.
    Caption, parse_caption
);
text!(
    /// A hashtag without `#`: letters, digits, marks and `_`, lower case, 1–60 characters.
    Hashtag, parse_hashtag
);
text!(
    /// A language tag: the shape of BCP 47, such as `en` or `pt-BR`, 2–35 characters, in the usual case.
    Language, parse_language
);
text!(
    /// What a player calls captions, such as `English`: under the rules of names.
    CaptionsLabel, parse_captions_label
);

/// Checks a password's length (10–256 characters); nothing else is asked of it.
pub fn check_password(password: &str) -> Result<(), InvalidText> {
    let chars = password.chars().count();
    if chars < *PASSWORD_CHARS.start() {
        return refuse("too_short", format!("a password has at least {} characters", PASSWORD_CHARS.start()));
    }
    if chars > *PASSWORD_CHARS.end() {
        return refuse("too_long", format!("a password has at most {} characters", PASSWORD_CHARS.end()));
    }
    Ok(())
}

/// Parses a clip's hashtags: each valid, duplicates dropped, at most 30.
pub fn parse_hashtags<S: AsRef<str>>(tags: &[S]) -> Result<Vec<Hashtag>, InvalidText> {
    let mut parsed: Vec<Hashtag> = Vec::new();
    for tag in tags {
        let tag: Hashtag = tag.as_ref().parse()?;
        if !parsed.contains(&tag) {
            parsed.push(tag);
        }
    }
    if parsed.len() > HASHTAGS_MAX {
        return refuse("too_many", format!("a clip has at most {HASHTAGS_MAX} hashtags"));
    }
    Ok(parsed)
}

fn parse_handle(text: &str) -> Result<String, InvalidText> {
    let folded = text.to_ascii_lowercase();
    if !HANDLE_CHARS.contains(&folded.chars().count()) {
        return refuse(
            "wrong_length",
            format!("a handle has {} to {} characters", HANDLE_CHARS.start(), HANDLE_CHARS.end()),
        );
    }
    if !folded.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.') {
        return refuse("invalid_characters", "a handle has only letters a to z, digits, _ and .");
    }
    if folded.starts_with('.') || folded.ends_with('.') || folded.contains("..") {
        return refuse("misplaced_dot", "a dot in a handle stands between two other characters");
    }
    Ok(folded)
}

fn parse_name(text: &str) -> Result<String, InvalidText> {
    parse_short("a name", text)
}

fn parse_captions_label(text: &str) -> Result<String, InvalidText> {
    parse_short("a label", text)
}

fn parse_short(what: &str, text: &str) -> Result<String, InvalidText> {
    let name: String = text.trim().nfc().collect();
    bounded(what, &name, NAME_MAX_CHARS)?;
    if name.is_empty() {
        return refuse("empty", format!("{what} is not empty"));
    }
    plain(&name, false)?;
    if name.chars().all(|c| !is_visible(c)) {
        return refuse("invisible", format!("{what} has at least one visible character"));
    }
    Ok(name)
}

fn parse_caption(text: &str) -> Result<String, InvalidText> {
    let caption: String = text.replace("\r\n", "\n").trim().nfc().collect();
    bounded("a caption", &caption, CAPTION_MAX_CHARS)?;
    plain(&caption, true)?;
    Ok(caption)
}

fn parse_hashtag(text: &str) -> Result<String, InvalidText> {
    let tag: String = text.trim().trim_start_matches('#').to_lowercase().nfc().collect();
    if tag.is_empty() {
        return refuse("empty", "a hashtag is not empty");
    }
    bounded("a hashtag", &tag, HASHTAG_MAX_CHARS)?;
    if !tag.chars().all(|c| c.is_alphanumeric() || c == '_' || is_mark(c)) {
        return refuse("invalid_characters", "a hashtag has only letters, digits and _");
    }
    plain(&tag, false)?;
    Ok(tag)
}

fn parse_language(text: &str) -> Result<String, InvalidText> {
    let parts: Vec<&str> = text.split('-').collect();
    let is_primary = parts[0].len() >= 2 && parts[0].len() <= 3 && parts[0].bytes().all(|b| b.is_ascii_alphabetic());
    let are_subtags =
        parts[1..].iter().all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    if text.len() > 35 || !is_primary || !are_subtags {
        return refuse("not_a_language_tag", "a language is a tag such as en or pt-BR");
    }
    Ok(usual_case(&parts))
}

/// Case means nothing in a tag; this one is usual (RFC 5646 §2.1.1), and makes equal tags the same text.
fn usual_case(parts: &[&str]) -> String {
    let mut tag = parts[0].to_ascii_lowercase();
    for pair in parts.windows(2) {
        let mut part = pair[1].to_ascii_lowercase();
        match part.len() {
            2 if pair[0].len() > 1 => part.make_ascii_uppercase(),
            4 if pair[0].len() > 1 => part[..1].make_ascii_uppercase(),
            _ => {}
        }
        tag.push('-');
        tag.push_str(&part);
    }
    tag
}

/// Counts characters as people do (grapheme clusters) and bounds the bytes behind them too.
fn bounded(what: &str, text: &str, max: usize) -> Result<(), InvalidText> {
    // 16 bytes a character leave room for every flag and family emoji in ordinary text.
    if text.len() > max * 16 || text.graphemes(true).count() > max {
        return refuse("too_long", format!("{what} has at most {max} characters"));
    }
    Ok(())
}

/// Refuses control and bidi-override characters and towers of combining marks.
fn plain(text: &str, allow_lines: bool) -> Result<(), InvalidText> {
    let mut marks = 0;
    for c in text.chars() {
        let is_line = c == '\n' || c == '\t';
        if (c.is_control() && !(allow_lines && is_line)) || is_bidi_control(c) || is_unassigned(c) {
            return refuse("invalid_characters", format!("the character U+{:04X} is not allowed here", u32::from(c)));
        }
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > MARKS_MAX {
            return refuse("stacked_marks", format!("more than {MARKS_MAX} marks are stacked on one character"));
        }
    }
    Ok(())
}

pub(crate) fn is_mark(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark | GeneralCategory::SpacingMark
    )
}

fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !is_mark(c)
        && c.general_category() != GeneralCategory::Format
        && c != '\u{2800}'
        && c != '\u{3164}'
}

pub(crate) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

pub(crate) fn is_unassigned(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || matches!(c, '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code<T: std::str::FromStr<Err = InvalidText> + std::fmt::Debug>(text: &str) -> &'static str {
        text.parse::<T>().expect_err(text).code
    }

    #[test]
    fn handles_fold_case_and_refuse_everything_but_the_contract() {
        assert_eq!("Ada.L_7".parse::<Handle>().expect("valid").as_str(), "ada.l_7");
        assert_eq!(code::<Handle>("ab"), "wrong_length");
        assert_eq!(code::<Handle>(&"a".repeat(31)), "wrong_length");
        for bad in ["аda", "a da", "a-da", "ada\0", "ada/.", "ada\n"] {
            assert_eq!(code::<Handle>(bad), "invalid_characters", "{bad}");
        }
        for bad in [".ada", "ada.", "a..da"] {
            assert_eq!(code::<Handle>(bad), "misplaced_dot");
        }
    }

    #[test]
    fn names_refuse_tricks_and_keep_languages() {
        for good in ["Ada", "José", "山田太郎", "محمد", "नमस्ते", "O'Neil 🎬", "Việt"] {
            assert_eq!(good.parse::<DisplayName>().expect(good).as_str(), good.nfc().collect::<String>());
        }
        assert_eq!(code::<DisplayName>("a\u{202E}b"), "invalid_characters");
        assert_eq!(code::<DisplayName>("a\0b"), "invalid_characters");
        assert_eq!(code::<DisplayName>("a\nb"), "invalid_characters");
        assert_eq!(code::<DisplayName>("a\u{0300}\u{0301}\u{0302}\u{0303}\u{0304}"), "stacked_marks");
        assert_eq!(code::<DisplayName>("\u{200B}\u{200D}"), "invisible");
        assert_eq!(code::<DisplayName>("   "), "empty");
        assert_eq!(code::<DisplayName>(&"x".repeat(51)), "too_long");
    }

    #[test]
    fn captions_keep_lines_and_stay_bounded() {
        assert_eq!("one\r\ntwo".parse::<Caption>().expect("valid").as_str(), "one\ntwo");
        assert_eq!("".parse::<Caption>().expect("valid").as_str(), "");
        assert!("é".repeat(2200).parse::<Caption>().is_ok());
        assert_eq!(code::<Caption>(&"x".repeat(2201)), "too_long");
        assert_eq!(code::<Caption>("a\0b"), "invalid_characters");
    }

    #[test]
    fn hashtags_are_folded_and_deduplicated() {
        let tags = parse_hashtags(&["#Dance", "dance", "été"]).expect("valid");
        assert_eq!(tags.iter().map(Hashtag::as_str).collect::<Vec<_>>(), ["dance", "été"]);
        assert_eq!(code::<Hashtag>("two words"), "invalid_characters");
        let many: Vec<String> = (0..31).map(|n| format!("t{n}")).collect();
        assert_eq!(parse_hashtags(&many).expect_err("31").code, "too_many");
    }

    #[test]
    fn languages_have_the_shape_of_a_tag() {
        for (tag, usual) in
            [("pt-BR", "pt-BR"), ("EN-gb", "en-GB"), ("zh-hant-tw", "zh-Hant-TW"), ("EN-X-TW", "en-x-tw")]
        {
            assert_eq!(tag.parse::<Language>().expect("valid").as_str(), usual);
        }
        for bad in ["", "e", "english", "en_US", "en-", "é"] {
            assert_eq!(code::<Language>(bad), "not_a_language_tag", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_accepted_unchanged_again(text in ".{0,80}") {
            if let Ok(name) = text.parse::<DisplayName>() {
                prop_assert_eq!(name.as_str().parse::<DisplayName>().expect("stable"), name);
            }
            if let Ok(caption) = text.parse::<Caption>() {
                prop_assert_eq!(caption.as_str().parse::<Caption>().expect("stable"), caption);
            }
        }
    }
}

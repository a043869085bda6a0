//! Just enough reading of Rust to tell code, comments and literals apart.

use std::ops::Range;

/// What a byte of a source file belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// A Rust file, taken apart; all views keep the length and the lines of the file.
pub(super) struct RustSource<'a> {
    text: &'a str,
    kinds: Vec<Kind>,
}

impl<'a> RustSource<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, kinds: Lexer::new(text.as_bytes()).run() }
    }

    /// The code, with comments and the contents of literals blanked out.
    pub(super) fn code(&self) -> String {
        self.view(Kind::Code)
    }

    /// The code without modules that are compiled for tests only.
    pub(super) fn shipped_code(&self) -> String {
        let mut code = self.code();
        while let Some(region) = find_test_module(&code) {
            let blank = blank_out(&code[region.clone()]);
            code.replace_range(region, &blank);
        }
        code
    }

    /// The comments, with everything else blanked out.
    pub(super) fn comments(&self) -> String {
        self.view(Kind::Comment)
    }

    /// String and character literals that start in code where the other text has not been blanked.
    pub(super) fn literals_within(&self, code: &str) -> Vec<(usize, &'a str)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.kinds.len() {
            let length = self.kinds[at..].iter().take_while(|kind| **kind == Kind::Literal).count();
            // The opening quote counts as code: where it is blank, its module was blanked.
            if length > 0 && at > 0 && !code.as_bytes()[at - 1].is_ascii_whitespace() {
                found.push((line_of(self.text, at), &self.text[at..at + length]));
            }
            at += length.max(1);
        }
        found
    }

    fn view(&self, wanted: Kind) -> String {
        let bytes = self.text.bytes().zip(&self.kinds).map(
            |(byte, kind)| {
                if *kind == wanted || byte == b'\n' { byte } else { b' ' }
            },
        );
        // Blanking never splits a character: a kind ends only beside an ASCII byte.
        String::from_utf8(bytes.collect()).expect("whole characters")
    }
}

/// The 1-based line of a byte offset.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Byte offsets at which a word stands by itself, not as part of a longer identifier.
pub(super) fn find_words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].bytes().next_back();
        let after = text[at + word.len()..].bytes().next();
        !before.is_some_and(is_word_byte) && !after.is_some_and(is_word_byte)
    })
}

/// From an opening brace to just past the one that closes it.
pub(super) fn block_at(code: &str, open: usize) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(open..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The first `#[cfg(test)] mod name { … }`, from the attribute on.
fn find_test_module(code: &str) -> Option<Range<usize>> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    code.match_indices(ATTRIBUTE).find_map(|(start, _)| {
        let open = start + code[start..].find(['{', ';'])?;
        let between = &code[start + ATTRIBUTE.len()..open];
        let is_module = find_words(between, "mod").next().is_some();
        let block = (is_module && code.as_bytes()[open] == b'{').then(|| block_at(code, open))??;
        Some(start..block.end)
    })
}

fn blank_out(text: &str) -> String {
    text.chars().map(|char| if char == '\n' { '\n' } else { ' ' }).collect()
}

struct Lexer<'a> {
    bytes: &'a [u8],
    kinds: Vec<Kind>,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, kinds: vec![Kind::Code; bytes.len()], at: 0 }
    }

    fn run(mut self) -> Vec<Kind> {
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            match rest {
                [b'/', b'/', ..] => self.mark(Kind::Comment, line_length(rest)),
                [b'/', b'*', ..] => self.mark(Kind::Comment, comment_length(rest)),
                [b'"', ..] => self.mark_between_quotes(string_length(rest), 1),
                [b'\'', ..] => match char_length(rest) {
                    Some(length) => self.mark_between_quotes(length, 1),
                    None => self.at += 1,
                },
                _ => self.read_other(rest),
            }
        }
        self.kinds
    }

    /// A raw string, an identifier in one go, or any other byte.
    fn read_other(&mut self, rest: &[u8]) {
        let word = rest.iter().take_while(|byte| is_word_byte(**byte)).count();
        let hashes = rest[word..].iter().take_while(|byte| **byte == b'#').count();
        let is_raw = matches!(&rest[..word], b"r" | b"br" | b"cr");
        if is_raw && rest.get(word + hashes) == Some(&b'"') {
            let opening = word + hashes + 1;
            self.at += opening - 1;
            let length = raw_length(&rest[opening..], hashes);
            self.mark_between_quotes(length + 2, 1);
        } else {
            self.at += word.max(1);
        }
    }

    /// Marks a literal without its quotes, which stay code.
    fn mark_between_quotes(&mut self, length: usize, quote: usize) {
        self.at += quote;
        self.mark(Kind::Literal, length.saturating_sub(2 * quote));
        self.at += quote;
    }

    fn mark(&mut self, kind: Kind, length: usize) {
        let end = (self.at + length).min(self.bytes.len());
        self.kinds[self.at..end].fill(kind);
        self.at = end;
    }
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| **byte != b'\n').count()
}

/// Block comments nest.
fn comment_length(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// With both quotes.
fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// The content of a raw string, up to its quote with this many hashes.
fn raw_length(rest: &[u8], hashes: usize) -> usize {
    let mut at = 0;
    while at < rest.len() {
        let closes =
            rest[at] == b'"' && rest[at + 1..].iter().take(hashes).filter(|byte| **byte == b'#').count() == hashes;
        if closes {
            break;
        }
        at += 1;
    }
    at
}

/// With both quotes; nothing for a lifetime or a loop label.
fn char_length(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).take(10).position(|byte| *byte == b'\'')?;
        return Some(end + 4);
    }
    let width = match rest.get(1)? {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

#[cfg(test)]
mod tests {
    use super::{RustSource, find_words, line_of};

    fn code(text: &str) -> String {
        RustSource::new(text).code()
    }

    #[test]
    fn comments_are_not_code() {
        assert_eq!(code("a // b\nc /* d /* e */ f */ g"), "a     \nc                   g");
    }

    #[test]
    fn contents_of_strings_are_not_code() {
        assert_eq!(code(r#"f("a\"b{", 'x')"#), r#"f("     ", ' ')"#);
    }

    #[test]
    fn raw_strings_end_at_their_hashes() {
        assert_eq!(code("r#\"a\" {\"# b"), "r#\"    \"# b");
        assert_eq!(code("br\"\\\" b"), "br\" \" b");
    }

    #[test]
    fn lifetimes_are_code_and_characters_are_not() {
        assert_eq!(code("&'a str '{' '\\'' '\\u{7f}' 'é'"), "&'a str ' ' '  ' '      ' '  '");
    }

    #[test]
    fn comments_are_a_view_of_their_own() {
        assert_eq!(RustSource::new("a // b").comments(), "  // b");
    }

    #[test]
    fn modules_for_tests_are_not_shipped() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { \"}\" } }\nfn c() {}";
        let shipped = RustSource::new(text).shipped_code();
        assert!(shipped.contains("fn a") && shipped.contains("fn c"));
        assert!(!shipped.contains("fn b"));
        assert_eq!(shipped.lines().count(), text.lines().count());
    }

    #[test]
    fn literals_of_shipped_code_come_with_their_line() {
        let text = "let a = \"x\";\n#[cfg(test)]\nmod tests { \"y\" }\nlet b = r#\"z\"#;";
        let source = RustSource::new(text);
        let literals = source.literals_within(&source.shipped_code());
        assert_eq!(literals, [(1, "x"), (4, "z")]);
    }

    #[test]
    fn words_are_whole_words() {
        assert_eq!(find_words("fn fnord _fn (fn)", "fn").collect::<Vec<_>>(), [0, 14]);
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!((line_of("a\nb", 0), line_of("a\nb", 2)), (1, 2));
    }
}

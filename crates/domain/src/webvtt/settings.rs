//! Where a cue stands: the settings after its times. Unknown and invalid ones are left out, as the
//! format asks; regions are, because their definitions are.

use std::fmt;

/// Lines of text further from the edge than this are outside of every picture.
const LINE_MAX: i32 = 100;

/// A cue's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    vertical: Option<Word>,
    line: Option<(Place, Option<Word>)>,
    position: Option<(Percent, Option<Word>)>,
    size: Option<Percent>,
    align: Option<Word>,
}

/// A word out of a closed list.
type Word = &'static str;

/// Hundredths of a per cent, up to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Percent(u32);

/// A line by number, from the top or with a minus from the bottom, or by height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Number(i32),
    Percent(Percent),
}

impl Settings {
    pub(super) fn parse(text: &str) -> Self {
        let mut settings = Self::default();
        for (name, value) in text.split_ascii_whitespace().filter_map(|setting| setting.split_once(':')) {
            settings.set(name, value);
        }
        settings
    }

    /// The last valid one of a name counts.
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "vertical" => keep(&mut self.vertical, word(value, &["rl", "lr"])),
            "line" => keep(&mut self.line, with_word(value, Place::parse, &["start", "center", "end"])),
            "position" => {
                keep(&mut self.position, with_word(value, Percent::parse, &["line-left", "center", "line-right"]));
            }
            "size" => keep(&mut self.size, Percent::parse(value)),
            "align" => keep(&mut self.align, word(value, &["start", "center", "end", "left", "right"])),
            _ => {}
        }
    }
}

fn keep<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

fn word(text: &str, words: &[Word]) -> Option<Word> {
    words.iter().find(|word| **word == text).copied()
}

/// `value` or `value,word`.
fn with_word<T>(text: &str, parse: fn(&str) -> Option<T>, words: &[Word]) -> Option<(T, Option<Word>)> {
    match text.split_once(',') {
        Some((value, rest)) => Some((parse(value)?, Some(word(rest, words)?))),
        None => Some((parse(text)?, None)),
    }
}

impl Percent {
    fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = match text.strip_suffix('%')?.split_once('.') {
            Some((whole, fraction)) => (whole, fraction),
            None => (text.strip_suffix('%')?, "0"),
        };
        if whole.is_empty() || fraction.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let hundredths = fraction.bytes().chain([b'0', b'0']).take(2).fold(0, |sum, b| sum * 10 + u32::from(b - b'0'));
        let percent = whole.parse::<u32>().ok().filter(|whole| *whole <= 100)? * 100 + hundredths;
        (percent <= 10_000).then_some(Self(percent))
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        if text.ends_with('%') {
            return Percent::parse(text).map(Self::Percent);
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<i32>().ok().filter(|_| is_number)?;
        (number.abs() <= LINE_MAX).then_some(Self::Number(number))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, hundredths) => write!(f, "{whole}.{hundredths:02}%"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Percent(percent) => write!(f, "{percent}"),
        }
    }
}

/// Each setting after a space.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = |word: Option<Word>| word.map_or_else(String::new, |word| format!(",{word}"));
        if let Some(vertical) = self.vertical {
            write!(f, " vertical:{vertical}")?;
        }
        if let Some((place, word)) = self.line {
            write!(f, " line:{place}{}", after(word))?;
        }
        if let Some((percent, word)) = self.position {
            write!(f, " position:{percent}{}", after(word))?;
        }
        if let Some(percent) = self.size {
            write!(f, " size:{percent}")?;
        }
        if let Some(align) = self.align {
            write!(f, " align:{align}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_when_valid_and_left_out_when_not() {
        let canonical = |text: &str| Settings::parse(text).to_string();
        assert_eq!(
            canonical("align:start\tposition:33.333%,line-left line:-2,end size:80% vertical:rl"),
            " vertical:rl line:-2,end position:33.33%,line-left size:80% align:start"
        );
        assert_eq!(canonical("line:5.5%"), " line:5.50%");
        assert_eq!(canonical("align:left align:nowhere"), " align:left", "the last valid one counts");
        for bad in [
            "region:a",
            "line:",
            "line:-",
            "line:+1",
            "line:101",
            "line:1,top",
            "position:1",
            "position:101%",
            "position:.5%",
            "position:5.%",
            "size:100.01%",
            "align:",
            "x",
            ":",
            "vertical:RL",
            "size:99999999999%",
        ] {
            assert_eq!(canonical(bad), "", "{bad}");
        }
    }
}

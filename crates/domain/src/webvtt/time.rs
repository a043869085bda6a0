//! Timestamps: `[hours:]minutes:seconds.milliseconds`.

use std::fmt;

use super::Format;

/// More digits of hours than this are nobody's clip.
const HOUR_DIGITS_MAX: usize = 4;

/// Takes a timestamp off the front of `text`; what is left after it. `SubRip` writes a comma before
/// the milliseconds.
pub(super) fn take(text: &str, format: Format) -> Option<(u64, &str)> {
    let (first, rest) = take_digits(text)?;
    let (second, rest) = take_digits(rest.strip_prefix(':')?)?;
    let (hours, minutes, seconds, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let (third, rest) = take_digits(rest)?;
            (first, second, third, rest)
        }
        None => ("0", first, second, rest),
    };
    let rest = match format {
        Format::WebVtt => rest.strip_prefix('.')?,
        Format::SubRip => rest.strip_prefix([',', '.'])?,
    };
    let (millis, rest) = take_digits(rest)?;
    if hours.len() > HOUR_DIGITS_MAX || millis.len() != 3 {
        return None;
    }
    let minutes = hours.parse::<u64>().ok()? * 60 + sixtieths(minutes)?;
    let seconds = minutes * 60 + sixtieths(seconds)?;
    Some((seconds * 1000 + millis.parse::<u64>().ok()?, rest))
}

fn take_digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Two digits below 60.
fn sixtieths(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|number| digits.len() == 2 && *number < 60)
}

/// A time as it is written: always with hours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timestamp(pub u64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0 / 1000, self.0 % 1000);
        write!(f, "{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_by_the_letter() {
        let vtt = |text| take(text, Format::WebVtt);
        assert_eq!(vtt("00:01.500"), Some((1500, "")));
        assert_eq!(vtt("01:00:01.500 x"), Some((3_601_500, " x")));
        assert_eq!(vtt("1:00:00.000"), Some((3_600_000, "")));
        assert_eq!(take("00:00:01,500", Format::SubRip), Some((1500, "")));
        for bad in
            ["", "1", "0:01.500", "00:60.000", "60:00.000", "00:01.50", "00:01.5000", "00:01,500", "00000:00:01.000"]
        {
            assert_eq!(vtt(bad), None, "{bad}");
        }
        assert_eq!(Timestamp(3_723_004).to_string(), "01:02:03.004");
    }
}

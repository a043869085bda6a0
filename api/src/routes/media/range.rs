//! The `Range` header (RFC 9110 §14): one range of bytes; anything else is answered whole.

use estrade_blobs::ObjectRange;

/// The range asked for; none when there is none, or one we answer whole.
pub(super) fn parse(header: &str) -> Option<ObjectRange> {
    let spec = header.strip_prefix("bytes=")?.trim();
    if spec.contains(',') {
        return None;
    }
    let (first, last) = spec.split_once('-')?;
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some(ObjectRange::From(first, Some(last))),
        (Some(first), None) if last.is_empty() => Some(ObjectRange::From(first, None)),
        (None, Some(count)) if first.is_empty() && count > 0 => Some(ObjectRange::Last(count)),
        _ => None,
    }
}

/// A number of bytes; one beyond what any object has is as good as the largest that stores understand.
fn number(text: &str) -> Option<u64> {
    const MOST: u64 = i64::MAX.unsigned_abs();
    let is_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_digits.then(|| text.parse().unwrap_or(MOST).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_everything_else_is_whole() {
        assert_eq!(parse("bytes=0-99"), Some(ObjectRange::From(0, Some(99))));
        assert_eq!(parse("bytes=5-"), Some(ObjectRange::From(5, None)));
        assert_eq!(parse("bytes=-7"), Some(ObjectRange::Last(7)));
        assert_eq!(parse("bytes=0-18446744073709551615"), Some(ObjectRange::From(0, Some(i64::MAX.unsigned_abs()))));
        assert_eq!(parse("bytes=99999999999999999999999-"), Some(ObjectRange::From(i64::MAX.unsigned_abs(), None)));
        for whole in ["bytes=9-3", "bytes=0-1,5-6", "bytes=-0", "bytes=-", "bytes=a-b", "items=0-1", "bytes=+1-2", ""] {
            assert_eq!(parse(whole), None, "{whole}");
        }
    }
}

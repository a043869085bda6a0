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

/// The largest position that stores understand.
const MOST: u64 = i64::MAX.unsigned_abs();

/// A number of bytes; one beyond what any object has is as good as the largest that stores understand.
fn number(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_digits.then(|| text.parse().unwrap_or(MOST).min(MOST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn ranges_are_read_back_and_no_header_panics(text in "\\PC{0,40}", first: u64, last: u64) {
            let _ = (parse(&text), parse(&format!("bytes={text}")));
            let expected = (first <= last).then(|| ObjectRange::From(first.min(MOST), Some(last.min(MOST))));
            let parsed = parse(&format!("bytes={first}-{last}"));
            prop_assert!(parsed == expected || first.min(last) >= MOST, "{:?}", parsed);
            prop_assert_eq!(parse(&format!("bytes={first}-")), Some(ObjectRange::From(first.min(MOST), None)));
            let tail = (last > 0).then(|| ObjectRange::Last(last.min(MOST)));
            prop_assert_eq!(parse(&format!("bytes=-{last}")), tail);
        }

        #[test]
        fn what_is_understood_is_one_range_of_digits(text in "(bytes=)?[-0-9, a+]{0,24}") {
            if parse(&text).is_some() {
                let spec = text.strip_prefix("bytes=").expect("a unit").trim();
                prop_assert_eq!(spec.matches('-').count(), 1);
                prop_assert!(spec.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()), "{}", spec);
            }
        }
    }
}

//! Character references.

/// Longest reference, its `&` and `;` included: `&#x10FFFF;`.
const LONGEST: usize = 10;

/// The character that `text`, which begins with `&`, refers to and what is left; none when it is an
/// ampersand that only looks like one.
pub(super) fn take(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{A0}',
        "lrm" => '\u{200E}',
        "rlm" => '\u{200F}',
        _ => by_number(name.strip_prefix('#')?)?,
    };
    Some((character, &text[end + 1..]))
}

fn by_number(digits: &str) -> Option<char> {
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok()?,
        None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_ampersands_left_alone() {
        assert_eq!(take("&amp;x"), Some(('&', "x")));
        assert_eq!(take("&#x10FFFF;"), Some(('\u{10FFFF}', "")));
        assert_eq!(take("&#65;"), Some(('A', "")));
        for text in ["&", "&;", "&#;", "&#x;", "&#xD800;", "&#+1;", "& b;", "&eacute;", "&aééé;", "&#99999999999;"] {
            assert_eq!(take(text), None, "{text}");
        }
    }
}

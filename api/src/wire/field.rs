//! Fields of a body become validated values, or a problem that names them.

use std::str::FromStr;

use estrade_domain::text::InvalidText;
use estrade_http::{Problem, Result};

/// Longest e-mail address, bytes.
const EMAIL_MAX_BYTES: usize = 254;
/// Longest part of it before the `@`, bytes.
const EMAIL_LOCAL_MAX_BYTES: usize = 64;

/// The problem of a refused text.
pub(crate) fn refused(field: &str, error: &InvalidText) -> Problem {
    Problem::invalid_field(field, error.code, error.detail.clone())
}

/// Parses one field.
pub(crate) fn parse<T: FromStr<Err = InvalidText>>(field: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error| refused(field, &error))
}

/// Parses one field that may be missing.
pub(crate) fn parse_given<T: FromStr<Err = InvalidText>>(field: &str, text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| parse(field, text)).transpose()
}

/// Checks the shape of an e-mail address; whether somebody reads it, only a message can tell.
pub(crate) fn check_email(field: &str, email: &str) -> Result<()> {
    if is_email(email) {
        return Ok(());
    }
    Err(Problem::invalid_field(field, "not_an_email_address", "this is not an e-mail address"))
}

fn is_email(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else { return false };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    email.len() <= EMAIL_MAX_BYTES
        && (1..=EMAIL_LOCAL_MAX_BYTES).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&b))
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_pass_for_addresses() {
        for good in ["a@b.de", "ada.lovelace+clips@mail.example.org", "x@bücher.example"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("a@{}.de", "x".repeat(250));
        for bad in [
            "", "a", "a@b", "@b.de", "a@.de", "a@b..de", "a@-b.de", "a b@c.de", "a@b.de\n", "a\0@b.de", "a@b@c.de",
            &long,
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}

//! Public ids: random, so that nobody can walk the catalogue or read a creation time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits without the easily confused i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of a public id: 20 × 5 bits = 100 random bits.
pub const PUBLIC_ID_LEN: usize = 20;

/// An opaque id shown outside, 20 characters of `[0-9a-hjkmnp-tv-z]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicId(String);

/// The text is not a public id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: ids have {PUBLIC_ID_LEN} characters of 0-9 and a-z without i, l, o, u")]
pub struct InvalidPublicId;

impl PublicId {
    /// Encodes random bytes, five bits a character.
    pub fn from_random(bytes: [u8; PUBLIC_ID_LEN]) -> Self {
        let digits = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
        Self(digits.collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicId {
    type Err = InvalidPublicId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() == PUBLIC_ID_LEN && text.bytes().all(|b| ALPHABET.contains(&b));
        valid.then(|| Self(text.to_owned())).ok_or(InvalidPublicId)
    }
}

impl TryFrom<String> for PublicId {
    type Error = InvalidPublicId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PublicId> for String {
    fn from(id: PublicId) -> Self {
        id.0
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_twenty_characters_of_the_alphabet_parse() {
        let id = PublicId::from_random([255; PUBLIC_ID_LEN]);
        assert_eq!(id.as_str().parse(), Ok(id));
        for bad in
            ["", "abc", "zzzzzzzzzzzzzzzzzzzzz", "ZZZZZZZZZZZZZZZZZZZZ", "lllllllllllllllllllo", "../../../etc/passwd0"]
        {
            assert_eq!(bad.parse::<PublicId>(), Err(InvalidPublicId), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ids_are_read_back_and_nothing_else_is_one(bytes: [u8; PUBLIC_ID_LEN], text in "\\PC{0,30}") {
            let id = PublicId::from_random(bytes);
            prop_assert_eq!(id.as_str().parse(), Ok(id));
            if let Ok(id) = text.parse::<PublicId>() {
                prop_assert!(id.as_str() == text && text.bytes().all(|byte| ALPHABET.contains(&byte)));
            }
        }
    }
}

//! Cursors: opaque, signed positions in a list. Never an offset, never SQL.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::secret::{SIGNATURE_BYTES, SigningKey};

/// Longest cursor accepted, characters.
pub const CURSOR_MAX_CHARS: usize = 512;

/// The text is not a cursor this server made for this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this cursor was not made by this server for this list")]
pub struct InvalidCursor;

/// Encodes `position` for the list named `list`. Name the list with everything it depends on
/// (the viewer too, where the list is theirs): a cursor is refused by any other list.
pub fn encode<T: Serialize>(key: &SigningKey, list: &str, position: &T) -> String {
    #[expect(clippy::expect_used, reason = "positions are plain structs of strings and numbers")]
    let body = serde_json::to_vec(position).expect("a position serialises");
    let mut signed = key.sign(list, &body).to_vec();
    signed.extend(body);
    URL_SAFE_NO_PAD.encode(signed)
}

/// Decodes a cursor made by [`encode`] with the same key and list.
pub fn decode<T: DeserializeOwned>(key: &SigningKey, list: &str, cursor: &str) -> Result<T, InvalidCursor> {
    if cursor.len() > CURSOR_MAX_CHARS {
        return Err(InvalidCursor);
    }
    let signed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
    let (signature, body) = signed.split_at_checked(SIGNATURE_BYTES).ok_or(InvalidCursor)?;
    if !key.is_signed(list, body, signature) {
        return Err(InvalidCursor);
    }
    serde_json::from_slice(body).map_err(|_| InvalidCursor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_round_trips(position in (any::<u64>(), "[ -~]{0,100}")) {
            let key = SigningKey::new([3; 32]);
            let cursor = encode(&key, "clips", &position);
            prop_assert_eq!(decode(&key, "clips", &cursor), Ok(position));
            prop_assert_eq!(decode::<(u64, String)>(&key, "likes", &cursor), Err(InvalidCursor));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,600}", body in prop::collection::vec(any::<u8>(), 0..200)) {
            let key = SigningKey::new([3; 32]);
            let _ = decode::<(u64, String)>(&key, "clips", &text);
            // Even with a signature of ours.
            let signed = [key.sign("clips", &body).as_slice(), &body].concat();
            let _ = decode::<(u64, String)>(&key, "clips", &URL_SAFE_NO_PAD.encode(signed));
        }

        #[test]
        fn one_changed_character_is_refused(index in 0usize..30, replacement in "[A-Za-z0-9_-]") {
            let key = SigningKey::new([3; 32]);
            let cursor = encode(&key, "clips", &(5u64, "abc"));
            let index = index % cursor.len();
            let mut changed = cursor.clone();
            changed.replace_range(index..=index, &replacement);
            prop_assume!(changed != cursor);
            // The last character may carry padding bits only: then the bytes are the same and it may decode.
            let same = URL_SAFE_NO_PAD.decode(&changed) == URL_SAFE_NO_PAD.decode(&cursor);
            prop_assert!(same || decode::<(u64, String)>(&key, "clips", &changed).is_err());
        }
    }

    #[test]
    fn rubbish_is_refused() {
        let key = SigningKey::new([3; 32]);
        for bad in ["", "a", "%%%", "AAAA", &"A".repeat(600)] {
            assert_eq!(decode::<u64>(&key, "clips", bad), Err(InvalidCursor));
        }
    }
}

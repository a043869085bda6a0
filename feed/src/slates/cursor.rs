use chrono::DateTime;
use estrade_domain::cursor::{InvalidCursor, decode, encode};
use estrade_domain::{PublicId, SigningKey, SlateId, Time};
use serde::{Deserialize, Serialize};

/// A place in a slate. It says enough to go on when the slate is no longer in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlateCursor {
    /// The slate.
    pub slate_id: SlateId,
    /// The next place, counted from 0.
    pub position: u32,
    /// When the scroll began.
    pub started_at: Time,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    s: SlateId,
    p: u32,
    t: i64,
}

impl SlateCursor {
    /// As text, for the list named `list`.
    pub fn encode(&self, key: &SigningKey, list: &str) -> String {
        let wire = Wire { s: self.slate_id, p: self.position, t: self.started_at.timestamp_millis() };
        encode(key, list, &wire)
    }

    /// From text made for the list named `list`.
    pub fn decode(key: &SigningKey, list: &str, text: &str) -> Result<Self, InvalidCursor> {
        let wire: Wire = decode(key, list, text)?;
        let started_at = DateTime::from_timestamp_millis(wire.t).ok_or(InvalidCursor)?;
        Ok(Self { slate_id: wire.s, position: wire.p, started_at })
    }
}

/// A place in the list of followed creators' clips: everything newer was served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowingCursor {
    /// The scroll, as servings name it.
    pub slate_id: SlateId,
    /// The next place, counted from 0.
    pub position: u32,
    /// When the last clip served was published.
    pub at: Time,
    /// Its public id.
    pub id: PublicId,
}

impl FollowingCursor {
    /// As text, for the list named `list`.
    pub fn encode(&self, key: &SigningKey, list: &str) -> String {
        encode(key, list, self)
    }

    /// From text made for the list named `list`.
    pub fn decode(key: &SigningKey, list: &str, text: &str) -> Result<Self, InvalidCursor> {
        decode(key, list, text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::world::test_clips::{public_id, start_of_time};

    fn key() -> SigningKey {
        SigningKey::new([5; 32])
    }

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let cursor = SlateCursor { slate_id: SlateId(Uuid::from_u128(3)), position: 20, started_at: start_of_time() };
        let text = cursor.encode(&key(), "for_you:a");
        assert_eq!(SlateCursor::decode(&key(), "for_you:a", &text), Ok(cursor));
        assert_eq!(SlateCursor::decode(&key(), "for_you:b", &text), Err(InvalidCursor));
        let following =
            FollowingCursor { slate_id: cursor.slate_id, position: 1, at: start_of_time(), id: public_id(3) };
        let text = following.encode(&key(), "following:a");
        assert_eq!(FollowingCursor::decode(&key(), "following:a", &text), Ok(following));
    }

    proptest! {
        #[test]
        fn a_changed_cursor_is_refused(index in 0usize..100, replacement in "[A-Za-z0-9_-]", position in any::<u32>()) {
            let cursor = SlateCursor { slate_id: SlateId(Uuid::from_u128(3)), position, started_at: start_of_time() };
            let text = cursor.encode(&key(), "trending");
            let mut changed = text.clone();
            let index = index % (text.len() - 1);
            changed.replace_range(index..=index, &replacement);
            prop_assume!(changed != text);
            prop_assert_eq!(SlateCursor::decode(&key(), "trending", &changed), Err(InvalidCursor));
        }
    }
}

use estrade_domain::{AccountId, ClipId, ServedId, Time, ViewerId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything the log can say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "snake_case")]
pub enum Event {
    /// A clip was published, edited, restricted, deleted, or its media moved: look it up again.
    ClipChanged {
        /// The clip.
        clip_id: ClipId,
    },
    /// An account's name, standing or existence changed: look up it and its clips again.
    AccountChanged {
        /// The account.
        account_id: AccountId,
    },
    /// What a viewer watched; each element was new, repeats are not appended.
    ViewerEvents {
        /// Who watched.
        viewer_id: ViewerId,
        /// Whether feeds may learn from it.
        is_profiled: bool,
        /// What they did.
        events: Vec<WatchEvent>,
    },
    /// A like was given or taken back.
    LikeChanged {
        /// The account that likes.
        account_id: AccountId,
        /// Its viewer.
        viewer_id: ViewerId,
        /// The clip.
        clip_id: ClipId,
        /// Given, or taken back.
        is_liked: bool,
        /// Whether feeds may learn from it.
        is_profiled: bool,
    },
    /// Somebody follows a creator, or no longer.
    FollowChanged {
        /// The account that follows.
        account_id: AccountId,
        /// Its viewer.
        viewer_id: ViewerId,
        /// The creator.
        creator_id: AccountId,
        /// Follows, or no longer.
        is_following: bool,
    },
    /// A guest's history went to an account's viewer.
    ViewerMerged {
        /// The guest.
        from: ViewerId,
        /// The account's viewer.
        into: ViewerId,
    },
}

/// What kind of watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchKind {
    /// At least half visible for a second.
    Impression,
    /// Watched; running totals.
    View,
    /// 95 % reached.
    Completion,
    /// Left before 1.5 s.
    Skip,
    /// Shared.
    Share,
    /// Asked for less like it.
    NotInterested,
}

/// One thing a viewer did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchEvent {
    /// What.
    pub kind: WatchKind,
    /// The clip.
    pub clip_id: ClipId,
    /// The serving it belongs to, if any.
    pub served_id: Option<ServedId>,
    /// Media time seen in this serving so far, milliseconds.
    pub watch_ms: i32,
    /// Of it, how much this event added to the highest total known before, milliseconds.
    pub watch_ms_added: i32,
    /// Passes so far.
    pub loops: i32,
    /// With this event the serving became a counted view.
    pub is_newly_viewed: bool,
    /// When, by the client's clock, not later than received.
    pub at: Time,
}

impl Event {
    /// Kind and payload as the log stores them.
    pub(crate) fn to_stored(&self) -> (&'static str, Value) {
        let kind = match self {
            Self::ClipChanged { .. } => "clip_changed",
            Self::AccountChanged { .. } => "account_changed",
            Self::ViewerEvents { .. } => "viewer_events",
            Self::LikeChanged { .. } => "like_changed",
            Self::FollowChanged { .. } => "follow_changed",
            Self::ViewerMerged { .. } => "viewer_merged",
        };
        let mut tagged = serde_json::to_value(self).unwrap_or_default();
        (kind, tagged.get_mut("payload").map(Value::take).unwrap_or_default())
    }

    /// The event stored as `kind` and `payload`; none for a kind of a newer release.
    pub(crate) fn from_stored(kind: &str, payload: &Value) -> Result<Option<Self>, serde_json::Error> {
        match serde_json::from_value(serde_json::json!({ "kind": kind, "payload": payload })) {
            Ok(event) => Ok(Some(event)),
            Err(error) if error.to_string().starts_with("unknown variant") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn events_round_trip_and_unknown_kinds_are_skipped() {
        let event = Event::ViewerMerged { from: ViewerId(Uuid::nil()), into: ViewerId(Uuid::max()) };
        let (kind, payload) = event.to_stored();
        assert_eq!(Event::from_stored(kind, &payload).expect("stored"), Some(event));
        assert_eq!(Event::from_stored("from_the_future", &serde_json::json!({})).expect("skipped"), None);
        assert!(Event::from_stored("clip_changed", &serde_json::json!({})).is_err());
    }
}

//! Internal ids: one type a noun, UUID version 7, never shown outside.

use std::fmt;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Entropy, Time};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, ordered by `now`.
            pub fn new(now: Time, entropy: &Entropy) -> Self {
                Self(entropy.uuid(now))
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// An account: somebody who signed up.
    AccountId,
    /// A viewer: whoever looks, with an account or as a guest.
    ViewerId,
    /// A clip: the thing people watch.
    ClipId,
    /// An upload: a resumable transfer.
    UploadId,
    /// One version of a clip's media: the output of one finished or running transcode.
    VersionId,
    /// A poster its creator chose.
    PosterId,
    /// The file of a clip that people take with them.
    DownloadId,
    /// A job in the queue.
    JobId,
    /// One serving: this clip, to this viewer, at this position of this slate.
    ServedId,
    /// The ordered clips of one answer.
    SlateId,
    /// A restriction a moderation decision put in force.
    RestrictionId,
    /// A report somebody filed.
    ReportId,
}

impl VersionId {
    /// A new id for what takes the place of this version: greater, however far behind `now` is on this machine. The
    /// newest version of a clip is the one with the greatest id.
    #[must_use]
    pub fn successor(self, now: Time, entropy: &Entropy) -> Self {
        Self::new(now.max(self.time() + Duration::milliseconds(1)), entropy)
    }

    /// When it was made, by the clock of whoever made it.
    fn time(self) -> Time {
        let (secs, nanos) = self.0.get_timestamp().map_or((0, 0), |timestamp| timestamp.to_unix());
        i64::try_from(secs).ok().and_then(|secs| Time::from_timestamp(secs, nanos)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_greater_whatever_the_clock_says() {
        let entropy = Entropy::from_seed(3);
        let now = Time::UNIX_EPOCH + Duration::days(20_000);
        let mut version = VersionId::new(now, &entropy);
        for behind in [0, 1, 5_000, 86_400_000] {
            let next = version.successor(now - Duration::milliseconds(behind), &entropy);
            assert!(version < next, "{behind} ms behind");
            version = next;
        }
        let later = now + Duration::days(1);
        assert_eq!(version.successor(later, &entropy).time(), later, "a clock that is not behind is believed");
    }
}

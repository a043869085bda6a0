//! Internal ids: one type a noun, UUID version 7, never shown outside.

use std::fmt;

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

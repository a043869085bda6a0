//! The closed list of kinds, on one page.

use std::time::Duration;

use estrade_db::jobs::{IDLE_PRIORITY, NewJob, cancel_jobs, cancel_waiting, insert_job};
use estrade_db::{DbError, PgConnection};
use estrade_domain::{AccountId, ClipId, Entropy, JobId, PosterId, Time, VersionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Everything the system ever does later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "args", rename_all = "snake_case")]
pub enum Job {
    /// Begin a media version of a clip: look at its source, plan, make the first chunk. What is left
    /// becomes [`Job::TranscodeRange`]s.
    TranscodeClip {
        /// The clip.
        clip_id: ClipId,
        /// The version to make; its row names the source.
        version_id: VersionId,
    },
    /// Make some chunks of a version that is begun.
    TranscodeRange {
        /// The clip.
        clip_id: ClipId,
        /// The version.
        version_id: VersionId,
        /// Number of the first chunk.
        first: usize,
        /// Number after the last chunk.
        end: usize,
    },
    /// Make the poster of a moment its creator picked; the poster's row says which.
    MakePoster {
        /// The poster.
        poster_id: PosterId,
        /// Its clip; older releases did not say.
        #[serde(default)]
        clip_id: Option<ClipId>,
    },
    /// Put together the file of a clip that people take with them.
    MakeDownload {
        /// The clip.
        clip_id: ClipId,
        /// The version to make it of.
        version_id: VersionId,
    },
    /// Make a family of a version: renditions of another codec or effort, for a clip that is watched much.
    MakeFamily {
        /// The clip.
        clip_id: ClipId,
        /// The family's own version; its row names its base.
        version_id: VersionId,
    },
    /// Delete all media and the sources of a deleted clip, and tell caches.
    DeleteMedia {
        /// The clip.
        clip_id: ClipId,
    },
    /// Tell caches to forget what they hold of a clip: fewer people may see it, or less of it, than when it came there.
    PurgeMedia {
        /// The clip.
        clip_id: ClipId,
        /// When that changed. A later change is a job of its own, for an earlier one may be running.
        at: Time,
    },
}

/// A job without its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Job::TranscodeClip`].
    TranscodeClip,
    /// [`Job::TranscodeRange`].
    TranscodeRange,
    /// [`Job::MakePoster`].
    MakePoster,
    /// [`Job::MakeDownload`].
    MakeDownload,
    /// [`Job::MakeFamily`].
    MakeFamily,
    /// [`Job::DeleteMedia`].
    DeleteMedia,
    /// [`Job::PurgeMedia`].
    PurgeMedia,
}

/// How jobs of a kind are run. There is no default: each kind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The right to run lasts this long without a heartbeat.
    pub lease: Duration,
    /// Attempts before the job is discarded.
    pub attempts_max: i32,
    /// The wait before the second attempt, the third, …; the last one repeats.
    pub delays: &'static [Duration],
    /// Higher runs first.
    pub priority: i16,
}

const MINUTE: Duration = Duration::from_mins(1);
/// Four heartbeats fit in; with the poll of another worker a dead one is noticed within 30 s.
const LEASE: Duration = Duration::from_secs(20);
/// 5 s, then a minute.
const TRANSCODE_DELAYS: &[Duration] = &[Duration::from_secs(5), MINUTE];
/// 1 s, 10 s, a minute, ten minutes, then every hour.
const DELETE_DELAYS: &[Duration] =
    &[Duration::from_secs(1), Duration::from_secs(10), MINUTE, Duration::from_mins(10), Duration::from_hours(1)];

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::TranscodeClip,
        Self::TranscodeRange,
        Self::MakePoster,
        Self::MakeDownload,
        Self::MakeFamily,
        Self::DeleteMedia,
        Self::PurgeMedia,
    ];

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TranscodeClip => "transcode_clip",
            Self::TranscodeRange => "transcode_range",
            Self::MakePoster => "make_poster",
            Self::MakeDownload => "make_download",
            Self::MakeFamily => "make_family",
            Self::DeleteMedia => "delete_media",
            Self::PurgeMedia => "purge_media",
        }
    }

    /// How it is run.
    pub fn policy(self) -> Policy {
        match self {
            // Trouble of the moment (a store away, a full disk) passes; poison does not: three tries.
            Self::TranscodeClip => Policy { lease: LEASE, attempts_max: 3, delays: TRANSCODE_DELAYS, priority: 0 },
            // The first chunk of everybody comes before the last chunk of anybody.
            Self::TranscodeRange => Policy { lease: LEASE, attempts_max: 3, delays: TRANSCODE_DELAYS, priority: -10 },
            // Somebody looks at the page and waits for it.
            Self::MakePoster => Policy { lease: LEASE, attempts_max: 3, delays: TRANSCODE_DELAYS, priority: 5 },
            Self::MakeDownload => Policy { lease: LEASE, attempts_max: 5, delays: TRANSCODE_DELAYS, priority: 0 },
            // Nobody waits for it: it takes what processors have nothing else to do.
            Self::MakeFamily => {
                Policy { lease: LEASE, attempts_max: 2, delays: TRANSCODE_DELAYS, priority: IDLE_PRIORITY }
            }
            // A takedown must be carried out whatever happens: for days, then an operator looks.
            Self::DeleteMedia | Self::PurgeMedia => {
                Policy { lease: LEASE, attempts_max: 100, delays: DELETE_DELAYS, priority: 10 }
            }
        }
    }
}

impl Policy {
    /// The wait after the failed `attempt` (from 1).
    pub fn delay_after(&self, attempt: i32) -> Duration {
        let index = usize::try_from(attempt - 1).unwrap_or_default();
        self.delays.get(index).or(self.delays.last()).copied().unwrap_or(MINUTE)
    }
}

impl Job {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::TranscodeClip { .. } => Kind::TranscodeClip,
            Self::TranscodeRange { .. } => Kind::TranscodeRange,
            Self::MakePoster { .. } => Kind::MakePoster,
            Self::MakeDownload { .. } => Kind::MakeDownload,
            Self::MakeFamily { .. } => Kind::MakeFamily,
            Self::DeleteMedia { .. } => Kind::DeleteMedia,
            Self::PurgeMedia { .. } => Kind::PurgeMedia,
        }
    }

    /// The clip it names.
    pub fn clip_id(&self) -> Option<ClipId> {
        match self {
            Self::TranscodeClip { clip_id, .. }
            | Self::TranscodeRange { clip_id, .. }
            | Self::MakeDownload { clip_id, .. }
            | Self::MakeFamily { clip_id, .. }
            | Self::DeleteMedia { clip_id }
            | Self::PurgeMedia { clip_id, .. } => Some(*clip_id),
            Self::MakePoster { clip_id, .. } => *clip_id,
        }
    }

    /// At most one live job of the kind has this key.
    pub(crate) fn unique_key(&self) -> String {
        match self {
            Self::TranscodeClip { version_id, .. }
            | Self::MakeDownload { version_id, .. }
            | Self::MakeFamily { version_id, .. } => version_id.to_string(),
            // Two live ranges of a version do not begin at the same chunk.
            Self::TranscodeRange { version_id, first, .. } => format!("{version_id}:{first}"),
            Self::MakePoster { poster_id, .. } => poster_id.to_string(),
            Self::DeleteMedia { clip_id } => clip_id.to_string(),
            Self::PurgeMedia { clip_id, at } => format!("{clip_id}:{}", at.timestamp_micros()),
        }
    }

    fn args(&self) -> Value {
        let mut tagged = serde_json::to_value(self).unwrap_or_default();
        tagged.get_mut("args").map(Value::take).unwrap_or_default()
    }

    /// The job stored as `kind` and `args`.
    pub fn from_stored(kind: &str, args: &Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(serde_json::json!({ "kind": kind, "args": args }))
    }
}

/// What a job counts for when the next one is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Whose fair share it counts against.
    pub owner: AccountId,
    /// How much media it works on, as far as known; shorter runs first.
    pub length: Duration,
}

impl Weight {
    /// The weight of a job without media.
    pub fn light(owner: AccountId) -> Self {
        Self { owner, length: Duration::ZERO }
    }

    /// The weight of work that nobody asked for: it counts against nobody's share.
    pub fn of_house() -> Self {
        Self::light(AccountId(Uuid::nil()))
    }

    /// The weight of a source nobody has looked into yet, judged by its size.
    pub fn of_source(owner: AccountId, size_bytes: u64) -> Self {
        Self { owner, length: Duration::from_millis(size_bytes / SOURCE_BYTES_PER_MS) }
    }
}

/// Phones record about 8 Mbit/s.
const SOURCE_BYTES_PER_MS: u64 = 1000;

/// Enqueues a job in the caller's transaction: it exists if and only if that commits. `false` when
/// the same work is enqueued already.
pub async fn enqueue(
    conn: &mut PgConnection,
    job: &Job,
    weight: Weight,
    now: Time,
    entropy: &Entropy,
) -> Result<bool, DbError> {
    let policy = job.kind().policy();
    let new = NewJob {
        id: JobId::new(now, entropy),
        kind: job.kind().as_str(),
        args: &job.args(),
        unique_key: Some(&job.unique_key()),
        owner_id: Some(weight.owner.0),
        priority: policy.priority,
        length_ms: i32::try_from(weight.length.as_millis()).unwrap_or(i32::MAX),
        attempts_max: policy.attempts_max,
        delay: Duration::ZERO,
    };
    insert_job(conn, &new).await
}

/// Ends what is left of earlier tries to make a version, so that the next one begins with all its attempts.
pub async fn cancel_transcodes(conn: &mut PgConnection, version_id: VersionId) -> Result<(), DbError> {
    cancel_jobs(conn, &[Kind::TranscodeClip.as_str(), Kind::TranscodeRange.as_str()], version_id).await
}

/// Clips are deleted: nothing more is made of them. What runs notices by itself, and sweeps up behind it.
pub async fn cancel_work_on(conn: &mut PgConnection, clips: &[ClipId]) -> Result<(), DbError> {
    let kinds = [Kind::TranscodeClip, Kind::TranscodeRange, Kind::MakeFamily, Kind::MakeDownload];
    cancel_waiting(conn, &kinds.map(Kind::as_str), clips).await
}

/// Lets caches forget what they hold of a clip, once the transaction is committed: segments and pictures may be kept
/// there for a year, and fewer people may see them from now on.
pub async fn purge_copies(
    conn: &mut PgConnection,
    clip_id: ClipId,
    now: Time,
    entropy: &Entropy,
) -> Result<(), DbError> {
    enqueue(conn, &Job::PurgeMedia { clip_id, at: now }, Weight::of_house(), now, entropy).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_round_trip_under_the_name_of_their_kind() {
        let jobs = [
            Job::TranscodeClip { clip_id: ClipId(Uuid::nil()), version_id: VersionId(Uuid::max()) },
            Job::TranscodeRange { clip_id: ClipId(Uuid::nil()), version_id: VersionId(Uuid::max()), first: 1, end: 4 },
            Job::MakePoster { poster_id: PosterId(Uuid::max()), clip_id: Some(ClipId(Uuid::nil())) },
            Job::MakeDownload { clip_id: ClipId(Uuid::nil()), version_id: VersionId(Uuid::max()) },
            Job::MakeFamily { clip_id: ClipId(Uuid::nil()), version_id: VersionId(Uuid::max()) },
            Job::DeleteMedia { clip_id: ClipId(Uuid::nil()) },
            Job::PurgeMedia { clip_id: ClipId(Uuid::nil()), at: Time::UNIX_EPOCH },
        ];
        for job in jobs {
            assert_eq!(Job::from_stored(job.kind().as_str(), &job.args()).expect("stored"), job);
        }
        let older = serde_json::json!({ "poster_id": Uuid::max() });
        let expected = Job::MakePoster { poster_id: PosterId(Uuid::max()), clip_id: None };
        assert_eq!(Job::from_stored("make_poster", &older).expect("of an older release"), expected);
        assert!(Job::from_stored("from_the_future", &serde_json::json!({})).is_err());
    }

    #[test]
    fn delays_grow_and_the_last_one_repeats() {
        let policy = Kind::TranscodeClip.policy();
        assert_eq!(policy.delay_after(1), Duration::from_secs(5));
        assert_eq!(policy.delay_after(2), policy.delay_after(9));
    }
}

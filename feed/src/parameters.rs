//! The numbers the feed ranks by, in one place: published as they are, and versioned, because
//! every serving names the version it was made with.

use serde::Serialize;
use utoipa::ToSchema;

/// Raised with every change of a number below or of how it is used.
pub const VERSION: i32 = 1;

/// What a viewer's act adds to a clip's popularity, once a (viewer, clip).
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Rewards {
    /// Watched for 2 s or one pass.
    pub view: f64,
    /// Reached the end.
    pub completion: f64,
    /// Liked.
    pub like: f64,
    /// Shared.
    pub share: f64,
}

/// What each term of the score counts.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Weights {
    /// Logarithm of popularity with the short half-life.
    pub popular_now: f64,
    /// Logarithm of popularity with the long half-life.
    pub popular_lately: f64,
    /// Share of viewers who reached the end, shrunk towards clips of like length.
    pub completion_rate: f64,
    /// 1 for a clip just published, halved by the day.
    pub fresh: f64,
    /// The viewer follows its creator.
    pub followed: f64,
    /// Logarithm of how often it was liked or finished by those who did so with what this viewer
    /// liked or finished.
    pub neighbours: f64,
    /// The viewer asked for less of its creator; fades with time.
    pub not_interested: f64,
}

/// Rewards in force.
pub const REWARDS: Rewards = Rewards { view: 0.2, completion: 1.0, like: 1.5, share: 2.0 };

/// Weights of the for-you feed.
pub const FOR_YOU: Weights = Weights {
    popular_now: 0.6,
    popular_lately: 0.4,
    completion_rate: 2.0,
    fresh: 1.0,
    followed: 1.0,
    neighbours: 1.5,
    not_interested: -3.0,
};

/// Weights of the trending feed: what is popular now, nothing else.
pub const TRENDING: Weights = Weights {
    popular_now: 1.0,
    popular_lately: 0.0,
    completion_rate: 0.0,
    fresh: 0.0,
    followed: 0.0,
    neighbours: 0.0,
    not_interested: 0.0,
};

const HOUR_SECS: f64 = 3600.0;
const DAY_SECS: f64 = 24.0 * HOUR_SECS;

/// Popularity now halves in this time, seconds.
pub const HALF_LIFE_NOW_SECS: f64 = 6.0 * HOUR_SECS;
/// Popularity lately halves in this time, seconds.
pub const HALF_LIFE_LATELY_SECS: f64 = 2.0 * DAY_SECS;
/// Freshness halves in this time, seconds.
pub const HALF_LIFE_FRESH_SECS: f64 = DAY_SECS;
/// What two clips have in common halves in this time, seconds.
pub const HALF_LIFE_NEIGHBOURS_SECS: f64 = 7.0 * DAY_SECS;
/// "Not interested" halves in this time, seconds.
pub const HALF_LIFE_NOT_INTERESTED_SECS: f64 = 10.0 * DAY_SECS;

/// Completion rates are shrunk towards clips of like length as by this many viewers.
pub const COMPLETION_PRIOR_VIEWERS: f64 = 30.0;

/// Of this many places in a row …
pub const TRIAL_EVERY: u32 = 10;
/// … the one with this number (counted from 0) goes to a clip on trial.
pub const TRIAL_PLACE: u32 = 7;
/// A clip is on trial until so many viewers had it on their screen.
pub const TRIAL_IMPRESSIONS: u32 = 50;
/// The pick is among this many of the least shown.
pub const TRIAL_POOL_MAX: usize = 64;

/// A creator's clips stand at least this far apart, where others are left.
pub const CREATOR_DISTANCE: usize = 5;
/// In a row of this many places …
pub const CREATOR_WINDOW: usize = 10;
/// … a creator has at most this many, where others are left.
pub const CREATOR_WINDOW_MAX: usize = 2;

/// Candidates one source brings.
pub const SOURCE_MAX: usize = 300;
/// The viewer's latest liked or finished clips whose neighbours are candidates.
pub const RECENT_MAX: usize = 30;

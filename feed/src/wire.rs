//! The JSON of the feeds.

use estrade_domain::Time;
use estrade_http::clip_body::ClipBody;
use serde::Serialize;
use utoipa::ToSchema;

use crate::parameters::{self, Rewards, Weights};
use crate::reason::Reason;

/// A page of a feed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedPage)]
pub(crate) struct PageBody {
    /// Its clips, in order.
    pub(crate) items: Vec<ItemBody>,
    /// Where the next page begins; null at the end.
    #[schema(example = "q3VdOaXm0cJ8b0Zb1TzYVXsicyI6IjAxOTNhYiJ9")]
    pub(crate) next_cursor: Option<String>,
    /// Clips worth fetching ahead.
    #[schema(example = 3)]
    pub(crate) prefetch_count: u32,
    /// The server's clock.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub(crate) server_time: Time,
}

/// A clip as it was served.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedItem)]
pub(crate) struct ItemBody {
    /// This serving; name it in events, ask `why` with it.
    #[schema(example = "01936f2e-7d4b-7c3a-9f10-2b6c8d0e4a57")]
    pub(crate) served_id: String,
    /// Why it is here.
    pub(crate) reason: ReasonBody,
    /// The clip.
    pub(crate) clip: ClipBody,
    /// Where playing each rendition starts, lowest bandwidth first: enough to choose one and fetch
    /// its first segment without a playlist.
    pub(crate) start: Vec<StartBody>,
}

/// Why a clip was served.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedReason)]
pub(crate) struct ReasonBody {
    /// Stable code.
    #[schema(example = "popular")]
    pub(crate) code: &'static str,
    /// A sentence.
    #[schema(example = "Popular right now")]
    pub(crate) text: &'static str,
}

impl From<Reason> for ReasonBody {
    fn from(reason: Reason) -> Self {
        Self { code: reason.as_str(), text: reason.text() }
    }
}

/// Where playing a rendition starts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedStart)]
pub(crate) struct StartBody {
    /// Height, pixels.
    #[schema(example = 960)]
    pub(crate) height: i32,
    /// Peak bandwidth, bits a second.
    #[schema(example = 1_800_000)]
    pub(crate) bandwidth: i32,
    /// The init segment.
    pub(crate) init_url: String,
    /// The first media segment.
    pub(crate) first_url: String,
    /// Its size, bytes.
    #[schema(example = 180_000)]
    pub(crate) first_bytes: i32,
    /// Its length, milliseconds.
    #[schema(example = 1000)]
    pub(crate) first_ms: i32,
}

/// Why a clip was served, in full.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedWhy)]
pub(crate) struct WhyBody {
    /// The serving.
    #[schema(example = "01936f2e-7d4b-7c3a-9f10-2b6c8d0e4a57")]
    pub(crate) served_id: String,
    /// The clip.
    #[schema(example = "7k2m9x0q4v8n3c5t1w6z")]
    pub(crate) clip_id: String,
    /// `for_you`, `following` or `trending`.
    #[schema(example = "for_you")]
    pub(crate) feed: String,
    /// Its place in the scroll, counted from 0.
    #[schema(example = 7)]
    pub(crate) position: i32,
    /// Why, in a sentence.
    pub(crate) reason: ReasonBody,
    /// Where the clip came from.
    #[schema(example = "trial")]
    pub(crate) source: String,
    /// Whether it got its place to be tried, rather than for its score.
    pub(crate) explored: bool,
    /// What moved its score most, up or down.
    pub(crate) terms: Vec<WhyTerm>,
    /// How likely this clip was to get this place.
    #[schema(example = 0.25)]
    pub(crate) propensity: f32,
    /// Whether what its viewer watched was used.
    pub(crate) profiled: bool,
    /// Version of the parameters it was ranked with.
    #[schema(example = 1)]
    pub(crate) parameters_version: i32,
    /// When it was served.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub(crate) served_at: Time,
}

/// A term of a score.
#[derive(Debug, Serialize, serde::Deserialize, ToSchema)]
#[schema(as = FeedTerm)]
pub(crate) struct WhyTerm {
    /// Its name among the weights of the parameters.
    #[schema(example = "fresh")]
    pub(crate) term: String,
    /// What it added to the score.
    #[schema(example = 0.87)]
    pub(crate) value: f32,
}

/// The numbers the feeds rank by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedParameters)]
pub(crate) struct ParametersBody {
    /// Raised with every change; servings name it.
    #[schema(example = 1)]
    pub(crate) version: i32,
    /// Weights of the terms, for-you.
    pub(crate) for_you: Weights,
    /// Weights of the terms, trending.
    pub(crate) trending: Weights,
    /// What a viewer's act adds to popularity, once a viewer and clip.
    pub(crate) rewards: Rewards,
    /// Times after which figures have halved.
    pub(crate) half_lives: HalfLivesBody,
    /// Places for clips on trial.
    pub(crate) trials: TrialsBody,
    /// How far a creator's clips stand apart.
    pub(crate) spacing: SpacingBody,
    /// Completion rates are shrunk towards clips of like length as by this many viewers.
    pub(crate) completion_prior_viewers: f64,
    /// How to be served without profiling.
    #[schema(example = "send the header Estrade-Profiling: off, or turn profiling off in your account")]
    pub(crate) opt_out: &'static str,
}

/// Times after which figures have halved, seconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedHalfLives)]
#[expect(clippy::struct_field_names, reason = "on the wire every field names its unit")]
pub(crate) struct HalfLivesBody {
    /// Popularity now.
    pub(crate) popular_now_secs: f64,
    /// Popularity lately.
    pub(crate) popular_lately_secs: f64,
    /// Freshness.
    pub(crate) fresh_secs: f64,
    /// What two clips have in common.
    pub(crate) neighbours_secs: f64,
    /// "Not interested".
    pub(crate) not_interested_secs: f64,
}

/// Places for clips on trial.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedTrials)]
pub(crate) struct TrialsBody {
    /// Of this many places in a row …
    pub(crate) every: u32,
    /// … the one with this number, counted from 0.
    pub(crate) place: u32,
    /// The share of places.
    pub(crate) share: f64,
    /// A clip is on trial until so many viewers had it on their screen.
    pub(crate) impressions: u32,
}

/// How far a creator's clips stand apart, where others are left.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedSpacing)]
pub(crate) struct SpacingBody {
    /// Places between two clips, at least.
    pub(crate) distance: usize,
    /// In a row of this many places …
    pub(crate) window: usize,
    /// … at most this many.
    pub(crate) window_max: usize,
}

impl ParametersBody {
    /// Those in force.
    pub(crate) fn in_force() -> Self {
        Self {
            version: parameters::VERSION,
            for_you: parameters::FOR_YOU,
            trending: parameters::TRENDING,
            rewards: parameters::REWARDS,
            half_lives: HalfLivesBody {
                popular_now_secs: parameters::HALF_LIFE_NOW_SECS,
                popular_lately_secs: parameters::HALF_LIFE_LATELY_SECS,
                fresh_secs: parameters::HALF_LIFE_FRESH_SECS,
                neighbours_secs: parameters::HALF_LIFE_NEIGHBOURS_SECS,
                not_interested_secs: parameters::HALF_LIFE_NOT_INTERESTED_SECS,
            },
            trials: TrialsBody {
                every: parameters::TRIAL_EVERY,
                place: parameters::TRIAL_PLACE,
                share: 1.0 / f64::from(parameters::TRIAL_EVERY),
                impressions: parameters::TRIAL_IMPRESSIONS,
            },
            spacing: SpacingBody {
                distance: parameters::CREATOR_DISTANCE,
                window: parameters::CREATOR_WINDOW,
                window_max: parameters::CREATOR_WINDOW_MAX,
            },
            completion_prior_viewers: parameters::COMPLETION_PRIOR_VIEWERS,
            opt_out: "send the header Estrade-Profiling: off, or turn profiling off in your account",
        }
    }
}

//! The words of Estrade as values: ids, nouns, states, validated text, cursors, tickets, media addresses.
//!
//! Nothing here does I/O or reads a clock; time and randomness come in as parameters
//! ([`Clock`], [`Entropy`]), so every rule can be tested with values alone.

pub mod audience;
pub mod clock;
pub mod cursor;
pub mod entropy;
pub mod id;
pub mod limits;
pub mod media_url;
pub mod public_id;
pub mod secret;
pub mod subtitles;
pub mod text;
pub mod ticket;
pub mod webvtt;

pub use audience::{Audience, Axes, Processing, RestrictionEffect, Standing, Visibility};
pub use clock::{Clock, SystemClock};
pub use entropy::Entropy;
pub use id::{
    AccountId, ClipId, DownloadId, JobId, PosterId, ReportId, RestrictionId, ServedId, SlateId, UploadId, VersionId,
    ViewerId,
};
pub use public_id::PublicId;
pub use secret::SigningKey;

/// A point in time, always UTC.
pub type Time = chrono::DateTime<chrono::Utc>;

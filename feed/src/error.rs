use estrade_db::DbError;
use estrade_http::Problem;

use crate::pipeline::Closed;

/// Why the feed could not start or answer.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The metrics are registered already.
    #[error("metrics")]
    Metrics(#[from] prometheus::Error),
    /// A component without which there is no answer failed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The feed does not know whether what it knows still holds.
    #[error("the feed has not heard from the event log for too long")]
    Stale,
    /// The cursor was not made here for this list.
    #[error("the cursor was not made by this server for this list")]
    InvalidCursor,
}

impl From<estrade_domain::cursor::InvalidCursor> for FeedError {
    fn from(_: estrade_domain::cursor::InvalidCursor) -> Self {
        Self::InvalidCursor
    }
}

impl FeedError {
    /// Its name among the outcomes that are counted.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Db(error) if error.is_unavailable() => "database_unavailable",
            Self::Db(_) | Self::Metrics(_) => "failed",
            Self::Closed(_) => "closed",
            Self::Stale => "stale",
            Self::InvalidCursor => "invalid_cursor",
        }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Db(error) => error.into(),
            FeedError::Metrics(_) => Self::internal(&error),
            FeedError::Closed(_) => {
                tracing::error!(error = %estrade_http::problem::chain(&error), "feed closed");
                Self::unavailable("feed_unavailable", "the feed is not available at the moment")
            }
            FeedError::Stale => Self::unavailable("feed_stale", "the feed is catching up; try again shortly"),
            FeedError::InvalidCursor => Self::bad_request(
                "invalid_cursor",
                "this cursor was not made by this server for this list; begin again without one",
            ),
        }
    }
}

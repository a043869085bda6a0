//! Time as a parameter.

use std::fmt::Debug;

use crate::Time;

/// Where the present comes from: the machine in production, a test's hand in tests.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Time {
        chrono::Utc::now()
    }
}

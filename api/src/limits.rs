//! The places of each class of requests.

use estrade_http::limit::ClassLimit;
use estrade_http::metrics::RequestMetrics;

/// Sign-ups and logins at a time; the password pool bounds the work, this bounds the crowd.
const SIGN_IN_PLACES: usize = 64;

/// One limit a class; a class under pressure leaves the others their places.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Making accounts, sessions and guests.
    pub(crate) sign_in: ClassLimit,
    /// Everything that only looks.
    pub(crate) reads: ClassLimit,
    /// Everything that changes something.
    pub(crate) writes: ClassLimit,
    /// What clients report of watching; the first to be turned away.
    pub(crate) events: ClassLimit,
}

impl Limits {
    /// Limits that suit a pool of `connections`: reads may use them twice over, since a request
    /// waits for more than the database; writes and events each a part.
    pub fn new(connections: usize, metrics: &RequestMetrics) -> Self {
        let class = |name, places: usize| ClassLimit::new(name, places.max(2), metrics);
        Self {
            sign_in: class("sign_in", SIGN_IN_PLACES),
            reads: class("reads", connections * 2),
            writes: class("writes", connections),
            events: class("events", connections / 2),
        }
    }
}

//! How often people may try.

use std::num::NonZeroU32;
use std::sync::Arc;

use estrade_domain::text::Handle;
use estrade_domain::{Time, ViewerId};
use estrade_http::Result;
use estrade_http::rate::{Network, RateLimit};

use crate::Args;

/// Passwords of one handle may be tried this many times as often from all networks together.
const EVERYWHERE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// All limits on tries; cheap to clone.
#[derive(Debug, Clone)]
pub struct Attempts(Arc<Limits>);

#[derive(Debug)]
struct Limits {
    sign_ups: RateLimit<Network>,
    logins: RateLimit<Network>,
    logins_by_handle: RateLimit<(String, Network)>,
    logins_by_handle_everywhere: RateLimit<String>,
    event_batches: RateLimit<ViewerId>,
    reports: RateLimit<Network>,
}

impl Attempts {
    /// The limits the settings name.
    pub fn new(args: &Args) -> Self {
        Self(Arc::new(Limits {
            sign_ups: RateLimit::new(args.sign_ups_per_minute),
            logins: RateLimit::new(args.logins_per_minute),
            logins_by_handle: RateLimit::new(args.logins_per_handle),
            logins_by_handle_everywhere: RateLimit::new(args.logins_per_handle.saturating_mul(EVERYWHERE)),
            event_batches: RateLimit::new(args.event_batches_per_minute),
            reports: RateLimit::new(args.reports_per_minute),
        }))
    }

    /// Counts a sign-up.
    pub(crate) fn sign_up(&self, network: Network, now: Time) -> Result<()> {
        self.0.sign_ups.take(network, now)
    }

    /// Counts a login.
    pub(crate) fn login(&self, network: Network, now: Time) -> Result<()> {
        self.0.logins.take(network, now)
    }

    /// Counts a password tried for a handle. One network that guesses does not keep the owner out.
    pub(crate) fn password_of(&self, handle: &Handle, network: Network, now: Time) -> Result<()> {
        self.0.logins_by_handle.take((handle.to_string(), network), now)?;
        self.0.logins_by_handle_everywhere.take(handle.to_string(), now)
    }

    /// The password was right: what was tried before it no longer counts.
    pub(crate) fn password_was_right(&self, handle: &Handle, network: Network) {
        self.0.logins_by_handle.forget(&(handle.to_string(), network));
        self.0.logins_by_handle_everywhere.forget(&handle.to_string());
    }

    /// Counts a batch of events.
    pub(crate) fn event_batch(&self, viewer: ViewerId, now: Time) -> Result<()> {
        self.0.event_batches.take(viewer, now)
    }

    /// Counts a report.
    pub(crate) fn report(&self, network: Network, now: Time) -> Result<()> {
        self.0.reports.take(network, now)
    }
}

//! How often one key (an address, a handle) may do something, in memory, a minute at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::Duration;
use estrade_domain::Time;

use crate::request::ClientAddr;
use crate::{Problem, Result};

/// Keys remembered at a time by each limit.
const KEYS_MAX: usize = 100_000;

/// Who tries: the client's address, of IPv6 the first 64 bits, since one household has all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(ip) => Self(IpAddr::V4(ip)),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Network {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let address = parts.extensions.get::<ClientAddr>();
        address.map(|address| Self::of(address.0)).ok_or_else(|| {
            tracing::error!("the serve loop gave a request no client address");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side")
        })
    }
}

/// A limit for each key: so many at once, and as many again spread over every minute.
#[derive(Debug)]
pub struct RateLimit<K> {
    per_minute: NonZeroU32,
    /// For each key, when it will have used up nothing again.
    free_at: Mutex<HashMap<K, Time>>,
}

impl<K: Hash + Eq> RateLimit<K> {
    /// So many a minute for each key.
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, free_at: Mutex::new(HashMap::new()) }
    }

    /// What one try uses up.
    fn cost(&self) -> Duration {
        Duration::microseconds(60_000_000 / i64::from(self.per_minute.get()))
    }

    /// Counts a try, or answers 429 with how long to wait.
    pub fn take(&self, key: K, now: Time) -> Result<()> {
        self.try_take(key, now).map_err(too_many)
    }

    /// Counts a try, or says how long to wait.
    fn try_take(&self, key: K, now: Time) -> Result<(), Duration> {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        if free_at.len() >= KEYS_MAX {
            free_at.retain(|_, at| *at > now);
        }
        if free_at.len() >= KEYS_MAX && !free_at.contains_key(&key) {
            return Err(self.cost());
        }
        let next = free_at.get(&key).copied().unwrap_or(now).max(now) + self.cost();
        let wait = next - now - Duration::minutes(1);
        if wait > Duration::zero() {
            return Err(wait);
        }
        free_at.insert(key, next);
        Ok(())
    }

    /// What was tried for a key no longer counts.
    pub fn forget(&self, key: &K) {
        self.free_at.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

fn too_many(wait: Duration) -> Problem {
    // Rounded up: whoever comes back then is let in.
    let secs = u32::try_from(wait.num_milliseconds().max(0).div_euclid(1000) + 1).unwrap_or(60);
    Problem::too_many("too_many_attempts", format!("too many tries; wait {secs} seconds"), secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Time {
        Time::UNIX_EPOCH + Duration::seconds(secs)
    }

    fn limit(per_minute: u32) -> RateLimit<&'static str> {
        RateLimit::new(NonZeroU32::new(per_minute).expect("not zero"))
    }

    #[test]
    fn a_burst_is_let_in_and_then_one_at_a_time() {
        let limit = limit(3);
        for _ in 0..3 {
            assert_eq!(limit.try_take("ada", at(0)).ok(), Some(()));
        }
        assert_eq!(limit.try_take("ada", at(0)), Err(Duration::seconds(20)));
        assert_eq!(limit.try_take("bob", at(0)).ok(), Some(()));
        assert_eq!(limit.try_take("ada", at(19)), Err(Duration::seconds(1)));
        assert_eq!(limit.try_take("ada", at(20)).ok(), Some(()));
        assert_eq!(limit.try_take("ada", at(20)), Err(Duration::seconds(20)));
    }

    #[test]
    fn a_forgotten_key_starts_anew() {
        let limit = limit(1);
        assert!(limit.try_take("ada", at(0)).is_ok() && limit.try_take("ada", at(0)).is_err());
        limit.forget(&"ada");
        assert!(limit.try_take("ada", at(0)).is_ok());
    }

    #[test]
    fn keys_are_bounded_and_those_that_are_free_go_first() {
        let limit: RateLimit<usize> = RateLimit::new(NonZeroU32::new(1).expect("not zero"));
        for key in 0..KEYS_MAX {
            limit.try_take(key, at(0)).expect("place");
        }
        assert!(limit.try_take(KEYS_MAX, at(1)).is_err());
        assert!(limit.try_take(KEYS_MAX, at(60)).is_ok());
        assert_eq!(limit.free_at.lock().expect("lock").len(), 1);
    }

    #[test]
    fn one_household_is_one_network() {
        let network = |text: &str| Network::of(text.parse().expect("ip"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:1.2.3.4"), network("1.2.3.4"));
        assert_ne!(network("1.2.3.4"), network("1.2.3.5"));
    }

    #[test]
    fn the_wait_is_told_rounded_up() {
        use axum::response::IntoResponse;
        let response = too_many(Duration::milliseconds(1500)).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "2");
    }
}

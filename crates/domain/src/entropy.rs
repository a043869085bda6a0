//! Randomness as a parameter.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use uuid::Uuid;

use crate::{PublicId, Time};

/// A shared cryptographic random generator: seeded by the operating system in
/// production, by a number in tests.
#[derive(Clone)]
pub struct Entropy(Arc<Mutex<StdRng>>);

impl Entropy {
    /// Seeded by the operating system.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
    pub fn from_os() -> Self {
        Self(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }

    /// The same sequence for the same `seed`: for tests and replays only.
    pub fn from_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Runs `draw` with the generator.
    pub fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        // A panic while drawing leaves the generator's state usable.
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// A time-ordered UUID (version 7) for `now`.
    pub fn uuid(&self, now: Time) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// A fresh public id.
    pub fn public_id(&self) -> PublicId {
        PublicId::from_random(self.bytes())
    }

    /// A fraction in `0.0..1.0`, for jitter.
    pub fn fraction(&self) -> f64 {
        self.with(rand::Rng::random::<f64>)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_ids() {
        let (a, b) = (Entropy::from_seed(7), Entropy::from_seed(7));
        assert_eq!(a.public_id(), b.public_id());
        assert_ne!(a.public_id(), b.uuid(Time::UNIX_EPOCH).to_string().parse().unwrap_or(a.public_id()));
    }

    #[test]
    fn uuids_order_by_time() {
        let entropy = Entropy::from_seed(1);
        let early = entropy.uuid(Time::UNIX_EPOCH);
        let late = entropy.uuid(Time::UNIX_EPOCH + chrono::Duration::milliseconds(5));
        assert!(early < late);
        assert_eq!(late.get_version_num(), 7);
    }
}

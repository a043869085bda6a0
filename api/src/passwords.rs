//! Password hashes: argon2id in a small bounded pool. One hash costs a tenth of a second of a core,
//! so without a bound logins would be the cheapest way to stop the service.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use estrade_domain::Entropy;
use estrade_http::Problem;
use tokio::sync::Semaphore;

/// Requests that wait for a place in the pool; more are turned away.
const QUEUE_MAX: usize = 50;
/// Bytes of salt and of the hash itself.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// 19 MiB and two passes.
    fn default() -> Self {
        Self { memory_kib: 19 << 10, passes: 2 }
    }
}

/// Why no hash was computed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are being checked")]
    Busy,
    /// The library refused, or a stored hash is not one.
    #[error("password hash: {0}")]
    Hash(String),
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => {
                Self::unavailable("overloaded", "too many people are signing in at the moment; try again shortly")
            }
            PasswordError::Hash(_) => Self::internal(&error),
        }
    }
}

/// Whether a password fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does not.
    Wrong,
    /// It does.
    Right {
        /// The hash to store instead, because the stored one cost less than hashes cost now.
        renewed: Option<String>,
    },
}

/// The pool; cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// Those who wait and those who work.
    admitted: Arc<Semaphore>,
    working: Arc<Semaphore>,
    argon2: Argon2<'static>,
    entropy: Entropy,
    /// Nobody's password: checked where a handle is unknown, so that both take the same time.
    nobody: Arc<str>,
}

impl Passwords {
    /// A pool of half the cores, at least one.
    pub fn new(cost: PasswordCost, entropy: Entropy) -> Result<Self, PasswordError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_places((cores / 2).max(1), QUEUE_MAX, cost, entropy)
    }

    fn with_places(
        places: usize,
        queue_max: usize,
        cost: PasswordCost,
        entropy: Entropy,
    ) -> Result<Self, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(HASH_BYTES))
            .map_err(|error| PasswordError::Hash(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon2, &entropy.bytes::<32>(), &entropy.bytes::<SALT_BYTES>())?;
        Ok(Self {
            admitted: Arc::new(Semaphore::new(places + queue_max)),
            working: Arc::new(Semaphore::new(places)),
            argon2,
            entropy,
            nobody: nobody.into(),
        })
    }

    /// Hashes a new password; PHC form.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let (argon2, salt) = (self.argon2.clone(), self.entropy.bytes::<SALT_BYTES>());
        self.run(move || hash(&argon2, password.as_bytes(), &salt)).await
    }

    /// Checks a password against the stored hash, or against nobody's in the same time.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<Verdict, PasswordError> {
        let (argon2, salt) = (self.argon2.clone(), self.entropy.bytes::<SALT_BYTES>());
        let is_known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.to_string());
        self.run(move || {
            let parsed = PasswordHash::new(&stored).map_err(|error| PasswordError::Hash(error.to_string()))?;
            let fits = argon2.verify_password(password.as_bytes(), &parsed).is_ok();
            if !fits || !is_known {
                return Ok(Verdict::Wrong);
            }
            let renewed = costs_less(&parsed, argon2.params()).then(|| hash(&argon2, password.as_bytes(), &salt));
            Ok(Verdict::Right { renewed: renewed.transpose()? })
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let place = Arc::clone(&self.working).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        // The work goes on when the request is given up, so it holds its places itself.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((place, admitted));
            result
        });
        done.await.map_err(|error| PasswordError::Hash(error.to_string()))?
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    let hashed: PasswordHash =
        argon2.hash_password_with_salt(password, salt).map_err(|error| PasswordError::Hash(error.to_string()))?;
    Ok(hashed.to_string())
}

fn costs_less(stored: &PasswordHash, now: &Params) -> bool {
    Params::try_from(stored).map_or(true, |then| then.m_cost() < now.m_cost() || then.t_cost() < now.t_cost())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

    fn pool(places: usize, queue_max: usize, cost: PasswordCost) -> Passwords {
        Passwords::with_places(places, queue_max, cost, Entropy::from_seed(1)).expect("pool")
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let pool = pool(1, 5, CHEAP);
        let stored = pool.hash("correct horse".into()).await.expect("hash");
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        let right = pool.verify("correct horse".into(), Some(stored.clone())).await.expect("verdict");
        assert_eq!(right, Verdict::Right { renewed: None });
        assert_eq!(pool.verify("wrong horse".into(), Some(stored)).await.expect("verdict"), Verdict::Wrong);
        assert_eq!(pool.verify("correct horse".into(), None).await.expect("verdict"), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_is_renewed_when_the_cost_rises_and_not_when_it_falls() {
        let (weak, strong) = (pool(1, 5, CHEAP), pool(1, 5, PasswordCost { memory_kib: 16, passes: 1 }));
        let stored = weak.hash("correct horse".into()).await.expect("hash");
        let verdict = strong.verify("correct horse".into(), Some(stored)).await.expect("verdict");
        let Verdict::Right { renewed: Some(renewed) } = verdict else { panic!("{verdict:?}") };
        assert!(renewed.contains("m=16"), "{renewed}");
        let verdict = weak.verify("correct horse".into(), Some(renewed)).await.expect("verdict");
        assert_eq!(verdict, Verdict::Right { renewed: None });
    }

    #[tokio::test]
    async fn beyond_the_queue_requests_are_turned_away() {
        let pool = pool(1, 1, CHEAP);
        let holding = Arc::clone(&pool.working).acquire_owned().await.expect("place");
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.hash("first".into()).await }
        });
        while pool.admitted.available_permits() == 2 {
            tokio::task::yield_now().await;
        }
        let admitted = Arc::clone(&pool.admitted).acquire_owned().await.expect("second");
        assert!(matches!(pool.hash("third".into()).await, Err(PasswordError::Busy)));
        drop((holding, admitted));
        assert!(waiting.await.expect("task").is_ok());
        assert!(pool.hash("fourth".into()).await.is_ok());
    }
}

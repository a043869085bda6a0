use axum::extract::FromRef;
use estrade_blobs::Blobs;
use estrade_db::PgPool;
use estrade_domain::media_url::MediaUrls;
use estrade_domain::{Clock, Entropy, SigningKey, Time};
use estrade_http::{Identity, Problem};
use prometheus::{IntCounter, Registry};
use std::sync::Arc;

use crate::{Attempts, ClipStreams, Passwords, PictureDesk, Uploads};

/// What handlers share; cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    /// Who is asking: pool, clock, randomness, public address.
    pub identity: Identity,
    /// Addresses of media.
    pub urls: MediaUrls,
    /// Signs cursors and tickets.
    pub key: SigningKey,
    /// Objects.
    pub blobs: Blobs,
    /// The pool that hashes passwords.
    pub passwords: Passwords,
    /// How often one address or handle may try.
    pub attempts: Attempts,
    /// Takes pictures apart that people send.
    pub pictures: PictureDesk,
    /// Uploads.
    pub uploads: Uploads,
    /// Open event streams; [`ClipStreams::run`] feeds them.
    pub streams: ClipStreams,
    /// Clips left out of lists because their rows do not fit the model.
    pub unreadable_clips: IntCounter,
}

/// Registers [`ApiState::unreadable_clips`].
pub fn count_unreadable_clips(registry: &Registry) -> Result<IntCounter, prometheus::Error> {
    let help = "Clips left out of lists because their rows do not fit the model";
    let counter = IntCounter::new("estrade_api_clips_unreadable_total", help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

impl ApiState {
    /// Now.
    pub fn now(&self) -> Time {
        self.identity.clock.now()
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.identity.clock
    }

    /// Randomness.
    pub fn entropy(&self) -> &Entropy {
        &self.identity.entropy
    }

    /// Connections.
    pub fn pool(&self) -> &PgPool {
        &self.identity.pool
    }

    /// A connection; 503 when none is free in time.
    pub async fn conn(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, Problem> {
        self.pool().acquire().await.map_err(|error| estrade_db::DbError::from(error).into())
    }

    /// A transaction; rolled back when dropped without commit.
    pub async fn begin(&self) -> Result<estrade_db::Transaction, Problem> {
        self.pool().begin().await.map_err(|error| estrade_db::DbError::from(error).into())
    }
}

impl FromRef<ApiState> for Identity {
    fn from_ref(state: &ApiState) -> Self {
        state.identity.clone()
    }
}

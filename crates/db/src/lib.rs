//! Everything PostgreSQL: the pool, the migrations and all SQL, one module a table group.
//!
//! Functions take `&mut PgConnection`, so that a caller decides about the transaction. Lookups that
//! may miss are called `find_…`. Rows become domain values here; a row that violates the model is
//! [`DbError::Corrupt`] and names its table, column and id. Lists of clips are [`Found`]: they go on without such a row.

pub mod accounts;
pub mod captions;
pub mod clip_changes;
pub mod clip_lists;
pub mod clips;
pub mod downloads;
mod error;
pub mod event_log;
pub mod families;
pub mod feed;
pub mod feed_servings;
pub mod feed_viewers;
pub mod jobs;
pub mod media;
pub mod media_access;
mod pool;
pub mod posters;
pub mod sessions;
pub mod social;
pub mod transcodes;
pub mod uploads;
pub mod viewers;
pub mod watching;

pub use error::{DbError, Found, Result};
pub use pool::{Listener, connect, create_database, listen, migrate, now, pending_migrations};
pub use sqlx::PgConnection;
pub use sqlx::PgPool;

/// A transaction; commit it, or it is rolled back when dropped.
pub type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

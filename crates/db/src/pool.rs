use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};

use crate::{DbError, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a request waits for a free connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// No statement of a request runs longer.
const STATEMENT_TIMEOUT_MS: &str = "10000";
/// No statement waits longer for a lock.
const LOCK_TIMEOUT_MS: &str = "4000";

/// Notifications of named channels.
pub type Listener = PgListener;

fn options(url: &str) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url).map_err(|error| DbError::Url(error.to_string()))?;
    Ok(options
        .application_name("estrade")
        .options([("statement_timeout", STATEMENT_TIMEOUT_MS), ("lock_timeout", LOCK_TIMEOUT_MS)]))
}

/// Connects a pool of at most `connections_max` connections and checks that the database answers.
pub async fn connect(url: &str, connections_max: u32) -> Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options(url)?)
        .await?;
    Ok(pool)
}

/// Creates the database the URL names, unless it exists; the server must be running.
pub async fn create_database(url: &str) -> Result<()> {
    let target = options(url)?;
    let name = target.get_database().unwrap_or("estrade").to_owned();
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_plain {
        return Err(DbError::Url(format!(
            "the database name {name:?} has other characters than letters, digits and _"
        )));
    }
    let mut conn = target.database("postgres").connect().await?;
    let exists = sqlx::query_scalar!("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name)
        .fetch_one(&mut conn)
        .await?;
    if exists != Some(true) {
        // A name cannot be bound; it was checked above to be a plain identifier.
        let statement = format!("CREATE DATABASE {name}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await?;
    }
    conn.close().await?;
    Ok(())
}

/// Applies the migrations that are missing; several processes may call it at once.
pub async fn migrate(pool: &PgPool) -> Result<()> {
    Ok(MIGRATIONS.run(pool).await?)
}

/// How many migrations are missing.
pub async fn pending_migrations(pool: &PgPool) -> Result<usize> {
    let known = sqlx::query_scalar!("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(pool).await?;
    if known != Some(true) {
        return Ok(MIGRATIONS.iter().count());
    }
    let applied: i64 =
        sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success").fetch_one(pool).await?;
    Ok(MIGRATIONS.iter().count().saturating_sub(usize::try_from(applied).unwrap_or_default()))
}

/// Subscribes to notifications: `jobs`, `event_log`, `clips` (payload: the clip's public id).
/// Subscribe first, then query, so that nothing falls between.
pub async fn listen(pool: &PgPool, channels: &[&str]) -> Result<Listener> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all(channels.iter().copied()).await?;
    Ok(listener)
}

/// The database's clock.
pub async fn now(pool: &PgPool) -> Result<chrono::DateTime<chrono::Utc>> {
    Ok(sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(pool).await?)
}

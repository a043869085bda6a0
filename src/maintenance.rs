//! What is tidied up from time to time. Every step may run on several processes at once.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use estrade_db::{PgPool, event_log, jobs, sessions};
use estrade_domain::{Clock, Entropy};
use tokio_util::sync::CancellationToken;

/// Rounds are this far apart, give or take a quarter.
const PERIOD: Duration = Duration::from_hours(1);
/// Feeds are rebuilt from tables, not from the log: a day covers any that is behind.
const LOG_KEPT: TimeDelta = TimeDelta::hours(24);
/// Ended jobs are kept this long for operators to look at.
const JOBS_KEPT: Duration = Duration::from_hours(14 * 24);

/// Tidies until `stop`.
pub(crate) async fn run(pool: PgPool, clock: Arc<dyn Clock>, entropy: Entropy, stop: CancellationToken) {
    loop {
        let pause = PERIOD.mul_f64(0.75 + entropy.fraction() / 2.0);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(error) = tidy(&pool, &*clock).await {
            tracing::warn!(error = %estrade_http::problem::chain(&error), "maintenance failed; the next round tries again");
        }
    }
}

async fn tidy(pool: &PgPool, clock: &dyn Clock) -> Result<(), estrade_db::DbError> {
    let mut conn = pool.acquire().await?;
    let sessions = sessions::delete_expired(&mut conn, clock.now()).await?;
    let events = event_log::trim(&mut conn, clock.now() - LOG_KEPT).await?;
    let jobs = jobs::delete_finished(&mut conn, JOBS_KEPT).await?;
    tracing::info!(sessions, events, jobs, "maintenance done");
    Ok(())
}

use anyhow::bail;
use estrade_db::jobs::{JobState, cancel_discarded, find_discarded, list_jobs};
use estrade_domain::{Clock, Entropy, JobId, SystemClock};
use estrade_events::Event;
use estrade_jobs::{Retried, retry_discarded};
use sqlx::types::Uuid;

use super::parse_kind;
use crate::config::StoreSettings;
use crate::serve::Database;

/// Jobs retried by one command at most.
const JOBS_MAX: i64 = 10_000;

/// Which discarded jobs.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Args {
    /// One job, as `list-jobs` names it
    #[arg(value_name = "JOB", value_parser = parse_id)]
    job: Option<JobId>,
    /// All of this kind, such as `transcode_clip`
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Option<estrade_jobs::Kind>,
}

fn parse_id(text: &str) -> Result<JobId, String> {
    Uuid::try_parse(text).map(JobId).map_err(|_| "not the id of a job".to_owned())
}

/// How many jobs ended how.
#[derive(Debug, Default)]
struct Tally {
    retried: usize,
    unwanted: usize,
}

pub(super) async fn run(store: &StoreSettings, args: &Args) -> anyhow::Result<()> {
    let database = Database::for_command(store).await?;
    let tally = retry(&database, args).await;
    database.close().await?;
    let Tally { retried, unwanted } = tally?;
    println!("{retried} retried; {unwanted} not: nothing waits for them any more, or the same work is under way");
    Ok(())
}

async fn retry(database: &Database, args: &Args) -> anyhow::Result<Tally> {
    let mut conn = database.pool.acquire().await?;
    let ids = match (args.job, args.kind) {
        (Some(job), _) => vec![job],
        (None, kind) => {
            let kind = kind.map(estrade_jobs::Kind::as_str);
            let jobs = list_jobs(&mut conn, JobState::Discarded, kind, JOBS_MAX).await?;
            jobs.into_iter().map(|job| job.id).collect()
        }
    };
    drop(conn);
    let entropy = Entropy::from_os();
    let mut tally = Tally::default();
    for id in ids {
        match retry_one(database, id, &entropy).await? {
            Some(Retried::Unwanted | Retried::Foreign) => tally.unwanted += 1,
            Some(_) => tally.retried += 1,
            None if args.job.is_some() => bail!("there is no discarded job {id}"),
            // Somebody else retried it meanwhile.
            None => {}
        }
    }
    Ok(tally)
}

/// None when it is not discarded.
async fn retry_one(database: &Database, id: JobId, entropy: &Entropy) -> anyhow::Result<Option<Retried>> {
    let mut tx = database.pool.begin().await?;
    let Some(job) = find_discarded(&mut tx, id).await? else { return Ok(None) };
    let retried = retry_discarded(&mut tx, &job, SystemClock.now(), entropy).await?;
    if let Retried::Restarted(clip_id) = retried {
        estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
    }
    if retried == Retried::Unwanted {
        // What was tried is taken back, and the job is no longer in the way of those that wait for an operator.
        tx.rollback().await?;
        cancel_discarded(&mut *database.pool.acquire().await?, id).await?;
    } else {
        tx.commit().await?;
    }
    Ok(Some(retried))
}

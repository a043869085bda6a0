use estrade_db::Transaction;
use estrade_domain::{AccountId, ClipId};
use estrade_http::Result;
use estrade_jobs::{Job, Weight, enqueue};

use crate::ApiState;

/// Lets caches forget what they hold of a clip, once the transaction is committed: segments and pictures may be kept
/// there for a year, and fewer people may see them from now on.
pub(super) async fn purge_copies(
    tx: &mut Transaction,
    api: &ApiState,
    owner: AccountId,
    clip_id: ClipId,
) -> Result<()> {
    let job = Job::PurgeMedia { clip_id, at: api.now() };
    enqueue(tx, &job, Weight::light(owner), api.now(), api.entropy()).await?;
    Ok(())
}

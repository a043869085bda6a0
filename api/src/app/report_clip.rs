use estrade_db::DbError;
use estrade_db::social::{NewReport, insert_report};
use estrade_domain::{AccountId, PublicId, ReportId, ViewerId};
use estrade_http::Result;

use crate::ApiState;
use crate::access::find_visible;

/// What somebody reports of a clip, checked.
#[derive(Debug)]
pub(crate) struct NewClipReport {
    pub clip: PublicId,
    pub reporter: ViewerId,
    pub account: Option<AccountId>,
    pub reason: &'static str,
    pub detail: Option<String>,
}

/// Keeps a report about a clip the reporter may see; its public id.
pub(crate) async fn report_clip(api: &ApiState, new: NewClipReport) -> Result<PublicId> {
    let now = api.now();
    let mut tx = api.begin().await?;
    let clip_id = find_visible(&mut tx, &new.clip, new.account).await?.row.id;
    let report = NewReport {
        id: ReportId::new(now, api.entropy()),
        public_id: &api.entropy().public_id(),
        clip_id,
        reporter_id: new.reporter,
        reason: new.reason,
        detail: new.detail.as_deref(),
        at: now,
    };
    let id = insert_report(&mut tx, &report).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(id)
}

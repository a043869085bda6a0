//! Makes a family: one job from its first chunk to its last, which steps back after a chunk when anything more urgent waits.

use estrade_db::transcodes::{self, Work};
use estrade_db::{DbError, PgConnection, families};
use estrade_domain::VersionId;
use estrade_jobs::JobError;

use super::TranscodeHandler;
use super::attempt::Saved;
use super::begin::{Begin, Start};
use super::extras::discard;
use super::publish::read_chunks;
use crate::package::{Package, assemble, multivariant_with};
use crate::plan::{Family, TranscodePlan};

impl TranscodeHandler {
    /// What is left to do of a family, and the version that is to show it; none when the family is whole or not
    /// wanted any more.
    pub(super) async fn find_family_start(
        &self,
        begin: &Begin<'_>,
    ) -> Result<Option<(Work, Start, VersionId)>, JobError> {
        let mut conn = self.pool.acquire().await.map_err(DbError::from)?;
        let Some((base, name)) = families::find_base(&mut conn, begin.version_id).await? else { return Ok(None) };
        let family = Family::from_name(&name).ok_or_else(|| discard("unknown_family", &name))?;
        let Some(work) = begin.find_work_with(&mut conn).await? else { return Ok(None) };
        let plan = find_plan(&mut conn, base).await?.of_family(family);
        Ok(Start::of_family(&work, plan)?.map(|start| (work, start, base)))
    }
}

/// The plan of the version that the family belongs to.
async fn find_plan(conn: &mut PgConnection, base: VersionId) -> Result<TranscodePlan, JobError> {
    let work = transcodes::find_work(conn, base).await?;
    let plan = work.and_then(|work| work.plan).and_then(|(plan, _)| serde_json::from_value::<Saved>(plan).ok());
    Ok(plan.ok_or_else(|| discard("no_plan", "the version has no plan that can be read"))?.plan)
}

/// Shows all whole families of a version in its multivariant playlist. Players that have the old one go on with
/// it: nothing that it lists is taken away.
pub(super) async fn show_families(conn: &mut PgConnection, base: VersionId) -> Result<(), JobError> {
    let made = families::hold_made(conn, base).await?;
    let Some((version, others)) = made.split_first() else { return Ok(()) };
    let version = read_package(version).ok_or_else(|| discard("unreadable", "what was made cannot be read"))?;
    // A family that cannot be read any more does not hide the others.
    let packages: Vec<Package> = others.iter().filter_map(read_package).collect();
    if packages.len() < others.len() {
        tracing::warn!(version.id = %base, "a family cannot be read any more and is not shown");
    }
    let playlist = multivariant_with(&version, &packages);
    Ok(families::save_playlist(conn, base, &playlist).await?)
}

fn read_package(made: &families::Made) -> Option<Package> {
    let plan = serde_json::from_value::<Saved>(made.plan.clone()).ok()?.plan;
    assemble(&plan, &read_chunks(&made.chunks).ok()?)
}

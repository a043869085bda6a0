//! Jobs that somebody waits for beside the stream: a poster of a picked moment, a file to share.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use estrade_blobs::{BlobError, Blobs, key};
use estrade_db::posters::{self, ChosenPoster, PickedMoment};
use estrade_db::{DbError, PgConnection, PgPool, downloads, transcodes};
use estrade_domain::{ClipId, Clock, DownloadId, Entropy, PosterId, PublicId, VersionId};
use estrade_events::Event;
use estrade_jobs::{Context, Handler, Job, JobError, Kind, purge_copies};

use super::attempt::{Saved, io_trouble};
use super::download::put_together;
use super::handler::accident;
use super::sweep::{order_sweep, sweep_if_deleted};
use crate::media::PosterReport;
use crate::plan::{Limits, TranscodePlan};
use crate::sandbox::ChildCommand;
use crate::{TranscodeError, make_poster};

/// Makes posters of picked moments and files to share.
pub struct ExtrasHandler {
    /// Rows.
    pub pool: PgPool,
    /// Objects.
    pub blobs: Blobs,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Entropy,
    /// How the child is started.
    pub command: ChildCommand,
    /// Folder for work in progress.
    pub work_dir: PathBuf,
}

impl Handler for ExtrasHandler {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::MakePoster, Kind::MakeDownload]
    }

    async fn run(&self, job: Job, context: Context) -> Result<(), JobError> {
        let work = async {
            let (clip_id, done) = match job {
                Job::MakePoster { poster_id, clip_id } => (clip_id, self.make_poster(poster_id, &context).await),
                Job::MakeDownload { clip_id, version_id } => {
                    (Some(clip_id), self.make_download(clip_id, version_id, &context).await)
                }
                other => return Err(discard("wrong_kind", &format!("{other:?}"))),
            };
            let is_deleted = match clip_id {
                Some(clip_id) => sweep_if_deleted(&self.pool, &*self.clock, &self.entropy, clip_id).await?,
                None => false,
            };
            if is_deleted { Ok(()) } else { done }
        };
        tokio::select! {
            // Leaving drops the work, and with it the child.
            () = context.stop.cancelled() => Err(JobError::Stopped),
            done = work => done,
        }
    }

    fn discarded(
        &self,
        conn: &mut PgConnection,
        job: &Job,
        code: &str,
        detail: &str,
    ) -> impl Future<Output = Result<(), DbError>> + Send {
        tracing::warn!(job = ?job, error.code = code, error = detail, "given up");
        let (poster_id, clip_id) = match job {
            Job::MakePoster { poster_id, clip_id } => (Some(*poster_id), *clip_id),
            Job::MakeDownload { clip_id, .. } => (None, Some(*clip_id)),
            _ => (None, None),
        };
        async move {
            if let Some(clip_id) = clip_id {
                order_sweep(conn, &*self.clock, &self.entropy, clip_id).await?;
            }
            let Some(poster_id) = poster_id else { return Ok(()) };
            if let Some(clip_id) = posters::forget_picked(conn, poster_id).await? {
                estrade_events::append(conn, &Event::ClipChanged { clip_id }).await?;
            }
            Ok(())
        }
    }
}

impl ExtrasHandler {
    async fn make_poster(&self, poster_id: PosterId, context: &Context) -> Result<(), JobError> {
        let mut conn = self.pool.acquire().await.map_err(DbError::from)?;
        // Another choice was made meanwhile, or the clip is gone.
        let Some((picked, version_id)) = posters::find_picked(&mut conn, poster_id).await? else { return Ok(()) };
        let Some(work) = transcodes::find_work(&mut conn, version_id).await? else { return Ok(()) };
        drop(conn);
        let plan = work.plan.as_ref().and_then(|(plan, _)| serde_json::from_value::<Saved>(plan.clone()).ok());
        let plan = plan.ok_or_else(|| discard("no_plan", "the version has no plan that can be read"))?.plan;
        let dir = tempfile::Builder::new().prefix("poster-").tempdir_in(&self.work_dir).map_err(io_trouble)?;
        let source = dir.path().join("fetched");
        self.blobs.download(&work.source_key, &source).await.map_err(|error| storage(&error))?;
        let (bytes, poster) = self.draw(dir.path(), &source, &plan, &picked).await?;
        let made = ChosenPoster { id: poster_id, token: Some(context.lease().await.token) };
        let key = key::poster(&work.clip_public_id, made.id, made.token);
        self.blobs.put(&key, "image/jpeg", Bytes::from(bytes)).await.map_err(|error| storage(&error))?;
        self.show(&work.clip_public_id, &picked, made, &poster, context).await
    }

    async fn draw(
        &self,
        dir: &std::path::Path,
        source: &std::path::Path,
        plan: &TranscodePlan,
        picked: &PickedMoment,
    ) -> Result<(Vec<u8>, PosterReport), JobError> {
        // The child sees its own folder alone, so the source has a name outside of it.
        let job = dir.join("job");
        tokio::fs::create_dir(&job).await.map_err(io_trouble)?;
        let at_ms = u64::try_from(picked.at_ms).unwrap_or(0);
        make_poster(&job, source, &self.command, &Limits::default(), plan, at_ms).await.map_err(|error| match error {
            TranscodeError::Refused(refusal) => discard(refusal.code.as_str(), &refusal.detail),
            other => accident(&other),
        })
    }

    /// Shows the poster, unless another was chosen while this one was made.
    async fn show(
        &self,
        clip: &PublicId,
        picked: &PickedMoment,
        made: ChosenPoster,
        poster: &PosterReport,
        context: &Context,
    ) -> Result<(), JobError> {
        let thumbhash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &poster.thumbhash);
        let mut tx = self.pool.begin().await.map_err(DbError::from)?;
        context.hold(&mut tx).await?;
        let is_wanted =
            posters::complete_picked(&mut tx, picked.id, &thumbhash, made.token.unwrap_or_default()).await?;
        let forgotten = if is_wanted {
            estrade_events::append(&mut tx, &Event::ClipChanged { clip_id: picked.clip_id }).await?;
            let replaced = posters::show_poster(&mut tx, picked.clip_id, Some(picked.id)).await?;
            if !replaced.is_empty() {
                purge_copies(&mut tx, picked.clip_id, self.clock.now(), &self.entropy).await?;
            }
            replaced
        } else {
            vec![made]
        };
        tx.commit().await.map_err(DbError::from)?;
        for poster in forgotten {
            if let Err(error) = self.blobs.delete(&key::poster(clip, poster.id, poster.token)).await {
                tracing::warn!(error = %error, "a poster that was replaced stays in the object store");
            }
        }
        Ok(())
    }

    async fn make_download(&self, clip_id: ClipId, version_id: VersionId, context: &Context) -> Result<(), JobError> {
        let mut conn = self.pool.acquire().await.map_err(DbError::from)?;
        let Some(work) = downloads::find_download_work(&mut conn, clip_id, version_id).await? else { return Ok(()) };
        drop(conn);
        let dir = tempfile::Builder::new().prefix("download-").tempdir_in(&self.work_dir).map_err(io_trouble)?;
        let file = put_together(&self.blobs, &work, version_id, dir.path()).await?;
        let id = DownloadId::new(self.clock.now(), &self.entropy);
        let key = key::download(&work.clip_public_id, version_id, id);
        self.blobs.put_file(&key, "video/mp4", &file).await.map_err(|error| storage(&error))?;
        let mut tx = self.pool.begin().await.map_err(DbError::from)?;
        context.hold(&mut tx).await?;
        let is_wanted = downloads::save_download(&mut tx, version_id, id).await?;
        if is_wanted {
            estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
        }
        tx.commit().await.map_err(DbError::from)?;
        if !is_wanted {
            // The clip was deleted meanwhile, or another worker was first.
            self.blobs.delete(&key).await.map_err(|error| storage(&error))?;
        }
        Ok(())
    }
}

pub(super) fn discard(code: &str, detail: &str) -> JobError {
    JobError::Discard { code: code.to_owned(), detail: detail.to_owned() }
}

pub(super) fn storage(error: &BlobError) -> JobError {
    match error {
        BlobError::NotFound(_) => discard("object_missing", &error.to_string()),
        _ => JobError::retry("storage", error),
    }
}

//! Removes media: of a deleted clip the objects of every attempt, the sources and captions, and the copies in caches; of
//! a clip that fewer people may see, or less of it, the copies in caches alone.
//!
//! Reading stopped when the clip was changed, in that transaction; this makes the bytes go.

use std::future::Future;
use std::time::Duration;

use estrade_blobs::{Blobs, key};
use estrade_db::captions::delete_captions_of;
use estrade_db::{DbError, PgConnection, PgPool, media};
use estrade_domain::{ClipId, PublicId};
use estrade_jobs::{Context, Handler, Job, JobError, Kind};
use url::Url;

/// The purge hook answers within this time, or the job tries again.
const PURGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Deletes media of clips, and copies of it.
pub struct MediaRemoval {
    pool: PgPool,
    blobs: Blobs,
    purge_url: Option<Url>,
    http: reqwest::Client,
}

impl MediaRemoval {
    /// `purge_url` is called with `POST {"surrogate_keys": ["CLIP"]}` when copies of a clip's media must go.
    pub fn new(pool: PgPool, blobs: Blobs, purge_url: Option<Url>) -> Result<Self, reqwest::Error> {
        let http =
            reqwest::Client::builder().timeout(PURGE_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { pool, blobs, purge_url, http })
    }

    async fn delete(&self, clip_id: ClipId) -> Result<(), JobError> {
        let mut conn = self.pool.acquire().await.map_err(DbError::from)?;
        let Some((clip, sources)) = media::find_objects(&mut conn, clip_id).await? else { return Ok(()) };
        delete_captions_of(&mut conn, clip_id).await?;
        media::give_up_versions(&mut conn, clip_id).await?;
        drop(conn);
        let storage = |error| JobError::retry("storage", error);
        let deleted = self.blobs.delete_folder(&key::clip_folder(&clip)).await.map_err(storage)?;
        for source in &sources {
            self.blobs.delete(source).await.map_err(storage)?;
        }
        self.purge(&clip).await?;
        tracing::info!(clip.id = %clip_id, objects = deleted + sources.len(), "media deleted");
        Ok(())
    }

    /// Everything of the clip: its surrogate key is all that caches know of it. They fetch again what may be seen.
    async fn forget_copies(&self, clip_id: ClipId) -> Result<(), JobError> {
        let mut conn = self.pool.acquire().await.map_err(DbError::from)?;
        let Some((clip, _)) = media::find_objects(&mut conn, clip_id).await? else { return Ok(()) };
        drop(conn);
        self.purge(&clip).await
    }

    async fn purge(&self, clip: &PublicId) -> Result<(), JobError> {
        let Some(url) = &self.purge_url else { return Ok(()) };
        let body = serde_json::json!({ "surrogate_keys": [clip] });
        let answer = self.http.post(url.clone()).json(&body).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        answer.map(|_| ()).map_err(|error| JobError::retry("purge", error))
    }
}

impl Handler for MediaRemoval {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::DeleteMedia, Kind::PurgeMedia]
    }

    async fn run(&self, job: Job, context: Context) -> Result<(), JobError> {
        let removal = async {
            match job {
                Job::DeleteMedia { clip_id } => self.delete(clip_id).await,
                Job::PurgeMedia { clip_id, .. } => self.forget_copies(clip_id).await,
                other => Err(JobError::Discard { code: "wrong_kind".to_owned(), detail: format!("{other:?}") }),
            }
        };
        tokio::select! {
            () = context.stop.cancelled() => Err(JobError::Stopped),
            done = removal => done,
        }
    }

    fn discarded(
        &self,
        _: &mut PgConnection,
        job: &Job,
        code: &str,
        detail: &str,
    ) -> impl Future<Output = Result<(), DbError>> + Send {
        // The clip stays unreadable; what remains is bytes nobody can fetch, for an operator to look at.
        tracing::error!(job = ?job, error.code = code, error = detail, "media could not be removed");
        std::future::ready(Ok(()))
    }
}

//! Runs the deletion of media: the objects of every attempt, the sources, captions, and copies in caches.
//!
//! Reading stopped when the clip was deleted, in that transaction; this makes the bytes go.

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

/// Deletes media of clips.
pub struct MediaDeletion {
    pool: PgPool,
    blobs: Blobs,
    purge_url: Option<Url>,
    http: reqwest::Client,
}

impl MediaDeletion {
    /// `purge_url` is called with `POST {"surrogate_keys": ["CLIP"]}` when a clip's bytes are gone.
    pub fn new(pool: PgPool, blobs: Blobs, purge_url: Option<Url>) -> Result<Self, reqwest::Error> {
        let http =
            reqwest::Client::builder().timeout(PURGE_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { pool, blobs, purge_url, http })
    }

    async fn delete(&self, clip_id: ClipId) -> Result<(), JobError> {
        let mut conn = self.pool.acquire().await.map_err(DbError::from)?;
        let Some((clip, sources)) = media::find_objects(&mut conn, clip_id).await? else { return Ok(()) };
        delete_captions_of(&mut conn, clip_id).await?;
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

    async fn purge(&self, clip: &PublicId) -> Result<(), JobError> {
        let Some(url) = &self.purge_url else { return Ok(()) };
        let body = serde_json::json!({ "surrogate_keys": [clip] });
        let answer = self.http.post(url.clone()).json(&body).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        answer.map(|_| ()).map_err(|error| JobError::retry("purge", error))
    }
}

impl Handler for MediaDeletion {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::DeleteMedia]
    }

    async fn run(&self, job: Job, context: Context) -> Result<(), JobError> {
        let Job::DeleteMedia { clip_id } = job else {
            return Err(JobError::Discard { code: "wrong_kind".to_owned(), detail: format!("{job:?}") });
        };
        tokio::select! {
            () = context.stop.cancelled() => Err(JobError::Stopped),
            done = self.delete(clip_id) => done,
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
        tracing::error!(job = ?job, error.code = code, error = detail, "media could not be deleted");
        std::future::ready(Ok(()))
    }
}

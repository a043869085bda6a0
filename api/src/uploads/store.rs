//! From the spool into the store: whole parts while bytes still come, the rest when all are there.
//! One task an upload; whatever it had done before a crash is in the database, and the rest is done again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use estrade_blobs::{BlobError, Part, StoredPart};
use estrade_db::uploads::{self, SpooledPart, Storable, UploadState};
use estrade_domain::limits::UPLOAD_PART_BYTES;
use estrade_domain::{UploadId, VersionId};
use estrade_events::Event;
use estrade_jobs::{Job, Weight};
use futures::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::sniff::{Sniffed, sniff};
use super::{UploadError, Uploads};

/// Parts of one upload on their way at a time.
const PARTS_AT_ONCE: usize = 2;
/// The type of a source that is not recognised; none such is stored today.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Uploads being moved into the store by this process.
#[derive(Debug, Default)]
pub(super) struct Storing(Mutex<HashMap<UploadId, Run>>);

#[derive(Debug)]
struct Run {
    /// Something came since the task looked.
    is_stale: bool,
    /// Ends with the task.
    done: CancellationToken,
}

impl Storing {
    fn runs(&self) -> MutexGuard<'_, HashMap<UploadId, Run>> {
        // Nothing panics while the map is half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the running task and makes it look again; `Err` with the new run when there is none.
    fn join(&self, id: UploadId) -> Result<CancellationToken, CancellationToken> {
        let mut runs = self.runs();
        if let Some(run) = runs.get_mut(&id) {
            run.is_stale = true;
            return Ok(run.done.clone());
        }
        let done = CancellationToken::new();
        runs.insert(id, Run { is_stale: false, done: done.clone() });
        Err(done)
    }

    /// Whether the task has to look again; if not, its run ends here.
    fn is_again(&self, id: UploadId) -> bool {
        let mut runs = self.runs();
        match runs.get_mut(&id) {
            Some(run) if run.is_stale => {
                run.is_stale = false;
                true
            }
            _ => {
                if let Some(run) = runs.remove(&id) {
                    run.done.cancel();
                }
                false
            }
        }
    }
}

/// What can be done for an upload now.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// More bytes have to come first.
    Wait,
    /// All of it goes into one object.
    PutWhole(SpooledPart),
    /// Its parts go into a multipart upload.
    PutParts,
}

impl Step {
    /// A multipart upload begins with the second part: most clips never need one.
    fn of(work: &Storable) -> Self {
        let is_whole = work.length == Some(work.offset);
        match (work.length, work.parts.as_slice()) {
            (Some(length), [only]) if length <= UPLOAD_PART_BYTES && is_whole => Self::PutWhole(only.part),
            (Some(length), _) if length <= UPLOAD_PART_BYTES => Self::Wait,
            (_, [_, _, ..]) => Self::PutParts,
            _ => Self::Wait,
        }
    }
}

impl Uploads {
    /// Moves what it can of an upload into the store, in the background; the token ends with the task.
    pub(super) fn store_soon(&self, id: UploadId) -> CancellationToken {
        match self.storing.join(id) {
            Ok(done) => done,
            Err(done) => {
                let uploads = self.clone();
                self.tasks.spawn(async move { uploads.store_until_done(id).await });
                done
            }
        }
    }

    async fn store_until_done(&self, id: UploadId) {
        loop {
            if let Err(error) = self.store(id).await {
                self.metrics.store_failures.inc();
                let error = estrade_http::problem::chain(&error);
                tracing::warn!(upload.id = %id, error, "an upload could not be moved into the store; it is tried again");
            }
            if !self.storing.is_again(id) || self.soft.is_cancelled() {
                return;
            }
        }
    }

    async fn store(&self, id: UploadId) -> Result<(), UploadError> {
        let Some(work) = self.find_storable(id).await? else { return Ok(()) };
        let is_needed = work.parts.iter().any(|part| part.etag.is_none());
        if is_needed && self.spool.size(id).await? < work.offset {
            return self.restart(id).await;
        }
        match Step::of(&work) {
            Step::Wait => Ok(()),
            Step::PutWhole(part) => self.put_whole(id, &work, part).await,
            Step::PutParts => self.put_parts(id, work).await,
        }
    }

    async fn find_storable(&self, id: UploadId) -> Result<Option<Storable>, UploadError> {
        let mut conn = self.conn().await?;
        Ok(uploads::find_storable(&mut conn, id).await?)
    }

    async fn content_type(&self, id: UploadId) -> Result<&'static str, UploadError> {
        Ok(match sniff(&self.spool.head(id).await?) {
            Sniffed::Container(kind) => kind,
            Sniffed::Other(_) => UNKNOWN_TYPE,
        })
    }

    async fn put_whole(&self, id: UploadId, work: &Storable, part: SpooledPart) -> Result<(), UploadError> {
        let kind = self.content_type(id).await?;
        {
            let _place = self.store_calls.acquire().await;
            let (path, crc32c) = (self.spool.path(id), encode(part.crc32c));
            let piece = Part { number: 1, path: &path, start: 0, size: part.size, crc32c: &crc32c };
            self.blobs.put_piece(&work.object_key, kind, &piece).await?;
        }
        self.finish(id, work).await
    }

    async fn put_parts(&self, id: UploadId, work: Storable) -> Result<(), UploadError> {
        let s3_upload_id = match &work.s3_upload_id {
            Some(known) => known.clone(),
            None => match self.begin_multipart(id, &work.object_key).await? {
                Some(begun) => begun,
                None => return Ok(()),
            },
        };
        let missing: Vec<SpooledPart> =
            work.parts.iter().filter(|part| part.etag.is_none()).map(|part| part.part).collect();
        let stored = futures::stream::iter(missing)
            .map(|part| self.put_part(id, &work.object_key, &s3_upload_id, part))
            .buffer_unordered(PARTS_AT_ONCE)
            .try_collect::<Vec<()>>()
            .await;
        match stored {
            Ok(_) if work.length == Some(work.offset) => self.complete(id, &s3_upload_id).await,
            Ok(_) => Ok(()),
            Err(UploadError::Store(BlobError::NotFound(_))) => self.settle_lost(id, &work, &s3_upload_id).await,
            Err(error) => Err(error),
        }
    }

    /// Begins the multipart upload; none when the upload ended meanwhile.
    async fn begin_multipart(&self, id: UploadId, key: &str) -> Result<Option<String>, UploadError> {
        let s3_upload_id = self.blobs.begin_upload(key, self.content_type(id).await?).await?;
        let mut conn = self.conn().await?;
        if uploads::save_multipart(&mut conn, id, &s3_upload_id).await? {
            return Ok(Some(s3_upload_id));
        }
        drop(conn);
        self.blobs.abort_upload(key, &s3_upload_id).await?;
        Ok(None)
    }

    async fn put_part(
        &self,
        id: UploadId,
        key: &str,
        s3_upload_id: &str,
        part: SpooledPart,
    ) -> Result<(), UploadError> {
        let stored = {
            let _place = self.store_calls.acquire().await;
            let (path, crc32c) = (self.spool.path(id), encode(part.crc32c));
            let start = u64::from(part.number - 1) * UPLOAD_PART_BYTES;
            let piece = Part { number: to_number(part.number), path: &path, start, size: part.size, crc32c: &crc32c };
            self.blobs.put_part(key, s3_upload_id, &piece).await?
        };
        let mut conn = self.conn().await?;
        uploads::save_part(&mut conn, id, s3_upload_id, &part, &stored.etag).await?;
        Ok(())
    }

    async fn complete(&self, id: UploadId, s3_upload_id: &str) -> Result<(), UploadError> {
        let Some(work) = self.find_storable(id).await? else { return Ok(()) };
        let parts = work.parts.iter().filter_map(|part| {
            let (number, etag) = (to_number(part.part.number), part.etag.clone()?);
            Some(StoredPart { number, etag, crc32c: encode(part.part.crc32c) })
        });
        let parts: Vec<StoredPart> = parts.collect();
        if parts.len() != work.parts.len() {
            return Ok(());
        }
        match self.blobs.complete_upload(&work.object_key, s3_upload_id, &parts).await {
            Ok(()) => self.finish(id, &work).await,
            Err(BlobError::NotFound(_)) => self.settle_lost(id, &work, s3_upload_id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The store does not know the multipart upload or one of its parts: either an earlier try to
    /// complete it had succeeded, which the object's size shows, or its parts are stored again.
    async fn settle_lost(&self, id: UploadId, work: &Storable, s3_upload_id: &str) -> Result<(), UploadError> {
        let is_whole = work.length == Some(work.offset);
        if is_whole && self.blobs.find_size(&work.object_key).await? == work.length {
            return self.finish(id, work).await;
        }
        self.blobs.abort_upload(&work.object_key, s3_upload_id).await?;
        let mut conn = self.conn().await?;
        uploads::forget_multipart(&mut conn, id, s3_upload_id).await?;
        // One that ended meanwhile has nothing to be stored again.
        if uploads::find_state(&mut conn, id).await? != Some(UploadState::Receiving) {
            return Ok(());
        }
        Err(BlobError::NotFound(work.object_key.clone()).into())
    }

    /// The source is in the store: says so, and has it transcoded, in one transaction.
    async fn finish(&self, id: UploadId, work: &Storable) -> Result<(), UploadError> {
        let stored = self.blobs.find_size(&work.object_key).await?;
        if stored != Some(work.offset) {
            return Err(UploadError::Size { stored, sent: work.offset });
        }
        let sha256 = self.spool.digest(id, work.offset).await?;
        if self.record_stored(id, sha256.as_ref(), work.offset).await? {
            self.metrics.count("stored");
            let waited = (self.now() - work.last_byte_at).as_seconds_f64();
            self.metrics.store_seconds.observe(waited.max(0.0));
            tracing::info!(upload.id = %id, upload.bytes = work.offset, "upload stored");
        } else if self.is_given_up(id).await? {
            // Nobody will ever ask for the object.
            self.blobs.delete(&work.object_key).await?;
        }
        Ok(self.spool.remove(id).await?)
    }

    /// Whether it ended without being stored. It is not when an earlier try had said so already.
    async fn is_given_up(&self, id: UploadId) -> Result<bool, UploadError> {
        let mut conn = self.conn().await?;
        Ok(uploads::find_state(&mut conn, id).await? != Some(UploadState::Stored))
    }

    async fn record_stored(
        &self,
        id: UploadId,
        sha256: Option<&[u8; 32]>,
        size_bytes: u64,
    ) -> Result<bool, UploadError> {
        let now = self.now();
        let mut tx = self.pool.begin().await.map_err(estrade_db::DbError::from)?;
        let Some(finished) = uploads::finish_upload(&mut tx, id, sha256).await? else { return Ok(false) };
        let (clip_id, version_id) = (finished.clip_id, VersionId::new(now, &self.entropy));
        estrade_db::media::insert_version(&mut tx, version_id, clip_id, &finished.object_key, now).await?;
        let job = Job::TranscodeClip { clip_id, version_id };
        let weight = Weight::of_source(finished.creator_id, size_bytes);
        estrade_jobs::enqueue(&mut tx, &job, weight, now, &self.entropy).await?;
        estrade_events::append(&mut tx, &Event::ClipChanged { clip_id }).await?;
        tx.commit().await.map_err(estrade_db::DbError::from)?;
        Ok(true)
    }
}

/// As the store reads it: big-endian base64.
fn encode(crc32c: u32) -> String {
    STANDARD.encode(crc32c.to_be_bytes())
}

fn to_number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use estrade_db::uploads::StorablePart;
    use estrade_domain::Time;

    use super::*;

    fn work(length: Option<u64>, offset: u64, parts: u32) -> Storable {
        let part = |number| StorablePart { part: SpooledPart { number, size: 1, crc32c: 0 }, etag: None };
        Storable {
            object_key: String::new(),
            length,
            offset,
            s3_upload_id: None,
            last_byte_at: Time::UNIX_EPOCH,
            parts: (1..=parts).map(part).collect(),
        }
    }

    #[test]
    fn small_sources_become_one_object_and_large_ones_begin_with_the_second_part() {
        let part = UPLOAD_PART_BYTES;
        assert!(matches!(Step::of(&work(Some(10), 10, 1)), Step::PutWhole(_)));
        assert!(matches!(Step::of(&work(Some(part), part, 1)), Step::PutWhole(_)));
        assert_eq!(Step::of(&work(Some(10), 5, 0)), Step::Wait);
        assert_eq!(Step::of(&work(None, part, 1)), Step::Wait);
        assert_eq!(Step::of(&work(Some(part + 1), part, 1)), Step::Wait);
        assert_eq!(Step::of(&work(Some(part + 1), part + 1, 2)), Step::PutParts);
        assert_eq!(Step::of(&work(None, 2 * part, 2)), Step::PutParts);
    }

    #[test]
    fn a_run_looks_again_when_something_came_and_then_ends() {
        let (storing, id) = (Storing::default(), UploadId(uuid::Uuid::nil()));
        let done = storing.join(id).expect_err("new run");
        assert!(storing.join(id).is_ok());
        assert!(storing.is_again(id));
        assert!(!done.is_cancelled());
        assert!(!storing.is_again(id));
        assert!(done.is_cancelled());
        assert!(storing.join(id).is_err());
    }
}

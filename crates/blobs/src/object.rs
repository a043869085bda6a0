use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use crate::client::{failed, is_missing, timeouts_for};
use crate::{BlobError, Blobs, Result};

/// Objects deleted in one call, the protocol's maximum.
const DELETE_BATCH: i32 = 1000;
/// Nothing we store may change: caches may keep it as long as they like.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Bytes of an object, in pieces.
pub type Body = ByteStream;

/// Bytes asked for, both ends included; the end may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectRange {
    /// From the first to the last byte, or to the end.
    From(u64, Option<u64>),
    /// The last so many bytes.
    Last(u64),
}

impl ObjectRange {
    fn to_header(self) -> String {
        match self {
            Self::From(first, Some(last)) => format!("bytes={first}-{last}"),
            Self::From(first, None) => format!("bytes={first}-"),
            Self::Last(count) => format!("bytes=-{count}"),
        }
    }
}

/// An object being read.
#[derive(Debug)]
pub struct OpenedObject {
    /// Its bytes, or those of the range.
    pub body: Body,
    /// How many follow.
    pub length: u64,
    /// `Content-Range` when a range was asked for.
    pub content_range: Option<String>,
    /// Entity tag, with quotes.
    pub etag: Option<String>,
    /// Its type.
    pub content_type: Option<String>,
}

impl Blobs {
    /// Stores bytes. The same key is only ever written with the same bytes.
    pub async fn put(&self, key: &str, content_type: &str, bytes: Bytes) -> Result<()> {
        let size = bytes.len() as u64;
        self.put_stream(key, content_type, ByteStream::from(bytes), size).await
    }

    /// Stores a local file.
    pub async fn put_file(&self, key: &str, content_type: &str, path: &Path) -> Result<()> {
        let size = tokio::fs::metadata(path).await?.len();
        let stream = ByteStream::from_path(path).await.map_err(|error| BlobError::Io(std::io::Error::other(error)))?;
        self.put_stream(key, content_type, stream, size).await
    }

    async fn put_stream(&self, key: &str, content_type: &str, body: ByteStream, size: u64) -> Result<()> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .cache_control(IMMUTABLE)
            .body(body)
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(timeouts_for(size)))
            .send()
            .await
            .map_err(|error| failed("PutObject", &error))?;
        Ok(())
    }

    /// Opens an object for reading.
    pub async fn get(&self, key: &str, range: Option<ObjectRange>) -> Result<OpenedObject> {
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let request = request.set_range(range.map(ObjectRange::to_header));
        let object = request.send().await.map_err(|error| match error.raw_response().map(|r| r.status().as_u16()) {
            Some(404) => BlobError::NotFound(key.to_owned()),
            Some(416) => BlobError::Range,
            _ => failed("GetObject", &error),
        })?;
        Ok(OpenedObject {
            length: object.content_length.and_then(|n| u64::try_from(n).ok()).unwrap_or_default(),
            content_range: object.content_range,
            etag: object.e_tag,
            content_type: object.content_type,
            body: object.body,
        })
    }

    /// Copies an object to a local file, whole or not at all; its size.
    pub async fn download(&self, key: &str, path: &Path) -> Result<u64> {
        let object = self.get(key, None).await?;
        let mut reader = object.body.into_async_read();
        let mut file = tokio::fs::File::create(path).await?;
        let size = tokio::io::copy_buf(&mut reader, &mut file).await?;
        file.flush().await?;
        if size != object.length {
            return Err(BlobError::Failed {
                call: "GetObject",
                detail: format!("{size} of {} bytes came", object.length),
            });
        }
        Ok(size)
    }

    /// The size of an object; none when it does not exist.
    pub async fn find_size(&self, key: &str) -> Result<Option<u64>> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(head) => Ok(Some(head.content_length.and_then(|n| u64::try_from(n).ok()).unwrap_or_default())),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed("HeadObject", &error)),
        }
    }

    /// Deletes an object; one that is gone already is no error.
    pub async fn delete(&self, key: &str) -> Result<()> {
        match self.client.delete_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(failed("DeleteObject", &error)),
        }
    }

    /// Deletes everything below a folder (which ends in a slash); how many objects.
    pub async fn delete_folder(&self, folder: &str) -> Result<usize> {
        debug_assert!(folder.ends_with('/'), "a folder ends in a slash");
        let mut deleted = 0;
        loop {
            let keys = self.list(folder).await?;
            if keys.is_empty() {
                return Ok(deleted);
            }
            deleted += keys.len();
            self.delete_batch(keys).await?;
        }
    }

    /// The keys below a folder, at most 1,000.
    pub async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(folder).max_keys(DELETE_BATCH);
        let page = request.send().await.map_err(|error| failed("ListObjectsV2", &error))?;
        Ok(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect())
    }

    async fn delete_batch(&self, keys: Vec<String>) -> Result<()> {
        let broken = |error: aws_sdk_s3::error::BuildError| BlobError::Failed {
            call: "DeleteObjects",
            detail: error.to_string(),
        };
        let mut batch = Delete::builder().quiet(true);
        for key in keys {
            batch = batch.objects(ObjectIdentifier::builder().key(key).build().map_err(broken)?);
        }
        let request = self.client.delete_objects().bucket(&self.bucket).delete(batch.build().map_err(broken)?);
        let answer = request.send().await.map_err(|error| failed("DeleteObjects", &error))?;
        match answer.errors.unwrap_or_default().first() {
            None => Ok(()),
            Some(error) => Err(BlobError::Failed { call: "DeleteObjects", detail: format!("{error:?}") }),
        }
    }
}

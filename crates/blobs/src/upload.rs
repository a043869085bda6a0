use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use estrade_domain::Time;

use crate::client::{failed, is_missing};
use crate::{BlobError, Blobs, Result};

/// A piece of a local file that becomes a part.
#[derive(Debug)]
pub struct Part<'a> {
    /// From 1.
    pub number: i32,
    /// The file.
    pub path: &'a Path,
    /// Where the piece begins, bytes.
    pub start: u64,
    /// Its size, bytes.
    pub size: u64,
    /// Its CRC-32C, big-endian base64: the store refuses other bytes.
    pub crc32c: &'a str,
}

/// An unfinished multipart upload.
#[derive(Debug, Clone)]
pub struct OpenUpload {
    /// Where its object would be.
    pub key: String,
    /// Its id.
    pub upload_id: String,
    /// When it was begun.
    pub begun_at: Time,
}

/// A part the store has.
#[derive(Debug, Clone)]
pub struct StoredPart {
    /// From 1.
    pub number: i32,
    /// Entity tag the store gave.
    pub etag: String,
    /// CRC-32C, big-endian base64.
    pub crc32c: String,
}

impl Blobs {
    /// Begins a multipart upload; its id.
    pub async fn begin_upload(&self, key: &str, content_type: &str) -> Result<String> {
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Crc32C)
            .send()
            .await
            .map_err(|error| failed("CreateMultipartUpload", &error))?;
        answer.upload_id.ok_or(BlobError::Failed {
            call: "CreateMultipartUpload",
            detail: "the store gave no upload id".to_owned(),
        })
    }

    /// Stores one part. May be repeated.
    pub async fn put_part(&self, key: &str, upload_id: &str, part: &Part<'_>) -> Result<StoredPart> {
        let body = piece(part).await?;
        let request = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(upload_id);
        let request = request.part_number(part.number).checksum_crc32_c(part.crc32c).body(body);
        let answer = request.send().await.map_err(|error| {
            if is_missing(&error) { BlobError::NotFound(key.to_owned()) } else { failed("UploadPart", &error) }
        })?;
        let etag = answer.e_tag.ok_or(BlobError::Failed { call: "UploadPart", detail: "no entity tag".to_owned() })?;
        Ok(StoredPart { number: part.number, etag, crc32c: part.crc32c.to_owned() })
    }

    /// Stores a piece of a local file as a whole object. May be repeated.
    pub async fn put_piece(&self, key: &str, content_type: &str, part: &Part<'_>) -> Result<()> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        let request = request.checksum_crc32_c(part.crc32c).body(piece(part).await?);
        request.send().await.map_err(|error| failed("PutObject", &error))?;
        Ok(())
    }

    /// Joins the parts. `NotFound` when the store no longer knows the upload or a part of it: then the object's size
    /// tells whether an earlier try had succeeded.
    pub async fn complete_upload(&self, key: &str, upload_id: &str, parts: &[StoredPart]) -> Result<()> {
        let parts = parts.iter().map(|part| {
            CompletedPart::builder().part_number(part.number).e_tag(&part.etag).checksum_crc32_c(&part.crc32c).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(key);
        match request.upload_id(upload_id).multipart_upload(parts).send().await {
            Ok(_) => Ok(()),
            // A part whose tag the store does not know is as lost as the whole.
            Err(error) if matches!(error.code(), Some("NoSuchUpload" | "InvalidPart")) || is_missing(&error) => {
                Err(BlobError::NotFound(key.to_owned()))
            }
            Err(error) => Err(failed("CompleteMultipartUpload", &error)),
        }
    }

    /// Unfinished uploads below a folder (which ends in a slash), at most 1,000.
    pub async fn list_uploads(&self, folder: &str) -> Result<Vec<OpenUpload>> {
        debug_assert!(folder.ends_with('/'), "a folder ends in a slash");
        let request = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(folder);
        let answer = request.send().await.map_err(|error| failed("ListMultipartUploads", &error))?;
        let open = answer.uploads.unwrap_or_default().into_iter().filter_map(|upload| {
            let begun_at = Time::from_timestamp(upload.initiated?.secs(), 0)?;
            Some(OpenUpload { key: upload.key?, upload_id: upload.upload_id?, begun_at })
        });
        Ok(open.collect())
    }

    /// Drops an unfinished upload and its parts; one that is gone already is no error.
    pub async fn abort_upload(&self, key: &str, upload_id: &str) -> Result<()> {
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload_id);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(failed("AbortMultipartUpload", &error)),
        }
    }

    /// An address that lets its holder read one object for `life`.
    pub async fn presign_get(&self, key: &str, life: Duration) -> Result<String> {
        let config = PresigningConfig::expires_in(life)
            .map_err(|error| BlobError::Failed { call: "presign", detail: error.to_string() })?;
        let request = self.client.get_object().bucket(&self.bucket).key(key).presigned(config).await;
        Ok(request.map_err(|error| failed("presign", &error))?.uri().to_owned())
    }
}

async fn piece(part: &Part<'_>) -> Result<ByteStream> {
    ByteStream::read_from()
        .path(part.path)
        .offset(part.start)
        .length(Length::Exact(part.size))
        .build()
        .await
        .map_err(|error| BlobError::Io(std::io::Error::other(error)))
}

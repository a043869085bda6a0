use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ETagCondition, MetadataDirective,
    Timestamp, UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::convert::{ReadConditions, attributes_of, etag, refuse_unsupported, set_checksums, timestamp};
use super::multipart::part_number;
use super::objects::MAX_BODY_BYTES;
use super::{Service, blocking};
use crate::s3::store::body::BLOCK_BYTES;
use crate::s3::store::{Condition, Digests, ExpectedDigests, ObjectReader, Received, Store, StoreError};

pub(super) async fn copy_object(service: &Service, request: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    let input = request.input;
    refuse_unsupported!(input, sse_customer_algorithm, server_side_encryption, copy_source_sse_customer_algorithm);
    let is_replacing = match &input.metadata_directive {
        Some(directive) if directive.as_str() == MetadataDirective::REPLACE => true,
        _ if is_itself(&input) => {
            return Err(s3_error!(InvalidRequest, "a copy onto itself must replace the metadata"));
        }
        _ => false,
    };
    let conditions = source_conditions(
        input.copy_source_if_match.clone(),
        input.copy_source_if_none_match.clone(),
        input.copy_source_if_modified_since.clone(),
        input.copy_source_if_unmodified_since.clone(),
    );
    let reader = open_source(service, &input.copy_source, &conditions).await?;
    let target = service.bucket(&input.bucket)?;
    let attributes = if is_replacing { attributes_of!(input) } else { reader.meta.attributes.clone() };
    let mut digests = digests_like(&reader);
    if let Some(algorithm) = &input.checksum_algorithm {
        digests.add(algorithm.as_str());
    }
    let store = Arc::clone(&service.store);
    let meta = blocking(move || {
        let range = 0..reader.meta.size;
        let received = copy(&store, reader, range, digests)?;
        target.put(&input.key, received, attributes, &Condition::None)
    })
    .await?;
    let mut result = CopyObjectResult {
        e_tag: Some(etag(&meta.etag)),
        last_modified: Some(timestamp(meta.modified_ms)),
        ..CopyObjectResult::default()
    };
    set_checksums!(result, &meta.checksums);
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
}

pub(super) async fn upload_part_copy(
    service: &Service,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<UploadPartCopyOutput> {
    let input = request.input;
    refuse_unsupported!(input, sse_customer_algorithm, copy_source_sse_customer_algorithm);
    let number = part_number(input.part_number)?;
    let conditions = source_conditions(
        input.copy_source_if_match.clone(),
        input.copy_source_if_none_match.clone(),
        input.copy_source_if_modified_since.clone(),
        input.copy_source_if_unmodified_since.clone(),
    );
    let target = service.bucket(&input.bucket)?;
    let promised = target.find_upload_algorithm(&input.key, &input.upload_id)?;
    let reader = open_source(service, &input.copy_source, &conditions).await?;
    let range = source_range(input.copy_source_range.as_deref(), reader.meta.size)?;
    let mut digests = Digests::new();
    if let Some(algorithm) = promised {
        digests.add(&algorithm);
    }
    let store = Arc::clone(&service.store);
    let part = blocking(move || {
        let received = copy(&store, reader, range, digests)?;
        target.put_part(&input.key, &input.upload_id, number, received)
    })
    .await?;
    let sums = super::convert::dto_checksums(&part.checksums);
    let result = CopyPartResult {
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        e_tag: Some(etag(&part.etag)),
        last_modified: Some(timestamp(part.modified_ms)),
    };
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() })
}

fn is_itself(input: &CopyObjectInput) -> bool {
    matches!(&input.copy_source, CopySource::Bucket { bucket, key, .. } if **bucket == *input.bucket && **key == *input.key)
}

fn source_conditions(
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
) -> ReadConditions {
    ReadConditions { if_match, if_none_match, if_modified_since, if_unmodified_since }
}

/// Opens what is to be copied. A copy that the conditions forbid is refused, not "not modified".
async fn open_source(service: &Service, source: &CopySource, conditions: &ReadConditions) -> S3Result<ObjectReader> {
    let CopySource::Bucket { bucket, key, version_id: None } = source else {
        return Err(s3_error!(NotImplemented, "copies are made of objects in buckets, without versions"));
    };
    let (bucket, key) = (service.bucket(bucket)?, key.to_string());
    let reader = blocking(move || bucket.open(&key)).await?;
    conditions.check(&reader.meta).map_err(|_| s3_error!(PreconditionFailed))?;
    if reader.meta.size > MAX_BODY_BYTES {
        return Err(StoreError::TooLarge { limit: MAX_BODY_BYTES }.into());
    }
    Ok(reader)
}

/// A copy keeps the algorithms its source has checksums of.
fn digests_like(reader: &ObjectReader) -> Digests {
    let mut digests = Digests::new();
    digests.add_all_of(&reader.meta.checksums);
    digests
}

/// `bytes=first-last`, both needed and inside the source.
fn source_range(range: Option<&str>, size: u64) -> S3Result<Range<u64>> {
    let Some(text) = range else {
        return Ok(0..size);
    };
    match s3s::dto::Range::parse(text) {
        Ok(s3s::dto::Range::Int { first, last: Some(last) }) if first <= last && last < size => Ok(first..last + 1),
        _ => Err(s3_error!(InvalidArgument, "the range of a source is bytes=first-last, inside it")),
    }
}

/// Copies through memory, a block at a time. Blocks.
fn copy(store: &Store, mut reader: ObjectReader, range: Range<u64>, digests: Digests) -> Result<Received, StoreError> {
    let mut receiver = store.receive(digests)?;
    let mut offset = range.start;
    while offset < range.end {
        let left = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
        let block: Bytes = reader.read_at(offset, left.min(BLOCK_BYTES))?;
        offset += block.len() as u64;
        receiver.write(&[block])?;
    }
    receiver.finish(&ExpectedDigests::default())
}

use std::ops::Range;

use hyper::HeaderMap;
use hyper::header::EXPECT;
use s3s::dto::{
    ChecksumAlgorithm, ChecksumMode, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    DeletedObject, Error, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, PutObjectInput,
    PutObjectOutput, StreamingBlob,
};
use s3s::{Body, S3Error, S3Request, S3Result, s3_error};

use super::convert::{
    Announced, ReadConditions, attributes_of, checksums_of, etag, refuse_unsupported, set_attributes, set_checksums,
    timestamp, write_condition,
};
use super::{Service, blocking};
use crate::s3::store::Condition;
use crate::s3::store::body::{SentBody, receive};

/// One body, as in S3; what is larger comes in parts.
pub(super) const MAX_BODY_BYTES: u64 = 5 << 30;

/// Keys in one request, as in S3.
const MAX_DELETES: usize = 1_000;

pub(super) async fn put_object(service: &Service, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let S3Request { mut input, headers, trailing_headers, .. } = request;
    refuse_unsupported!(input, sse_customer_algorithm, server_side_encryption, tagging, write_offset_bytes);
    let bucket = service.bucket(&input.bucket)?;
    let condition = write_condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let attributes = attributes_of!(input);
    if is_waiting_for_consent(&headers) {
        bucket.check(&input.key, &condition)?;
    }
    let announced =
        Announced::new(input.content_md5.take(), checksums_of!(input), input.content_length, trailing_headers)?;
    let digests = announced.digests(&headers, input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str))?;
    let body = input.body.take().unwrap_or_else(empty);
    let received = receive(&service.store, body, digests, MAX_BODY_BYTES, || announced.into_expected()).await?;
    let meta = blocking(move || bucket.put(&input.key, received, attributes, &condition)).await?;
    let mut output = PutObjectOutput { e_tag: Some(etag(&meta.etag)), ..PutObjectOutput::default() };
    set_checksums!(output, &meta.checksums);
    Ok(output)
}

/// A client that asks first can be refused before it sends; any other is heard out, or it would not
/// hear us.
pub(super) fn is_waiting_for_consent(headers: &HeaderMap) -> bool {
    headers.contains_key(EXPECT)
}

pub(super) fn empty() -> StreamingBlob {
    StreamingBlob::from(Body::empty())
}

pub(super) async fn get_object(service: &Service, request: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
    let input = request.input;
    refuse_unsupported!(input, part_number, version_id, sse_customer_algorithm);
    let bucket = service.bucket(&input.bucket)?;
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let key = input.key;
    let reader = blocking(move || bucket.open(&key)).await?;
    let meta = reader.meta.clone();
    conditions.check(&meta)?;
    let range = input.range.map(|range| choose_range(range, meta.size)).transpose()?;
    let Range { start, end } = range.clone().unwrap_or(0..meta.size);
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(StreamingBlob::new(SentBody::new(reader, start, end))),
        content_length: i64::try_from(end - start).ok(),
        content_range: range.as_ref().map(|range| content_range(range, meta.size)),
        e_tag: Some(etag(&meta.etag)),
        last_modified: Some(timestamp(meta.modified_ms)),
        ..GetObjectOutput::default()
    };
    // Checksums are of the whole; a client that checks them must not be given them with a piece.
    if range.is_none() && is_asking_for_checksums(input.checksum_mode.as_ref()) {
        set_checksums!(output, &meta.checksums);
    }
    set_attributes!(output, meta.attributes);
    Ok(output)
}

pub(super) async fn head_object(service: &Service, request: S3Request<HeadObjectInput>) -> S3Result<HeadObjectOutput> {
    let input = request.input;
    refuse_unsupported!(input, part_number, version_id, sse_customer_algorithm);
    let bucket = service.bucket(&input.bucket)?;
    let key = input.key;
    let meta = blocking(move || bucket.read_meta(&key)).await?;
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    conditions.check(&meta)?;
    let mut output = HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: i64::try_from(meta.size).ok(),
        e_tag: Some(etag(&meta.etag)),
        last_modified: Some(timestamp(meta.modified_ms)),
        ..HeadObjectOutput::default()
    };
    if is_asking_for_checksums(input.checksum_mode.as_ref()) {
        set_checksums!(output, &meta.checksums);
    }
    set_attributes!(output, meta.attributes);
    Ok(output)
}

pub(super) async fn delete_object(
    service: &Service,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    refuse_unsupported!(input, version_id, if_match_last_modified_time, if_match_size);
    let bucket = service.bucket(&input.bucket)?;
    let condition = write_condition(input.if_match.as_ref(), None)?;
    blocking(move || bucket.delete(&input.key, condition)).await?;
    Ok(DeleteObjectOutput::default())
}

pub(super) async fn delete_objects(
    service: &Service,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let bucket = service.bucket(&request.input.bucket)?;
    let delete = request.input.delete;
    if delete.objects.len() > MAX_DELETES {
        return Err(s3_error!(MalformedXML, "at most {MAX_DELETES} keys are taken"));
    }
    let objects: Vec<_> = delete
        .objects
        .into_iter()
        .map(|object| {
            let condition = object.e_tag.map_or(Condition::None, |etag| Condition::Etag(etag.into_value()));
            (object.key, condition)
        })
        .collect();
    let keys: Vec<_> = objects.iter().map(|(key, _)| key.clone()).collect();
    let outcomes = blocking(move || bucket.delete_all(&objects)).await?;
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for (key, outcome) in keys.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => deleted.push(DeletedObject { key: Some(key), ..DeletedObject::default() }),
            Err(error) => errors.push(failed_delete(key, &error.into())),
        }
    }
    let deleted = (delete.quiet != Some(true)).then_some(deleted);
    Ok(DeleteObjectsOutput { deleted, errors: Some(errors), request_charged: None })
}

fn failed_delete(key: String, error: &S3Error) -> Error {
    Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id: None,
    }
}

fn is_asking_for_checksums(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn choose_range(range: s3s::dto::Range, size: u64) -> S3Result<Range<u64>> {
    let chosen = range.check(size)?;
    if chosen.is_empty() { Err(s3_error!(InvalidRange)) } else { Ok(chosen) }
}

/// As in the header; `range` is not empty.
fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}

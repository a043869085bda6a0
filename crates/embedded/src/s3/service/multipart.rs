use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::convert::{
    Announced, attributes_of, checksums_of, etag, refuse_unsupported, set_checksums, write_condition,
};
use super::objects::{MAX_BODY_BYTES, empty};
use super::{Service, blocking};
use crate::s3::store::body::receive;
use crate::s3::store::{ChosenPart, MAX_PARTS, NewUpload, ObjectMeta};

pub(super) async fn create_multipart_upload(
    service: &Service,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let input = request.input;
    refuse_unsupported!(input, sse_customer_algorithm, server_side_encryption, tagging);
    let is_whole = |kind: &ChecksumType| kind.as_str() == ChecksumType::FULL_OBJECT;
    if input.checksum_type.as_ref().is_some_and(is_whole) {
        return Err(s3_error!(NotImplemented, "checksums of uploads in parts are COMPOSITE here"));
    }
    let bucket = service.bucket(&input.bucket)?;
    let attributes = attributes_of!(input);
    let algorithm = input.checksum_algorithm.as_ref().map(|name| name.as_str().to_owned());
    let new = NewUpload { key: input.key.clone(), attributes, algorithm };
    let id = blocking(move || bucket.create_upload(new)).await?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        checksum_type: input.checksum_algorithm.as_ref().map(|_| ChecksumType::from_static(ChecksumType::COMPOSITE)),
        checksum_algorithm: input.checksum_algorithm,
        key: Some(input.key),
        upload_id: Some(id),
        ..CreateMultipartUploadOutput::default()
    })
}

pub(super) async fn upload_part(service: &Service, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let S3Request { mut input, headers, trailing_headers, .. } = request;
    refuse_unsupported!(input, sse_customer_algorithm);
    let bucket = service.bucket(&input.bucket)?;
    let number = part_number(input.part_number)?;
    let promised = bucket.find_upload_algorithm(&input.key, &input.upload_id)?;
    let announced =
        Announced::new(input.content_md5.take(), checksums_of!(input), input.content_length, trailing_headers)?;
    let asked = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let mut digests = announced.digests(&headers, asked)?;
    if let Some(algorithm) = promised {
        digests.add(&algorithm);
    }
    let body = input.body.take().unwrap_or_else(empty);
    let received = receive(&service.store, body, digests, MAX_BODY_BYTES, || announced.into_expected()).await?;
    let part = blocking(move || bucket.put_part(&input.key, &input.upload_id, number, received)).await?;
    let sums = super::convert::dto_checksums(&part.checksums);
    Ok(UploadPartOutput {
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        e_tag: Some(etag(&part.etag)),
        ..UploadPartOutput::default()
    })
}

pub(super) async fn complete_multipart_upload(
    service: &Service,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let input = request.input;
    let bucket = service.bucket(&input.bucket)?;
    let condition = write_condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let parts = listed.into_iter().map(chosen_part).collect::<S3Result<Vec<_>>>()?;
    let (key, id) = (input.key.clone(), input.upload_id);
    let meta: ObjectMeta = blocking(move || bucket.complete_upload(&key, &id, &parts, &condition)).await?;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(etag(&meta.etag)),
        ..CompleteMultipartUploadOutput::default()
    };
    set_checksums!(output, &meta.checksums);
    Ok(output)
}

pub(super) async fn abort_multipart_upload(
    service: &Service,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    let bucket = service.bucket(&input.bucket)?;
    blocking(move || bucket.abort_upload(&input.key, &input.upload_id)).await?;
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) fn part_number(number: i32) -> S3Result<u32> {
    let valid = u32::try_from(number).ok().filter(|number| (1..=MAX_PARTS).contains(number));
    valid.ok_or_else(|| s3_error!(InvalidArgument, "part numbers run from 1 to {MAX_PARTS}"))
}

fn chosen_part(part: CompletedPart) -> S3Result<ChosenPart> {
    let checksums = checksums_of!(part);
    match (part.part_number, part.e_tag) {
        (Some(number), Some(etag)) => {
            Ok(ChosenPart { number: part_number(number)?, etag: etag.into_value(), checksums })
        }
        _ => Err(s3_error!(MalformedXML, "every part needs its number and its ETag")),
    }
}

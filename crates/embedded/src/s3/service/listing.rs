use s3s::dto::{
    ChecksumAlgorithm, CommonPrefix, EncodingType, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput,
    MultipartUpload, Object, ObjectStorageClass, Part,
};
use s3s::{S3Request, S3Result, s3_error};

use super::convert::{dto_checksums, etag, timestamp};
use super::{Service, blocking};
use crate::s3::store::{Listed, Page, PartMeta, Query, Start, UploadSummary};

/// Entries of one page, as in S3.
const MAX_PAGE: i32 = 1_000;

pub(super) fn list_objects_v2(
    service: &Service,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let input = request.input;
    let bucket = service.bucket(&input.bucket)?;
    let start = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => decode_token(token)?,
        (None, Some(key)) => Start::After(key.clone()),
        (None, None) => Start::Beginning,
    };
    let max = page_size(input.max_keys)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let page = bucket.list(&Query { prefix: &prefix, delimiter: input.delimiter.as_deref(), start, max: max.entries });
    let spelling = Spelling::new(input.encoding_type.as_ref());
    let next = page.next.as_ref().map(encode_token);
    let (contents, common_prefixes) = spelling.page(page);
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: input.prefix.map(|text| spelling.write(text)),
        max_keys: Some(max.shown),
        key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
        continuation_token: input.continuation_token,
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter.map(|text| spelling.write(text)),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(|text| spelling.write(text)),
        request_charged: None,
    })
}

pub(super) fn list_objects(service: &Service, request: S3Request<ListObjectsInput>) -> S3Result<ListObjectsOutput> {
    let input = request.input;
    let bucket = service.bucket(&input.bucket)?;
    let start = match (&input.marker, &input.delimiter) {
        (None, _) => Start::Beginning,
        // The last entry of the previous page was a common prefix.
        (Some(marker), Some(delimiter)) if marker.ends_with(delimiter.as_str()) => Start::AfterPrefix(marker.clone()),
        (Some(marker), _) => Start::After(marker.clone()),
    };
    let max = page_size(input.max_keys)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let page = bucket.list(&Query { prefix: &prefix, delimiter: input.delimiter.as_deref(), start, max: max.entries });
    let spelling = Spelling::new(input.encoding_type.as_ref());
    let next_marker = page.next.clone().and_then(|next| match next {
        Start::Beginning => None,
        Start::After(text) | Start::AfterPrefix(text) => Some(spelling.write(text)),
    });
    let (contents, common_prefixes) = spelling.page(page);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: input.prefix.map(|text| spelling.write(text)),
        marker: input.marker.map(|text| spelling.write(text)),
        max_keys: Some(max.shown),
        is_truncated: Some(next_marker.is_some()),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter.map(|text| spelling.write(text)),
        next_marker,
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

pub(super) async fn list_parts(service: &Service, request: S3Request<ListPartsInput>) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let bucket = service.bucket(&input.bucket)?;
    let max = page_size(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or_default();
    let after_number = u32::try_from(after).map_err(|_| s3_error!(InvalidArgument, "the marker is a part number"))?;
    let algorithm = bucket.find_upload_algorithm(&input.key, &input.upload_id)?;
    let (key, id) = (input.key.clone(), input.upload_id.clone());
    let (parts, is_truncated) = blocking(move || bucket.list_parts(&key, &id, after_number, max.entries)).await?;
    let last = parts.last().and_then(|part| i32::try_from(part.number).ok());
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: algorithm.map(ChecksumAlgorithm::from),
        is_truncated: Some(is_truncated),
        key: Some(input.key),
        max_parts: Some(max.shown),
        next_part_number_marker: last.filter(|_| is_truncated),
        part_number_marker: Some(after),
        parts: Some(parts.iter().map(shown_part).collect()),
        upload_id: Some(input.upload_id),
        ..ListPartsOutput::default()
    })
}

pub(super) fn list_multipart_uploads(
    service: &Service,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    super::convert::refuse_unsupported!(input, delimiter);
    let bucket = service.bucket(&input.bucket)?;
    let max = page_size(input.max_uploads)?;
    let spelling = Spelling::new(input.encoding_type.as_ref());
    let prefix = input.prefix.clone().unwrap_or_default();
    let key_marker = input.key_marker.clone().unwrap_or_default();
    let id_marker = input.upload_id_marker.clone().unwrap_or_default();
    let (uploads, is_truncated) = bucket.list_uploads(&prefix, (&key_marker, &id_marker), max.entries);
    let last = uploads.last().filter(|_| is_truncated).cloned();
    let (next_key, next_id) = last.map(|last| (spelling.write(last.key), last.id)).unzip();
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        encoding_type: input.encoding_type,
        is_truncated: Some(is_truncated),
        key_marker: input.key_marker.map(|text| spelling.write(text)),
        max_uploads: Some(max.shown),
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        prefix: input.prefix.map(|text| spelling.write(text)),
        upload_id_marker: input.upload_id_marker,
        uploads: Some(uploads.into_iter().map(|upload| shown_upload(upload, spelling)).collect()),
        ..ListMultipartUploadsOutput::default()
    })
}

fn shown_part(part: &PartMeta) -> Part {
    let sums = dto_checksums(&part.checksums);
    Part {
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        e_tag: Some(etag(&part.etag)),
        last_modified: Some(timestamp(part.modified_ms)),
        part_number: i32::try_from(part.number).ok(),
        size: i64::try_from(part.size).ok(),
    }
}

fn shown_upload(upload: UploadSummary, spelling: Spelling) -> MultipartUpload {
    MultipartUpload {
        checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
        initiated: Some(timestamp(upload.initiated_ms)),
        key: Some(spelling.write(upload.key)),
        upload_id: Some(upload.id),
        ..MultipartUpload::default()
    }
}

/// How long a page may be, and what the answer says about it.
struct PageSize {
    entries: usize,
    shown: i32,
}

fn page_size(asked: Option<i32>) -> S3Result<PageSize> {
    let shown = asked.unwrap_or(MAX_PAGE).min(MAX_PAGE);
    let entries = usize::try_from(shown).map_err(|_| s3_error!(InvalidArgument, "a page has no negative length"))?;
    Ok(PageSize { entries, shown })
}

/// How keys are written: plainly, or percent-encoded because XML cannot hold every character.
#[derive(Debug, Clone, Copy)]
struct Spelling {
    is_encoded: bool,
}

impl Spelling {
    fn new(asked: Option<&EncodingType>) -> Self {
        Self { is_encoded: asked.is_some_and(|asked| asked.as_str() == EncodingType::URL) }
    }

    fn write(self, text: String) -> String {
        if self.is_encoded { percent_encode(&text) } else { text }
    }

    fn page(self, page: Page) -> (Vec<Object>, Vec<CommonPrefix>) {
        let contents = page.objects.into_iter().map(|(key, listed)| self.object(key, &listed)).collect();
        let prefixes = page.prefixes.into_iter().map(|text| CommonPrefix { prefix: Some(self.write(text)) }).collect();
        (contents, prefixes)
    }

    fn object(self, key: String, listed: &Listed) -> Object {
        Object {
            e_tag: Some(etag(&listed.etag)),
            key: Some(self.write(key)),
            last_modified: Some(timestamp(listed.modified_ms)),
            size: i64::try_from(listed.size).ok(),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            ..Object::default()
        }
    }
}

fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Opaque to clients: where the next page begins, in hex.
fn encode_token(next: &Start) -> String {
    match next {
        Start::Beginning => hex::encode("b"),
        Start::After(key) => hex::encode(format!("k{key}")),
        Start::AfterPrefix(prefix) => hex::encode(format!("p{prefix}")),
    }
}

fn decode_token(token: &str) -> S3Result<Start> {
    let invalid = || s3_error!(InvalidArgument, "this is no continuation token of ours");
    let text = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)?;
    match (text.get(..1), text.get(1..)) {
        (Some("k"), Some(key)) => Ok(Start::After(key.to_owned())),
        (Some("p"), Some(prefix)) => Ok(Start::AfterPrefix(prefix.to_owned())),
        (Some("b"), Some("")) => Ok(Start::Beginning),
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_what_they_were() {
        for start in [Start::Beginning, Start::After("a/é".to_owned()), Start::AfterPrefix("a/".to_owned())] {
            assert_eq!(decode_token(&encode_token(&start)).ok(), Some(start));
        }
        for garbage in ["", "zz", "ff", "78", "é"] {
            assert!(decode_token(garbage).is_err(), "{garbage}");
        }
    }

    #[test]
    fn keys_are_percent_encoded_on_request() {
        let plain = Spelling::new(None);
        let encoded = Spelling { is_encoded: true };
        assert_eq!(plain.write("a b/\u{1}".to_owned()), "a b/\u{1}");
        assert_eq!(encoded.write("a b/\u{1}é+".to_owned()), "a%20b/%01%C3%A9%2B");
    }
}

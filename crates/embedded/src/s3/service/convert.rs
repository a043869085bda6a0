//! Between the store's values and those of the protocol.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::HeaderMap;
use s3s::dto::{self, ChecksumType, ETag, ETagCondition, Timestamp, TimestampFormat};
use s3s::{S3Result, TrailingHeaders, s3_error};

use crate::s3::store::{Checksums, Condition, Digests, ExpectedDigests, ObjectMeta};

/// Names and values of a user's metadata together.
const MAX_USER_METADATA_BYTES: usize = 2 << 10;

/// Prefix of the headers, and trailers, that announce a checksum.
const CHECKSUM_PREFIX: &str = "x-amz-checksum-";

/// Copies the five checksums and their type into an output.
macro_rules! set_checksums {
    ($output:expr, $checksums:expr) => {{
        let checksums = $crate::s3::service::convert::dto_checksums($checksums);
        $output.checksum_crc32 = checksums.checksum_crc32;
        $output.checksum_crc32c = checksums.checksum_crc32c;
        $output.checksum_crc64nvme = checksums.checksum_crc64nvme;
        $output.checksum_sha1 = checksums.checksum_sha1;
        $output.checksum_sha256 = checksums.checksum_sha256;
        $output.checksum_type = checksums.checksum_type;
    }};
}

/// The five checksums of an input.
macro_rules! checksums_of {
    ($input:expr) => {
        $crate::s3::store::Checksums {
            crc32: $input.checksum_crc32.clone(),
            crc32c: $input.checksum_crc32c.clone(),
            crc64nvme: $input.checksum_crc64nvme.clone(),
            sha1: $input.checksum_sha1.clone(),
            sha256: $input.checksum_sha256.clone(),
        }
    };
}

/// What the client says about an object, from any input that carries it.
macro_rules! attributes_of {
    ($input:expr) => {
        $crate::s3::store::Attributes {
            content_type: $input.content_type.clone(),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $crate::s3::service::convert::stored_encoding($input.content_encoding.as_deref()),
            content_language: $input.content_language.clone(),
            expires: $input.expires.as_ref().and_then($crate::s3::service::convert::http_date),
            user: $crate::s3::service::convert::user_metadata($input.metadata.clone())?,
        }
    };
}

/// Gives back what the client said about an object.
macro_rules! set_attributes {
    ($output:expr, $attributes:expr) => {{
        let attributes = $attributes;
        $output.content_type = attributes.content_type;
        $output.cache_control = attributes.cache_control;
        $output.content_disposition = attributes.content_disposition;
        $output.content_encoding = attributes.content_encoding;
        $output.content_language = attributes.content_language;
        $output.expires = attributes.expires.as_deref().and_then($crate::s3::service::convert::parse_http_date);
        $output.metadata = Some(attributes.user.into_iter().collect());
    }};
}

/// Refuses what this store does not do rather than passing over it in silence.
macro_rules! refuse_unsupported {
    ($input:expr, $($field:ident),+) => {
        $(
            if $input.$field.is_some() {
                let name = stringify!($field);
                return Err(s3s::s3_error!(NotImplemented, "the embedded store has no {name}"));
            }
        )+
    };
}

pub(super) use {attributes_of, checksums_of, refuse_unsupported, set_attributes, set_checksums};

pub(super) fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or_default()))
}

pub(super) fn http_date(timestamp: &Timestamp) -> Option<String> {
    let mut text = Vec::new();
    timestamp.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

pub(super) fn parse_http_date(text: &str) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::HttpDate, text).ok()
}

/// `aws-chunked` is how the body travelled, not what it is.
pub(super) fn stored_encoding(encoding: Option<&str>) -> Option<String> {
    let kept: Vec<_> =
        encoding?.split(',').map(str::trim).filter(|name| !matches!(*name, "aws-chunked" | "")).collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

pub(super) fn user_metadata(metadata: Option<HashMap<String, String>>) -> S3Result<BTreeMap<String, String>> {
    let user: BTreeMap<_, _> = metadata.unwrap_or_default().into_iter().collect();
    let bytes: usize = user.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_USER_METADATA_BYTES {
        return Err(s3_error!(MetadataTooLarge));
    }
    Ok(user)
}

pub(super) fn etag(value: &str) -> ETag {
    ETag::Strong(value.to_owned())
}

pub(super) fn dto_checksums(checksums: &Checksums) -> dto::Checksum {
    let is_composite = checksums.values().into_iter().flatten().any(|value| value.contains('-'));
    let kind = if is_composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    dto::Checksum {
        checksum_crc32: checksums.crc32.clone(),
        checksum_crc32c: checksums.crc32c.clone(),
        checksum_crc64nvme: checksums.crc64nvme.clone(),
        checksum_sha1: checksums.sha1.clone(),
        checksum_sha256: checksums.sha256.clone(),
        checksum_type: (!checksums.is_empty()).then(|| ChecksumType::from_static(kind)),
    }
}

/// When a write may happen.
pub(super) fn write_condition(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::None),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::Etag(etag.value().to_owned())),
        (_, Some(_)) => Err(s3_error!(NotImplemented, "writes take If-Match, or If-None-Match: *")),
    }
}

/// Conditions of a read.
#[expect(clippy::struct_field_names, reason = "they are called so in HTTP")]
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// In the order of RFC 9110 §13.2.2: a condition on the etag goes before the one on time.
    pub(super) fn check(&self, meta: &ObjectMeta) -> S3Result<()> {
        // HTTP dates have no fractions.
        let modified = timestamp(meta.modified_ms / 1_000 * 1_000);
        let is_refused = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => !is_met(condition, meta),
            (None, Some(limit)) => modified > *limit,
            (None, None) => false,
        };
        if is_refused {
            return Err(s3_error!(PreconditionFailed));
        }
        let is_unchanged = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => is_met(condition, meta),
            (None, Some(limit)) => modified <= *limit,
            (None, None) => false,
        };
        if is_unchanged { Err(not_modified(meta)) } else { Ok(()) }
    }
}

fn is_met(condition: &ETagCondition, meta: &ObjectMeta) -> bool {
    condition.as_etag().is_none_or(|etag| etag.value() == meta.etag)
}

fn not_modified(meta: &ObjectMeta) -> s3s::S3Error {
    let mut answer = s3_error!(NotModified);
    let mut headers = HeaderMap::new();
    headers.extend(etag(&meta.etag).to_http_header().ok().map(|value| (hyper::header::ETAG, value)));
    answer.set_headers(headers);
    answer
}

/// What the client announced about a body, some of it only after the body.
pub(super) struct Announced {
    md5: Option<String>,
    checksums: Checksums,
    size: Option<u64>,
    trailers: Option<TrailingHeaders>,
}

impl Announced {
    pub(super) fn new(
        md5: Option<String>,
        checksums: Checksums,
        content_length: Option<i64>,
        trailers: Option<TrailingHeaders>,
    ) -> S3Result<Self> {
        let is_md5 = |text: &String| BASE64.decode(text).is_ok_and(|bytes| bytes.len() == 16);
        if md5.as_ref().is_some_and(|text| !is_md5(text)) {
            return Err(s3_error!(InvalidDigest));
        }
        let size = content_length.and_then(|length| u64::try_from(length).ok());
        Ok(Self { md5, checksums, size, trailers })
    }

    /// The digests to compute: those announced with a value, named as to come after the body, or
    /// asked for.
    pub(super) fn digests(&self, headers: &HeaderMap, algorithm: Option<&str>) -> S3Result<Digests> {
        let mut digests = Digests::new();
        digests.add_all_of(&self.checksums);
        let trailers = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
        let named = trailers.flat_map(|names| names.split(',')).filter_map(|name| {
            let name = name.trim().to_ascii_lowercase();
            name.strip_prefix(CHECKSUM_PREFIX).map(str::to_owned)
        });
        for name in named.chain(algorithm.map(str::to_owned)) {
            if !digests.add(&name) {
                return Err(s3_error!(InvalidRequest, "{name} is no checksum algorithm"));
            }
        }
        Ok(digests)
    }

    /// To be asked when the body has arrived, and with it what follows it.
    pub(super) fn into_expected(self) -> ExpectedDigests {
        let mut checksums = self.checksums;
        if let Some(trailers) = self.trailers.and_then(|trailers| trailers.take()) {
            for (name, value) in &trailers {
                let slot = name.as_str().strip_prefix(CHECKSUM_PREFIX).and_then(|name| checksums.slot(name));
                if let (Some(slot), Ok(value)) = (slot, value.to_str()) {
                    *slot = Some(value.to_owned());
                }
            }
        }
        ExpectedDigests { md5: self.md5, checksums, size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encodings_of_the_content_are_kept() {
        assert_eq!(stored_encoding(None), None);
        assert_eq!(stored_encoding(Some("aws-chunked")), None);
        assert_eq!(stored_encoding(Some("gzip,aws-chunked")).as_deref(), Some("gzip"));
        assert_eq!(stored_encoding(Some("gzip")).as_deref(), Some("gzip"));
    }

    #[test]
    fn a_content_md5_must_be_one() {
        let announced = |md5: &str| Announced::new(Some(md5.to_owned()), Checksums::default(), None, None).is_ok();
        assert!(announced("1B2M2Y8AsgTpgAmY7PhCfg=="));
        assert!(!announced("AAAA"));
        assert!(!announced("not base64"));
    }

    #[test]
    fn writes_take_only_conditions_that_can_be_judged() {
        let any = ETagCondition::Any;
        let one = ETagCondition::ETag(ETag::Strong("e".to_owned()));
        assert_eq!(write_condition(None, Some(&any)).ok(), Some(Condition::Absent));
        assert_eq!(write_condition(Some(&one), None).ok(), Some(Condition::Etag("e".to_owned())));
        assert!(write_condition(None, Some(&one)).is_err());
        assert!(write_condition(Some(&any), Some(&any)).is_err());
    }
}

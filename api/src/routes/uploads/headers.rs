//! The protocol's request headers, each parsed to a value or refused by name. Pure.

use axum::http::{HeaderMap, HeaderName, header};
use estrade_http::{Problem, Result};

use crate::uploads::{Checksum, InvalidMetadata, Metadata};

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
pub(super) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");
pub(super) const ESTRADE_CLIP: HeaderName = HeaderName::from_static("estrade-clip");

/// The content type of bytes to append.
const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// 400 that names the header.
pub(super) fn invalid(name: &str, code: &'static str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    Problem::bad_request("invalid_header", detail.clone()).with_field(name, code, detail)
}

/// The header's single value; one that is sent twice or is not text is refused.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(invalid(canonical(name), "repeated", format!("{} stands twice", canonical(name))));
    }
    let text = first.map(|value| value.to_str());
    text.transpose().map_err(|_| invalid(canonical(name), "not_ascii", format!("{} is not ASCII", canonical(name))))
}

/// As people write it.
fn canonical(name: &HeaderName) -> &'static str {
    match name.as_str() {
        "upload-offset" => "Upload-Offset",
        "upload-length" => "Upload-Length",
        "upload-defer-length" => "Upload-Defer-Length",
        "upload-metadata" => "Upload-Metadata",
        "upload-checksum" => "Upload-Checksum",
        "upload-concat" => "Upload-Concat",
        "content-type" => "Content-Type",
        "content-length" => "Content-Length",
        "x-http-method-override" => "X-HTTP-Method-Override",
        _ => "header",
    }
}

/// A count of bytes: decimal digits only. One that no number can hold is above every limit.
pub(super) fn size(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>> {
    let Some(text) = single(headers, name)? else { return Ok(None) };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let detail = format!("{} is a number of bytes in decimal digits", canonical(name));
        return Err(invalid(canonical(name), "not_a_number", detail));
    }
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

/// `Upload-Offset`, which has to be there.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64> {
    let offset = size(headers, &UPLOAD_OFFSET)?;
    offset.ok_or_else(|| invalid("Upload-Offset", "missing", "send Upload-Offset: where the body begins, in bytes"))
}

/// The size of a new upload; none when it is declared later.
pub(super) fn new_length(headers: &HeaderMap) -> Result<Option<u64>> {
    let length = size(headers, &UPLOAD_LENGTH)?;
    let deferred = single(headers, &UPLOAD_DEFER_LENGTH)?;
    match (length, deferred) {
        (Some(_), Some(_)) => {
            Err(invalid("Upload-Defer-Length", "contradiction", "send Upload-Length or Upload-Defer-Length, not both"))
        }
        (None, Some("1")) => Ok(None),
        (None, Some(_)) => Err(invalid("Upload-Defer-Length", "unknown_value", "Upload-Defer-Length is 1")),
        (None, None) => Err(invalid("Upload-Length", "missing", "send Upload-Length, or Upload-Defer-Length: 1")),
        (length, None) => Ok(length),
    }
}

/// `Upload-Checksum`.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>> {
    let Some(text) = single(headers, &UPLOAD_CHECKSUM)? else { return Ok(None) };
    let checksum = text.parse::<Checksum>();
    checksum.map(Some).map_err(|error| invalid("Upload-Checksum", "invalid", error.to_string()))
}

/// `Upload-Metadata`: 400 when it cannot be read, 422 when a known key has an impossible value.
pub(super) fn metadata(headers: &HeaderMap) -> Result<Metadata> {
    let Some(text) = single(headers, &UPLOAD_METADATA)? else { return Ok(Metadata::default()) };
    text.parse().map_err(|error| match error {
        InvalidMetadata::Malformed(detail) => invalid("Upload-Metadata", "malformed", detail),
        InvalidMetadata::Value { key, reason } => Problem::invalid_field(key, reason.code, reason.detail),
    })
}

/// The declared size of the body.
pub(super) fn body_length(headers: &HeaderMap) -> Result<Option<u64>> {
    let is_chunked = headers.contains_key(header::TRANSFER_ENCODING);
    match size(headers, &header::CONTENT_LENGTH)? {
        // Neither declared nor chunked: there is no body.
        None if !is_chunked => Ok(Some(0)),
        length => Ok(length),
    }
}

/// Whether the body is bytes to append.
pub(super) fn is_offset_stream(headers: &HeaderMap) -> Result<bool> {
    let kind = single(headers, &header::CONTENT_TYPE)?.unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    Ok(essence.eq_ignore_ascii_case(OFFSET_STREAM))
}

/// 415: the body is of another type.
pub(super) fn not_an_offset_stream() -> Problem {
    let detail = format!("send the body as {OFFSET_STREAM}");
    Problem::new(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail.clone()).with_field(
        "Content-Type",
        "unsupported",
        detail,
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_str(value).expect("value"));
        }
        headers
    }

    #[test]
    fn sizes_are_decimal_digits() {
        for (text, size_bytes) in [("0", 0), ("42", 42), ("99999999999999999999999", u64::MAX)] {
            assert_eq!(size(&headers(&[(UPLOAD_LENGTH, text)]), &UPLOAD_LENGTH).expect(text), Some(size_bytes));
        }
        for text in ["", "-1", "+5", "1.5", "0x10", "abc", "1 2", "１"] {
            let mut bad = HeaderMap::new();
            bad.insert(UPLOAD_LENGTH, HeaderValue::from_bytes(text.as_bytes()).expect("bytes"));
            assert_eq!(size(&bad, &UPLOAD_LENGTH).expect_err(text).status(), 400, "{text}");
        }
        let twice = headers(&[(UPLOAD_LENGTH, "1"), (UPLOAD_LENGTH, "2")]);
        assert_eq!(size(&twice, &UPLOAD_LENGTH).expect_err("twice").status(), 400);
    }

    #[test]
    fn a_new_upload_declares_its_length_or_that_it_will() {
        assert_eq!(new_length(&headers(&[(UPLOAD_LENGTH, "5")])).expect("length"), Some(5));
        assert_eq!(new_length(&headers(&[(UPLOAD_DEFER_LENGTH, "1")])).expect("deferred"), None);
        for bad in [
            headers(&[]),
            headers(&[(UPLOAD_DEFER_LENGTH, "2")]),
            headers(&[(UPLOAD_LENGTH, "5"), (UPLOAD_DEFER_LENGTH, "1")]),
        ] {
            assert_eq!(new_length(&bad).expect_err("bad").code(), "invalid_header");
        }
    }

    #[test]
    fn a_body_without_a_length_is_empty_or_chunked() {
        assert_eq!(body_length(&headers(&[])).expect("none"), Some(0));
        assert_eq!(body_length(&headers(&[(header::CONTENT_LENGTH, "7")])).expect("seven"), Some(7));
        assert_eq!(body_length(&headers(&[(header::TRANSFER_ENCODING, "chunked")])).expect("chunked"), None);
    }

    proptest! {
        #[test]
        fn no_headers_make_the_readers_panic(values in prop::collection::vec(prop::collection::vec(0x20u8..=0xff, 0..30), 0..8)) {
            let names =
                [UPLOAD_LENGTH, UPLOAD_OFFSET, UPLOAD_DEFER_LENGTH, UPLOAD_CHECKSUM, UPLOAD_METADATA, header::CONTENT_LENGTH, header::CONTENT_TYPE];
            let mut headers = HeaderMap::new();
            for (name, value) in names.iter().zip(&values) {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    headers.append(name, value);
                }
            }
            let _ = (size(&headers, &UPLOAD_LENGTH), offset(&headers), new_length(&headers), body_length(&headers));
            let _ = (checksum(&headers), metadata(&headers), is_offset_stream(&headers));
        }

        #[test]
        fn sizes_are_read_back(bytes: u64) {
            let text = bytes.to_string();
            prop_assert_eq!(size(&headers(&[(UPLOAD_LENGTH, &text)]), &UPLOAD_LENGTH).expect("a size"), Some(bytes));
        }
    }
}

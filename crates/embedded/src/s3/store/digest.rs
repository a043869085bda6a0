//! Digests of a body, computed while it streams by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// The checksums S3 knows, in base64 as on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Checksums {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crc32: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crc32c: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crc64nvme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

/// The algorithms by their name on the wire, in the order of [`Checksums::values`].
pub(crate) const ALGORITHMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];

impl Checksums {
    /// In the order of [`ALGORITHMS`].
    pub(crate) fn values(&self) -> [Option<&String>; 5] {
        [&self.crc32, &self.crc32c, &self.crc64nvme, &self.sha1, &self.sha256].map(Option::as_ref)
    }

    /// The slot of an algorithm, named as in [`ALGORITHMS`] without regard to case.
    pub(crate) fn slot(&mut self, algorithm: &str) -> Option<&mut Option<String>> {
        let index = ALGORITHMS.iter().position(|known| known.eq_ignore_ascii_case(algorithm))?;
        Some(match index {
            0 => &mut self.crc32,
            1 => &mut self.crc32c,
            2 => &mut self.crc64nvme,
            3 => &mut self.sha1,
            _ => &mut self.sha256,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values().iter().all(Option::is_none)
    }

    /// The first algorithm whose announced value is not the one found here.
    pub(crate) fn first_mismatch(&self, announced: &Self) -> Option<&'static str> {
        let pairs = ALGORITHMS.into_iter().zip(announced.values()).zip(self.values());
        pairs
            .filter(|((_, announced), found)| announced.is_some() && announced != found)
            .map(|((name, _), _)| name)
            .next()
    }
}

/// What the client announced; a body that differs is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExpectedDigests {
    /// Base64.
    pub(crate) md5: Option<String>,
    pub(crate) checksums: Checksums,
    /// Bytes.
    pub(crate) size: Option<u64>,
}

/// Digests under way: always MD5, which is the etag, and the checksums asked for.
pub(crate) struct Digests {
    md5: Md5,
    checksums: ChecksumHasher,
}

/// Digests of a whole body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digested {
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Checksums,
}

impl Digests {
    pub(crate) fn new() -> Self {
        Self { md5: Md5::new(), checksums: ChecksumHasher::default() }
    }

    /// Adds an algorithm by its name on the wire. False if it is none we know.
    pub(crate) fn add(&mut self, algorithm: &str) -> bool {
        let hasher = &mut self.checksums;
        match algorithm.to_ascii_uppercase().as_str() {
            "CRC32" => hasher.crc32 = Some(Crc32::new()),
            "CRC32C" => hasher.crc32c = Some(Crc32c::new()),
            "CRC64NVME" => hasher.crc64nvme = Some(Crc64Nvme::new()),
            "SHA1" => hasher.sha1 = Some(Sha1::new()),
            "SHA256" => hasher.sha256 = Some(Sha256::new()),
            _ => return false,
        }
        true
    }

    /// Adds every algorithm `checksums` has a value of.
    pub(crate) fn add_all_of(&mut self, checksums: &Checksums) {
        for (algorithm, value) in ALGORITHMS.into_iter().zip(checksums.values()) {
            if value.is_some() {
                self.add(algorithm);
            }
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.checksums.update(bytes);
    }

    pub(crate) fn finish(self) -> Digested {
        let sums = self.checksums.finalize();
        let checksums = Checksums {
            crc32: sums.checksum_crc32,
            crc32c: sums.checksum_crc32c,
            crc64nvme: sums.checksum_crc64nvme,
            sha1: sums.checksum_sha1,
            sha256: sums.checksum_sha256,
        };
        Digested { md5: self.md5.finalize(), checksums }
    }
}

impl Digested {
    pub(crate) fn etag(&self) -> String {
        hex::encode(self.md5)
    }

    /// Refuses a body that is not the one announced.
    pub(crate) fn check(&self, expected: &ExpectedDigests) -> Result<(), StoreError> {
        if expected.md5.as_ref().is_some_and(|md5| *md5 != BASE64.encode(self.md5)) {
            return Err(StoreError::BadDigest { algorithm: "MD5" });
        }
        match self.checksums.first_mismatch(&expected.checksums) {
            Some(algorithm) => Err(StoreError::BadDigest { algorithm }),
            None => Ok(()),
        }
    }
}

/// The etag of an object made of parts: the MD5 over the parts' MD5s, and how many they are. `None`
/// for an etag that is no MD5.
pub(super) fn combined_etag<'a>(etags: impl ExactSizeIterator<Item = &'a str>) -> Option<String> {
    let count = etags.len();
    let mut md5 = Md5::new();
    for etag in etags {
        md5.update(&hex::decode(etag).ok()?);
    }
    Some(format!("{}-{count}", hex::encode(md5.finalize())))
}

/// The checksum over the parts' checksums, in the form `<base64>-<parts>`, for every algorithm all
/// parts have.
pub(super) fn combined_checksums(parts: &[&Checksums]) -> Checksums {
    let count = parts.len();
    let mut combined = Checksums::default();
    for (index, algorithm) in ALGORITHMS.into_iter().enumerate() {
        let raw: Option<Vec<u8>> = parts
            .iter()
            .map(|sums| sums.values()[index].and_then(|value| BASE64.decode(value).ok()))
            .collect::<Option<Vec<_>>>()
            .map(|digests| digests.concat());
        // S3 defines no such form for CRC64NVME.
        let value = raw.filter(|_| algorithm != "CRC64NVME").and_then(|raw| checksum_of(algorithm, &raw));
        if let Some(slot) = combined.slot(algorithm) {
            *slot = value.map(|value| format!("{value}-{count}"));
        }
    }
    combined
}

fn checksum_of(algorithm: &str, bytes: &[u8]) -> Option<String> {
    let mut digests = Digests::new();
    digests.add(algorithm);
    digests.update(bytes);
    digests.finish().checksums.slot(algorithm).and_then(Option::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8], algorithms: &[&str]) -> Digested {
        let mut digests = Digests::new();
        for algorithm in algorithms {
            assert!(digests.add(algorithm));
        }
        digests.update(bytes);
        digests.finish()
    }

    #[test]
    fn known_bodies_have_known_digests() {
        let found = digest(b"123456789", &["crc32", "CRC32C", "crc64nvme", "sha1", "sha256"]);
        assert_eq!(found.etag(), "25f9e794323b453885f5181f1b624d0b");
        assert_eq!(found.checksums.crc32.as_deref(), Some("y/Q5Jg=="));
        assert_eq!(found.checksums.crc32c.as_deref(), Some("4waSgw=="));
        assert_eq!(found.checksums.crc64nvme.as_deref(), Some("rosUhgp5mIg="));
        assert_eq!(found.checksums.sha1.as_deref(), Some("98O8HYCOBHMq32eZZczDTKeuNEE="));
        assert_eq!(found.checksums.sha256.as_deref(), Some("FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="));
    }

    #[test]
    fn an_announced_digest_that_differs_is_refused_by_name() {
        let found = digest(b"new!", &["CRC32C"]);
        let mut expected = ExpectedDigests::default();
        expected.checksums.crc32c = Some("AAAAAA==".to_owned());
        assert!(matches!(found.check(&expected), Err(StoreError::BadDigest { algorithm: "CRC32C" })));
        expected.checksums.crc32c.clone_from(&found.checksums.crc32c);
        found.check(&expected).expect("the right one");
        expected.md5 = Some(BASE64.encode([0; 16]));
        assert!(matches!(found.check(&expected), Err(StoreError::BadDigest { algorithm: "MD5" })));
    }

    #[test]
    fn an_announced_algorithm_that_was_not_computed_is_refused() {
        let mut expected = ExpectedDigests::default();
        expected.checksums.sha1 = Some("x".to_owned());
        assert!(digest(b"x", &[]).check(&expected).is_err());
    }

    #[test]
    fn parts_combine_into_one_etag_and_the_checksums_all_of_them_have() {
        let parts = [digest(b"ab", &["CRC32", "SHA256"]), digest(b"c", &["CRC32"])];
        let etags: Vec<String> = parts.iter().map(Digested::etag).collect();
        let etag = combined_etag(etags.iter().map(String::as_str)).expect("hex");
        assert!(etag.ends_with("-2") && etag.len() == 34, "{etag}");
        let sums = combined_checksums(&parts.each_ref().map(|part| &part.checksums));
        assert!(sums.crc32.is_some_and(|sum| sum.ends_with("-2")));
        assert_eq!(sums.sha256, None);
    }
}

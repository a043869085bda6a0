//! `Upload-Checksum`: a digest of one request's body. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// The algorithms, as `Tus-Checksum-Algorithm` names them.
pub const ALGORITHMS: &str = "sha1,sha256,crc32c";

/// Why a header value was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChecksum {
    /// Not `ALGORITHM BASE64`.
    #[error("write a checksum as the algorithm, a space and the digest in base64")]
    Malformed,
    /// Another algorithm than [`ALGORITHMS`].
    #[error("the algorithm is one of {ALGORITHMS}")]
    UnknownAlgorithm,
    /// The digest has the wrong number of bytes for its algorithm.
    #[error("the digest does not have the length of its algorithm")]
    WrongLength,
}

/// The digest a body must have, and that of what came so far.
#[derive(Debug, Clone)]
pub struct Checksum {
    expected: Vec<u8>,
    running: Running,
}

#[derive(Debug, Clone)]
enum Running {
    Sha1(Sha1),
    Sha256(Sha256),
    Crc32c(u32),
}

impl Running {
    fn named(algorithm: &str) -> Option<(Self, usize)> {
        match algorithm {
            "sha1" => Some((Self::Sha1(Sha1::new()), 20)),
            "sha256" => Some((Self::Sha256(Sha256::new()), 32)),
            "crc32c" => Some((Self::Crc32c(0), 4)),
            _ => None,
        }
    }
}

impl std::str::FromStr for Checksum {
    type Err = InvalidChecksum;

    fn from_str(value: &str) -> Result<Self, InvalidChecksum> {
        let (algorithm, digest) = value.split_once(' ').ok_or(InvalidChecksum::Malformed)?;
        let (running, length) = Running::named(algorithm).ok_or(InvalidChecksum::UnknownAlgorithm)?;
        let expected = STANDARD.decode(digest).map_err(|_| InvalidChecksum::Malformed)?;
        if expected.len() != length {
            return Err(InvalidChecksum::WrongLength);
        }
        Ok(Self { expected, running })
    }
}

impl Checksum {
    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.running {
            Running::Sha1(digest) => digest.update(bytes),
            Running::Sha256(digest) => digest.update(bytes),
            Running::Crc32c(sum) => *sum = crc32c::crc32c_append(*sum, bytes),
        }
    }

    /// Whether the bytes were those the client meant.
    pub fn matches(self) -> bool {
        match self.running {
            Running::Sha1(digest) => digest.finalize()[..] == self.expected[..],
            Running::Sha256(digest) => digest.finalize()[..] == self.expected[..],
            Running::Crc32c(sum) => sum.to_be_bytes()[..] == self.expected[..],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_matched(header: &str, body: &[u8]) -> bool {
        let mut checksum: Checksum = header.parse().expect(header);
        for byte in body {
            checksum.update(&[*byte]);
        }
        checksum.matches()
    }

    #[test]
    fn each_algorithm_knows_its_digest() {
        for header in [
            "sha1 98O8HYCOBHMq32eZZczDTKeuNEE=",
            "sha256 FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
            "crc32c 4waSgw==",
        ] {
            assert!(is_matched(header, b"123456789"), "{header}");
            assert!(!is_matched(header, b"123456780"), "{header}");
        }
    }

    #[test]
    fn what_is_not_a_checksum_is_refused() {
        for (header, why) in [
            ("sha1", InvalidChecksum::Malformed),
            ("sha1 !!!", InvalidChecksum::Malformed),
            ("rot13 AAAA", InvalidChecksum::UnknownAlgorithm),
            ("SHA1 AAAA", InvalidChecksum::UnknownAlgorithm),
            ("sha1 AAAA", InvalidChecksum::WrongLength),
            ("", InvalidChecksum::Malformed),
        ] {
            assert_eq!(header.parse::<Checksum>().expect_err(header), why, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics_and_a_digest_is_that_of_its_body(
            text in "\\PC{0,80}", digest in prop::collection::vec(any::<u8>(), 0..40), body in prop::collection::vec(any::<u8>(), 0..99)
        ) {
            let _ = text.parse::<Checksum>();
            for algorithm in ALGORITHMS.split(',') {
                let _ = format!("{algorithm} {text}").parse::<Checksum>();
                if let Ok(mut checksum) = format!("{algorithm} {}", STANDARD.encode(&digest)).parse::<Checksum>() {
                    checksum.update(&body);
                    prop_assert!(!checksum.matches(), "a digest at random");
                }
            }
        }
    }
}

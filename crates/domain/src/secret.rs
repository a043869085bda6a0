//! A signing key and what is signed with it.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of a signature kept: 128 bits are out of reach of guessing.
pub const SIGNATURE_BYTES: usize = 16;

/// A secret for cursors and tickets. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// A key from 32 secret bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Signs `message` for one `purpose`; a signature for one purpose is worth nothing for another.
    pub fn sign(&self, purpose: &str, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let digest = self.mac(purpose, message).finalize().into_bytes();
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(&digest[..SIGNATURE_BYTES]);
        signature
    }

    /// Whether `signature` is ours, in constant time.
    pub fn is_signed(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == SIGNATURE_BYTES && self.mac(purpose, message).verify_truncated_left(signature).is_ok()
    }

    fn mac(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes any key length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(message);
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_bound_to_key_purpose_and_message() {
        let key = SigningKey::new([1; 32]);
        let signature = key.sign("cursor", b"hello");
        assert!(key.is_signed("cursor", b"hello", &signature));
        assert!(!key.is_signed("ticket", b"hello", &signature));
        assert!(!key.is_signed("cursor", b"hellp", &signature));
        assert!(!key.is_signed("cursor", b"hello", &signature[..15]));
        assert!(!SigningKey::new([2; 32]).is_signed("cursor", b"hello", &signature));
    }
}

//! What is known of an object besides its bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Checksums;

/// The footer of an object's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectMeta {
    pub(crate) key: String,
    pub(crate) size: u64,
    /// Without the quotes: the MD5 of the bytes, or of the parts' MD5s and their number.
    pub(crate) etag: String,
    /// Milliseconds since 1970.
    pub(crate) modified_ms: i64,
    pub(crate) attributes: Attributes,
    pub(crate) checksums: Checksums,
    /// Where the bytes are if they are not in the same file.
    pub(crate) parts: Option<PartList>,
}

/// What the client says about an object and gets back with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    /// As an HTTP date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) user: BTreeMap<String, String>,
}

/// The parts an object consists of, in order; their files lie in the folder of the upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartList {
    pub(crate) upload: String,
    pub(crate) parts: Vec<PartSpan>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartSpan {
    pub(crate) number: u32,
    pub(crate) size: u64,
}

impl ObjectMeta {
    /// The upload whose part files this object consists of.
    pub(crate) fn upload(&self) -> Option<&str> {
        self.parts.as_ref().map(|list| list.upload.as_str())
    }
}

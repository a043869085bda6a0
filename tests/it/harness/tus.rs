//! Resumable uploads, by hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;

use super::client::{Answer, Call, Client};

pub const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// An upload that was created.
#[derive(Debug, Clone)]
pub struct Upload {
    pub path: String,
    pub clip: String,
}

/// `Upload-Metadata` of these pairs.
pub fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).collect();
    pairs.join(",")
}

impl Client {
    pub fn tus(&self, method: Method, path: &str) -> Call<'_> {
        self.call(method, path).header("Tus-Resumable", "1.0.0")
    }

    pub async fn create_upload_with(&self, length: usize, pairs: &[(&str, &str)]) -> Answer {
        let call = self.tus(Method::POST, "/v1/uploads").header("Upload-Length", &length.to_string());
        call.header("Upload-Metadata", &metadata(pairs)).send().await
    }

    pub async fn create_upload(&self, length: usize, pairs: &[(&str, &str)]) -> Upload {
        Upload::of(&self.create_upload_with(length, pairs).await.expect(201))
    }

    pub fn append_call(&self, upload: &Upload, offset: usize, body: impl Into<reqwest::Body>) -> Call<'_> {
        let call = self.tus(Method::PATCH, &upload.path).header("Content-Type", OFFSET_STREAM);
        call.header("Upload-Offset", &offset.to_string()).body(body)
    }

    pub async fn append(&self, upload: &Upload, offset: usize, bytes: &[u8]) -> Answer {
        self.append_call(upload, offset, Bytes::copy_from_slice(bytes)).send().await
    }

    /// The durable offset, or the status instead of one.
    pub async fn offset(&self, upload: &Upload) -> Result<usize, u16> {
        let answer = self.tus(Method::HEAD, &upload.path).send().await;
        if answer.status == 200 {
            Ok(answer.header("upload-offset").parse().expect("an offset"))
        } else {
            Err(answer.status)
        }
    }

    pub async fn upload_state(&self, upload: &Upload) -> Value {
        self.get(&upload.path).await.expect(200).json()
    }

    /// Sends a whole source; the clip's id.
    pub async fn upload(&self, source: &[u8], pairs: &[(&str, &str)]) -> String {
        let upload = self.create_upload(source.len(), pairs).await;
        self.append(&upload, 0, source).await.expect(204);
        upload.clip
    }

    /// Sends a whole source and waits until all of it is playable.
    pub async fn publish(&self, source: &[u8], pairs: &[(&str, &str)]) -> Value {
        let clip = self.upload(source, pairs).await;
        self.wait_complete(&clip).await
    }
}

impl Upload {
    pub fn of(answer: &Answer) -> Self {
        Self { path: answer.header("location").to_owned(), clip: answer.header("estrade-clip").to_owned() }
    }
}

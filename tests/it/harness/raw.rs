//! HTTP by hand, for what a well-behaved client cannot send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::Client;
use super::tus::{OFFSET_STREAM, Upload};

pub struct Raw(TcpStream);

impl Raw {
    pub async fn connect(base: &str) -> Self {
        Self(TcpStream::connect(base.trim_start_matches("http://")).await.expect("a connection"))
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("sent");
    }

    /// Begins an append of `length` bytes; the body is to be sent by hand.
    pub async fn begin_append(client: &Client, upload: &Upload, offset: usize, length: usize) -> Self {
        let mut raw = Self::connect(&client.base).await;
        let token = client.token.as_deref().expect("a token");
        let head = format!(
            "PATCH {} HTTP/1.1\r\nHost: estrade\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n\
             Content-Type: {OFFSET_STREAM}\r\nUpload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n",
            upload.path
        );
        raw.send(head.as_bytes()).await;
        raw
    }

    /// Everything that comes until the server closes, which it must do within `limit`.
    pub async fn read_to_end(mut self, limit: Duration) -> String {
        let mut bytes = Vec::new();
        let reading = self.0.read_to_end(&mut bytes);
        // A connection that is reset is closed too.
        let _ = tokio::time::timeout(limit, reading).await.unwrap_or_else(|_| panic!("still open after {limit:?}"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the server answers on this connection, which stays open.
    pub async fn is_served(&mut self) -> bool {
        let mut head = Vec::new();
        if self.0.write_all(b"HEAD /livez HTTP/1.1\r\nHost: estrade\r\n\r\n").await.is_err() {
            return false;
        }
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return false,
            }
        }
        head.starts_with(b"HTTP/1.1 200")
    }

    /// The status of the answer, which must come within `limit`.
    pub async fn status(&mut self, limit: Duration) -> u16 {
        let mut head = [0; 12];
        let reading = self.0.read_exact(&mut head);
        tokio::time::timeout(limit, reading).await.expect("an answer in time").expect("an answer");
        String::from_utf8_lossy(&head)[9..].parse().expect("a status")
    }
}

use std::time::Duration;

use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use estrade_embedded::s3::{S3Endpoint, S3Error, S3Options};

use crate::s3::{BUCKET, S3, code, options, status};

fn presigned() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_mins(1)).expect("valid")
}

/// The path and query of a URL.
fn target(url: &str) -> &str {
    url.splitn(4, '/').nth(3).expect("a path")
}

#[tokio::test]
async fn presigned_urls_work_for_what_they_were_made_for_and_nothing_else() {
    let s3 = S3::start().await;
    let host = s3.host();
    let put = s3.client.put_object().bucket(BUCKET).key("pre").presigned(presigned()).await.expect("a URL");
    let send = |target: String| {
        let head = format!("PUT /{target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 5\r\nconnection: close\r\n\r\n");
        s3.raw(head, b"hello")
    };
    let url = target(put.uri()).to_owned();
    assert_eq!(status(&send(url.clone()).await), "200");
    assert_eq!(s3.get("pre").await, b"hello");
    assert_eq!(status(&send(url.replace("/pre?", "/other?")).await), "403");
    assert_eq!(status(&send(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")).await), "403");
    let get = s3.client.get_object().bucket(BUCKET).key("pre").presigned(presigned()).await.expect("a URL");
    let request = format!("GET /{} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n", target(get.uri()));
    let answer = s3.raw(request, b"").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[tokio::test]
async fn nobody_gets_in_without_the_key() {
    let s3 = S3::start().await;
    s3.put("key", "1").await;
    let host = s3.host();
    let request = format!("GET /{BUCKET}/key HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    assert_eq!(status(&s3.raw(request, b"").await), "403");
    let stranger = s3.other_client("guess", RequestChecksumCalculation::WhenRequired);
    assert_eq!(code(stranger.get_object().bucket(BUCKET).key("key").send().await), "SignatureDoesNotMatch");
    let put = stranger.put_object().bucket(BUCKET).key("key").body(ByteStream::from_static(b"2"));
    assert_eq!(code(put.send().await), "SignatureDoesNotMatch");
    assert_eq!(s3.get("key").await, b"1");
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_the_old_object_and_no_file() {
    let s3 = S3::start().await;
    s3.put("key", "old").await;
    let url = s3.client.put_object().bucket(BUCKET).key("key").presigned(presigned()).await.expect("a URL");
    let (host, target) = (s3.host(), target(url.uri()).to_owned());
    let addr = host.clone();
    tokio::task::spawn_blocking(move || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(addr).expect("connected");
        write!(stream, "PUT /{target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1000000\r\n\r\n").expect("sent");
        stream.write_all(&vec![0; 500_000]).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("cut");
        // The server is done with the request once it has closed the connection.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    })
    .await
    .expect("no panic");
    assert_eq!(s3.get("key").await, b"old");
    let dir = s3.stop().await;
    assert_eq!(std::fs::read_dir(dir.path().join("tmp")).expect("the folder").count(), 0);
}

#[tokio::test]
async fn what_the_store_does_not_do_is_refused() {
    let s3 = S3::start().await;
    let put = || s3.client.put_object().bucket(BUCKET).key("key").body(ByteStream::from_static(b"1"));
    assert_eq!(code(put().tagging("a=b").send().await), "NotImplemented");
    assert_eq!(code(put().if_none_match("\"etag\"").send().await), "NotImplemented");
    assert_eq!(code(put().metadata("m", "x".repeat(3_000)).send().await), "MetadataTooLarge");
    let long = "k".repeat(1_025);
    let put = s3.client.put_object().bucket(BUCKET).key(long).body(ByteStream::from_static(b"1"));
    assert_eq!(code(put.send().await), "KeyTooLongError");
    assert_eq!(code(s3.client.get_bucket_versioning().bucket("UPPER_case").send().await), "InvalidBucketName");
}

#[tokio::test]
async fn a_stop_lets_an_answer_under_way_finish() {
    let s3 = S3::start().await;
    s3.put("key", vec![7; 8 << 20]).await;
    let got = s3.client.get_object().bucket(BUCKET).key("key").send().await.expect("there");
    let (dir, body) = tokio::join!(s3.stop(), got.body.collect());
    assert_eq!(body.expect("whole").to_vec().len(), 8 << 20);
    // The folder is free again as soon as the endpoint has stopped.
    let again = S3Endpoint::start(dir.path(), options()).await.expect("an endpoint");
    let taken = S3Endpoint::start(dir.path(), options()).await.expect_err("in use");
    assert!(matches!(taken, S3Error::Store(_)), "{taken}");
    again.stop().await;
}

#[tokio::test]
async fn only_sensible_options_are_taken() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let public = S3Options { listen: "0.0.0.0:0".parse().expect("an address"), ..options() };
    assert!(matches!(S3Endpoint::start(dir.path(), public).await, Err(S3Error::NotLoopback(_))));
    let odd = S3Options { region: "Not A Region".to_owned(), ..options() };
    assert!(matches!(S3Endpoint::start(dir.path(), odd).await, Err(S3Error::Region(_))));
    let first = S3Endpoint::start(dir.path(), options()).await.expect("an endpoint");
    let other = tempfile::tempdir().expect("a scratch folder");
    let same = S3Options { listen: first.addr(), ..options() };
    assert!(matches!(S3Endpoint::start(other.path(), same).await, Err(S3Error::Listen { .. })));
}

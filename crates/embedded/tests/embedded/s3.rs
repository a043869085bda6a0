//! An endpoint and a client for each test.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use estrade_embedded::s3::{S3Endpoint, S3Options};
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "clips";
pub(crate) const MIN_PART: usize = 5 << 20;

const ACCESS_KEY: &str = "test-access-key";
const SECRET_KEY: &str = "test-secret-key";
const REGION: &str = "estrade-1";

/// A raw exchange that takes longer has failed.
const RAW_LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn options() -> S3Options {
    S3Options {
        listen: "127.0.0.1:0".parse().expect("an address"),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        region: REGION.to_owned(),
        sync: false,
    }
}

pub(crate) fn client(url: &str, secret_key: &str, checksums: RequestChecksumCalculation) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, secret_key, None, None, "test"))
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .request_checksum_calculation(checksums)
        .build();
    Client::from_conf(config)
}

/// An endpoint with one bucket, and a client that adds no checksums of its own.
pub(crate) struct S3 {
    dir: TempDir,
    endpoint: S3Endpoint,
    pub(crate) client: Client,
}

impl S3 {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let endpoint = S3Endpoint::start(dir.path(), options()).await.expect("an endpoint");
        let client = client(&endpoint.endpoint_url(), SECRET_KEY, RequestChecksumCalculation::WhenRequired);
        client.create_bucket().bucket(BUCKET).send().await.expect("a bucket");
        Self { dir, endpoint, client }
    }

    pub(crate) async fn restart(self) -> Self {
        self.endpoint.stop().await;
        let dir = self.dir;
        let endpoint = S3Endpoint::start(dir.path(), options()).await.expect("an endpoint");
        let client = client(&endpoint.endpoint_url(), SECRET_KEY, RequestChecksumCalculation::WhenRequired);
        Self { dir, endpoint, client }
    }

    pub(crate) fn url(&self) -> String {
        self.endpoint.endpoint_url()
    }

    /// For a raw request.
    pub(crate) fn host(&self) -> String {
        self.endpoint.addr().to_string()
    }

    /// A client with other ways than the usual one.
    pub(crate) fn other_client(&self, secret_key: &str, checksums: RequestChecksumCalculation) -> Client {
        client(&self.url(), secret_key, checksums)
    }

    /// The client as the SDK makes it when nothing is said: a CRC-32 after every body.
    pub(crate) fn default_client(&self) -> Client {
        self.other_client(SECRET_KEY, RequestChecksumCalculation::WhenSupported)
    }

    pub(crate) fn files_aside(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("tmp")).expect("the folder").count()
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.endpoint.stop().await;
        self.dir
    }

    pub(crate) async fn put(&self, key: &str, body: impl Into<Vec<u8>>) -> String {
        let body = ByteStream::from(body.into());
        let put = self.client.put_object().bucket(BUCKET).key(key).body(body).send().await.expect("stored");
        put.e_tag.expect("an etag")
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let got = self.client.get_object().bucket(BUCKET).key(key).send().await.expect("there");
        got.body.collect().await.expect("whole").to_vec()
    }

    /// One request as it stands, and the whole answer.
    pub(crate) async fn raw(&self, request: String, body: &'static [u8]) -> String {
        let addr = self.endpoint.addr();
        let exchange = move || {
            let mut stream = TcpStream::connect(addr).expect("connected");
            stream.set_read_timeout(Some(RAW_LIMIT)).expect("set");
            stream.write_all(request.as_bytes()).expect("sent");
            stream.write_all(body).expect("sent");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("answered");
            String::from_utf8_lossy(&answer).into_owned()
        };
        tokio::task::spawn_blocking(exchange).await.expect("no panic")
    }
}

/// The code of a refusal; fails if the call was not refused.
pub(crate) fn code<T: std::fmt::Debug, E, R>(outcome: Result<T, SdkError<E, R>>) -> String
where
    E: ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    let error = outcome.expect_err("refused");
    error.code().map_or_else(|| format!("{error:?}"), str::to_owned)
}

/// The status of a raw answer.
pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

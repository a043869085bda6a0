use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::{Builder, tls};

/// What a storage call ends in.
pub type Result<T, E = BlobError> = std::result::Result<T, E>;

/// Tries of one call, the first included; the SDK waits between them with jitter.
const TRIES: u32 = 4;
/// Connecting takes no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One try of a call takes no longer, unless its body is large.
const TRY_TIMEOUT: Duration = Duration::from_mins(1);
/// A store that takes fewer bytes of a body a second is too slow.
const SLOWEST_BYTES_PER_SECOND: u64 = 512 << 10;

/// How long a try to send a body of so many bytes may take.
pub(crate) fn timeouts_for(bytes: u64) -> TimeoutConfig {
    let whole = TRY_TIMEOUT.max(Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND));
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(whole).build()
}

/// Settings of the object store; without an endpoint the embedded one is used.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Address of an S3-compatible store; without it, an embedded one is served from the data folder
    #[arg(long = "s3-endpoint", env = "ESTRADE_S3_ENDPOINT", value_name = "URL")]
    pub endpoint: Option<String>,
    /// Bucket that holds everything
    #[arg(long = "s3-bucket", env = "ESTRADE_S3_BUCKET", default_value = "estrade", value_name = "NAME")]
    pub bucket: String,
    /// Region of the bucket
    #[arg(long = "s3-region", env = "ESTRADE_S3_REGION", default_value = "estrade", value_name = "NAME")]
    pub region: String,
    /// Access key id
    #[arg(long = "s3-access-key", env = "ESTRADE_S3_ACCESS_KEY", value_name = "KEY")]
    pub access_key: Option<String>,
    /// Secret access key
    #[arg(long = "s3-secret-key", env = "ESTRADE_S3_SECRET_KEY", value_name = "SECRET", hide_env_values = true)]
    pub secret_key: Option<String>,
}

/// Where the store is and how to sign in.
#[derive(Clone)]
pub struct Connection {
    /// Its address.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The region.
    pub region: String,
    /// Access key id.
    pub access_key: String,
    /// Secret access key.
    pub secret_key: String,
}

/// Why a storage call failed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such object or multipart upload.
    #[error("no such object: {0}")]
    NotFound(String),
    /// The range lies outside the object.
    #[error("range outside of the object")]
    Range,
    /// The store refused or could not be reached.
    #[error("{call}: {detail}")]
    Failed {
        /// The call.
        call: &'static str,
        /// What the SDK said.
        detail: String,
    },
    /// Reading a body or a local file failed.
    #[error("i/o")]
    Io(#[from] std::io::Error),
}

/// The object store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    pub(crate) client: Client,
    pub(crate) bucket: String,
}

impl Blobs {
    /// A client; nothing is asked of the store yet.
    pub fn new(connection: &Connection) -> Self {
        let http =
            Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(&connection.endpoint)
            .region(Region::new(connection.region.clone()))
            .credentials_provider(Credentials::new(
                &connection.access_key,
                &connection.secret_key,
                None,
                None,
                "estrade",
            ))
            .force_path_style(true)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(timeouts_for(0))
            // Several stores refuse the checksum trailers the SDK sends by default; ours are explicit.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self { client: Client::from_conf(config), bucket: connection.bucket.clone() }
    }

    /// Checks that the bucket answers, and makes it when it does not exist.
    pub async fn ensure_bucket(&self) -> Result<()> {
        let head = self.client.head_bucket().bucket(&self.bucket).send().await;
        match head {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => {
                let made = self.client.create_bucket().bucket(&self.bucket).send().await;
                match made {
                    Ok(_) => Ok(()),
                    Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => Ok(()),
                    Err(error) => Err(failed("CreateBucket", &error)),
                }
            }
            Err(error) => Err(failed("HeadBucket", &error)),
        }
    }
}

/// Whether the store said 404.
pub(crate) fn is_missing<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|response| response.status().as_u16() == 404)
}

pub(crate) fn failed<E>(call: &'static str, error: &SdkError<E>) -> BlobError
where
    E: std::error::Error + Send + Sync + 'static,
{
    BlobError::Failed { call, detail: DisplayErrorContext(error).to_string() }
}

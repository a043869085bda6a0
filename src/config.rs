//! Settings: the command line and the environment, one source, every default runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use url::Url;

/// Where rows are.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreSettings {
    /// PostgreSQL to use; without it, a private cluster is run in the data folder
    #[arg(long, env = "ESTRADE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Connections to the database, at most
    #[arg(long, env = "ESTRADE_DATABASE_CONNECTIONS", default_value_t = 24, value_name = "N")]
    pub(crate) database_connections: u32,
    /// Where everything of this installation lives: secrets, and what is brought along
    #[arg(long, env = "ESTRADE_DATA_DIR", default_value = "data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For log collectors
    Json,
}

/// Every setting of a serving process.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// Address to serve on
    #[arg(long, env = "ESTRADE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Address of /metrics, /livez and /readyz for operators; not for the public
    #[arg(long, env = "ESTRADE_METRICS_LISTEN", default_value = "127.0.0.1:9464", value_name = "ADDR")]
    pub(crate) metrics_listen: SocketAddr,
    /// The address people use; by default that of --listen
    #[arg(long, env = "ESTRADE_PUBLIC_URL", value_name = "URL")]
    public_url: Option<Url>,
    /// A CDN in front of the media; by default the public URL
    #[arg(long, env = "ESTRADE_MEDIA_BASE_URL", value_name = "URL")]
    media_base_url: Option<Url>,
    /// Networks of proxies whose X-Forwarded-For is believed
    #[arg(long, env = "ESTRADE_TRUSTED_PROXIES", value_delimiter = ',', value_name = "CIDR")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Connections in all
    #[arg(long, env = "ESTRADE_CONNECTIONS_MAX", default_value_t = 4096, value_name = "N")]
    pub(crate) connections_max: usize,
    /// Connections of one address; trusted proxies are exempt
    #[arg(long, env = "ESTRADE_CONNECTIONS_PER_ADDRESS", default_value_t = 256, value_name = "N")]
    pub(crate) connections_per_address: usize,
    /// Seconds that requests and uploads in flight may take after a stop signal
    #[arg(long, env = "ESTRADE_DRAIN_SECS", default_value_t = 10, value_name = "SECS")]
    pub(crate) drain_secs: u64,
    /// A CDN's purge hook, told by POST which clips' media must go: a JSON object with `surrogate_keys`
    #[arg(long, env = "ESTRADE_PURGE_URL", value_name = "URL")]
    pub(crate) purge_url: Option<Url>,
    /// How log lines look
    #[arg(long, env = "ESTRADE_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Secret that signs cursors and tickets, 64 hex digits; by default made once and kept in the data folder
    #[arg(long, env = "ESTRADE_SIGNING_KEY", value_name = "HEX", hide_env_values = true)]
    pub(crate) signing_key: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreSettings,
    #[command(flatten)]
    pub(crate) s3: estrade_blobs::Args,
    #[command(flatten)]
    pub(crate) uploads: estrade_api::UploadArgs,
    #[command(flatten)]
    pub(crate) accounts: estrade_api::Args,
    #[command(flatten)]
    pub(crate) feed: estrade_feed::Args,
    #[command(flatten)]
    pub(crate) transcoder: estrade_transcoder::jobs::Args,
}

impl Settings {
    /// The addresses people use, when the process listens on `listen`.
    pub(crate) fn addresses(&self, listen: SocketAddr) -> anyhow::Result<Addresses> {
        let public = match &self.public_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("http://{listen}")).context("the listen address makes no URL")?,
        };
        let media = self.media_base_url.clone().unwrap_or_else(|| public.clone());
        Ok(Addresses { public, media })
    }
}

/// The addresses people use.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// Of the API and the pages.
    pub(crate) public: Url,
    /// Of the media.
    pub(crate) media: Url,
}

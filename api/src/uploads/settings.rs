use std::path::PathBuf;
use std::time::Duration;

use estrade_domain::limits;

/// Settings of uploads.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct UploadArgs {
    /// Folder that received bytes wait in until the store has them; by default `spool` in the data folder
    #[arg(long = "upload-spool-dir", env = "ESTRADE_UPLOAD_SPOOL_DIR", value_name = "DIR")]
    pub spool_dir: Option<PathBuf>,
    /// Largest source, bytes
    #[arg(long = "upload-max-bytes", env = "ESTRADE_UPLOAD_MAX_BYTES", default_value_t = limits::SOURCE_MAX_BYTES,
          value_parser = clap::value_parser!(u64).range(1..=limits::SOURCE_MAX_BYTES), value_name = "BYTES")]
    pub max_bytes: u64,
    /// Uploads one creator may have open at a time
    #[arg(long = "upload-open-max", env = "ESTRADE_UPLOAD_OPEN_MAX", default_value_t = limits::OPEN_UPLOADS_MAX, value_name = "COUNT")]
    pub open_max: u32,
    /// Uploads one creator may create in a minute
    #[arg(long = "upload-creations-per-minute", env = "ESTRADE_UPLOAD_CREATIONS_PER_MINUTE",
          default_value_t = limits::UPLOAD_CREATIONS_PER_MINUTE, value_name = "COUNT")]
    pub creations_per_minute: u32,
    /// Uploads that may be created at the same moment, by everybody
    #[arg(long = "upload-creations-at-once", env = "ESTRADE_UPLOAD_CREATIONS_AT_ONCE", default_value_t = 16,
          value_parser = clap::value_parser!(u32).range(1..), value_name = "COUNT")]
    pub creations_at_once: u32,
    /// A body that sends nothing for so long is cut, seconds
    #[arg(long = "upload-idle-secs", env = "ESTRADE_UPLOAD_IDLE_SECS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    pub idle_secs: u64,
    /// A body slower than this over a minute is cut, bytes a second
    #[arg(long = "upload-min-rate", env = "ESTRADE_UPLOAD_MIN_RATE", default_value_t = 1024, value_name = "BYTES")]
    pub min_rate_bytes: u64,
    /// An upload expires this long after its last byte, seconds
    #[arg(long = "upload-idle-expiry-secs", env = "ESTRADE_UPLOAD_IDLE_EXPIRY_SECS",
          default_value_t = limits::UPLOAD_IDLE_EXPIRY_HOURS * 3600,
          value_parser = clap::value_parser!(i64).range(1..=MAX_EXPIRY_SECS), value_name = "SECONDS")]
    pub idle_expiry_secs: i64,
    /// An upload expires this long after its creation whatever happens, seconds
    #[arg(long = "upload-max-expiry-secs", env = "ESTRADE_UPLOAD_MAX_EXPIRY_SECS",
          default_value_t = limits::UPLOAD_MAX_EXPIRY_DAYS * 86_400,
          value_parser = clap::value_parser!(i64).range(1..=MAX_EXPIRY_SECS), value_name = "SECONDS")]
    pub max_expiry_secs: i64,
    /// Free space uploads leave alone on the spool's disk, bytes
    #[arg(long = "upload-disk-reserve", env = "ESTRADE_UPLOAD_DISK_RESERVE", default_value_t = 1 << 30, value_name = "BYTES")]
    pub disk_reserve_bytes: u64,
    /// Calls that move bytes into the store at the same moment
    #[arg(long = "upload-store-calls", env = "ESTRADE_UPLOAD_STORE_CALLS", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=256), value_name = "COUNT")]
    pub store_calls: u32,
}

/// A quarter of a year: what waits longer is not an upload.
const MAX_EXPIRY_SECS: i64 = 90 * 86_400;

impl UploadArgs {
    pub(super) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_secs)
    }

    /// When an upload created at `created_at` expires if its last byte came at `at`.
    pub(super) fn expiry(&self, created_at: estrade_domain::Time, at: estrade_domain::Time) -> estrade_domain::Time {
        let idle = at + chrono::Duration::seconds(self.idle_expiry_secs);
        idle.min(created_at + chrono::Duration::seconds(self.max_expiry_secs))
    }
}

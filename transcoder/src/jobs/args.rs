use std::path::PathBuf;

/// Settings of the transcoder.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Clips processed at a time
    #[arg(long, env = "ESTRADE_TRANSCODER_JOBS", default_value_t = 1, value_name = "N")]
    pub transcoder_jobs: usize,
    /// Folder for work in progress; by default `work` in the data folder. Each transcoder has a folder of its own in it
    /// and touches nothing else there
    #[arg(long, env = "ESTRADE_TRANSCODER_DIR", value_name = "DIR")]
    pub transcoder_dir: Option<PathBuf>,
    /// Bytes of traffic that a second of processor time must save before a clip that is watched much gets smaller
    /// renditions; a very large number turns them off
    #[arg(long, env = "ESTRADE_TRANSCODER_BYTES_PER_CPU_SECOND", default_value_t = 4_000_000.0, value_name = "BYTES")]
    pub transcoder_bytes_per_cpu_second: f64,
    /// Read media even where the kernel cannot contain the reader: a hostile file may then reach what this user can
    #[arg(long, env = "ESTRADE_TRANSCODER_INSECURE")]
    pub insecure_transcoder: bool,
}

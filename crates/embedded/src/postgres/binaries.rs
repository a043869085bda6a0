//! Finding initdb and postgres.

use std::fs;
use std::path::{Path, PathBuf};

use super::PostgresError;

/// Where Debian puts every major version, as `<major>/bin`.
const SEARCHED: &str = "/usr/lib/postgresql/*/bin";
const ROOT: &str = "/usr/lib/postgresql";

/// Older servers lack what the schema uses.
const OLDEST_MAJOR: u32 = 15;

/// The two programs we run.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

impl Binaries {
    /// The version an existing cluster was made with (its files fit no other), otherwise the newest
    /// installed.
    pub(super) fn find(existing: Option<u32>) -> Result<Self, PostgresError> {
        let mut installed = installed_majors(Path::new(ROOT));
        installed.sort_unstable();
        let major = match existing {
            Some(major) => installed.into_iter().find(|&found| found == major),
            None => installed.into_iter().rfind(|&found| found >= OLDEST_MAJOR),
        };
        let Some(major) = major else {
            let wanted = existing.map_or(format!("{OLDEST_MAJOR} or newer"), |major| major.to_string());
            return Err(PostgresError::NotInstalled { wanted, searched: SEARCHED });
        };
        let bin = bin_dir(Path::new(ROOT), major);
        Ok(Self { initdb: bin.join("initdb"), postgres: bin.join("postgres") })
    }
}

fn bin_dir(root: &Path, major: u32) -> PathBuf {
    root.join(major.to_string()).join("bin")
}

/// The majors that have both programs: a client-only package leaves a `bin` folder too.
fn installed_majors(root: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&major| {
            let bin = bin_dir(root, major);
            bin.join("initdb").is_file() && bin.join("postgres").is_file()
        })
        .collect()
}

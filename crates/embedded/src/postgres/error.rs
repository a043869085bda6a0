use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the private cluster could not be started or stopped. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// No suitable binaries on this machine.
    #[error(
        "PostgreSQL {wanted} is not installed (looked for initdb and postgres in {searched}): \
         install it (on Debian: apt-get install postgresql-15) or set ESTRADE_DATABASE_URL"
    )]
    NotInstalled {
        /// The major version asked for, in words.
        wanted: String,
        /// Where was looked.
        searched: &'static str,
    },
    /// Started as root, and there is no account to drop to.
    #[error(
        "PostgreSQL never runs as root and this machine has no user `{user}` to run it as: \
         install the package postgresql-15, or start estrade as an ordinary user"
    )]
    NoAccount {
        /// The account that is missing.
        user: &'static str,
    },
    /// `PostgreSQL` looks up the name of the user it runs as.
    #[error(
        "the user with id {uid} has no name on this machine, PostgreSQL refuses to run as it: add it to /etc/passwd or start estrade as another user"
    )]
    NamelessUser {
        /// The user in question.
        uid: u32,
    },
    /// A folder above the cluster is closed to the account that runs it.
    #[error(
        "the user `{user}`, who runs PostgreSQL because estrade was started as root, cannot enter {}: \
         choose another ESTRADE_DATA_DIR (for example /var/lib/estrade), start estrade as an ordinary user, \
         or open the folder with `chmod o+x {}`",
        folder.display(), folder.display()
    )]
    Unreachable {
        /// The first folder that is closed.
        folder: PathBuf,
        /// The account that runs the server.
        user: String,
    },
    /// The cluster belongs to somebody else.
    #[error("the cluster in {} belongs to the user with id {owner}: start estrade as that user or as root, or choose another ESTRADE_DATA_DIR", folder.display())]
    ForeignOwner {
        /// The cluster.
        folder: PathBuf,
        /// Who owns it.
        owner: u32,
    },
    /// Another process owns the cluster right now.
    #[error("another estrade is using {}: stop it first, or give this one its own ESTRADE_DATA_DIR", folder.display())]
    InUse {
        /// The cluster.
        folder: PathBuf,
    },
    /// The folder for the socket exists and cannot be trusted.
    #[error("{} is not a private folder of the user with id {uid}: remove it and start again", folder.display())]
    ForeignSocketFolder {
        /// The folder.
        folder: PathBuf,
        /// Who should own it.
        uid: u32,
    },
    /// The version file of the cluster is unreadable.
    #[error("{} is no PostgreSQL cluster: its PG_VERSION says `{found}`", folder.display())]
    UnknownVersion {
        /// The cluster.
        folder: PathBuf,
        /// What the file holds, cut short.
        found: String,
    },
    /// initdb failed.
    #[error("initdb could not make a cluster: {detail}")]
    Init {
        /// What it said.
        detail: String,
    },
    /// The server ended while starting.
    #[error("PostgreSQL ended while starting, see {}: {detail}", log.display())]
    Start {
        /// Its log file.
        log: PathBuf,
        /// The end of it.
        detail: String,
    },
    /// The server did not become ready.
    #[error("PostgreSQL was not ready after {} s, see {}", limit.as_secs(), log.display())]
    StartTimeout {
        /// Its log file.
        log: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// The server did not end.
    #[error("PostgreSQL (process {pid}) did not end within {} s", limit.as_secs())]
    StopTimeout {
        /// The postmaster.
        pid: i32,
        /// How long was waited.
        limit: Duration,
    },
    /// The runtime was shut down underneath.
    #[error("the runtime is shutting down")]
    Interrupted,
    /// A system call failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file, folder or program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl PostgresError {
    /// For `map_err` on a system call.
    pub(super) fn io<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { action, path: path.to_path_buf(), source: source.into() }
    }
}

//! A private `PostgreSQL` cluster in a folder: unix socket only, no TCP, no password.
//!
//! The server outlives a `kill -9` of the process that started it; the next start adopts it. An
//! orderly stop, and even a mere drop, stops it.

mod account;
mod binaries;
mod error;
mod init;
mod layout;
mod postmaster;
mod settings;

use std::fs::File;
use std::path::{Path, PathBuf};

use self::account::Account;
use self::binaries::Binaries;
pub use self::error::PostgresError;
use self::layout::Layout;
use self::postmaster::Postmaster;

/// The database role everything connects as.
pub const ROLE: &str = "postgres";

/// How the cluster is run. The default is the one for production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Whether commits reach the disk before they are acknowledged. Off is for tests: a power cut
    /// then loses the cluster.
    pub fsync: bool,
    /// Whether the kernel stops the server when this process dies without a word. Off, the next
    /// start adopts it.
    pub stop_when_killed: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { fsync: true, stop_when_killed: false }
    }
}

impl PostgresOptions {
    /// Cheap and short-lived: nothing is forced to disk and the server goes with the process,
    /// however it ends.
    pub const fn for_tests() -> Self {
        Self { fsync: false, stop_when_killed: true }
    }
}

/// A running cluster that this process owns.
#[derive(Debug)]
pub struct PostgresCluster {
    postmaster: Postmaster,
    socket_dir: PathBuf,
    is_adopted: bool,
    /// Held while we live: two owners of one cluster would stop it under each other's feet.
    _lock: File,
}

impl PostgresCluster {
    /// Starts the cluster below `dir`, making it first if there is none, or adopts the server a
    /// killed owner left behind.
    pub async fn start(dir: &Path) -> Result<Self, PostgresError> {
        Self::start_with(dir, PostgresOptions::default()).await
    }

    /// [`Self::start`] with other than the production options.
    pub async fn start_with(dir: &Path, options: PostgresOptions) -> Result<Self, PostgresError> {
        let dir = dir.to_path_buf();
        let ground = in_background(move || Ground::prepare(&dir)).await?;
        if !ground.layout.is_initialised() {
            init::create_cluster(&ground.layout, &ground.account, &ground.binaries, options).await?;
        }
        let arguments = settings::arguments(&ground.binaries.postgres, &ground.layout, options);
        let adopted = Postmaster::adopt(&ground.layout, &arguments).await?;
        let is_adopted = adopted.is_some();
        let postmaster = match adopted {
            Some(postmaster) => postmaster,
            None => Postmaster::launch(&ground.layout, &ground.account, &arguments, options).await?,
        };
        tracing::info!(postgres.pid = postmaster.pid(), postgres.adopted = is_adopted, "embedded PostgreSQL is ready");
        Ok(Self { postmaster, socket_dir: ground.layout.socket_dir, is_adopted, _lock: ground.lock })
    }

    /// The URL of `database` in the cluster that is running below `dir`, whoever owns it; `None`
    /// when none runs.
    ///
    /// For commands that work beside a running server and must not take it over.
    pub async fn find_running_url(dir: &Path, database: &str) -> Result<Option<String>, PostgresError> {
        let (dir, database) = (dir.to_path_buf(), database.to_owned());
        in_background(move || {
            if !dir.exists() {
                return Ok(None);
            }
            let layout = Layout::locate(&dir)?;
            Ok(postmaster::is_ready(&layout).then(|| connection_url(&layout.socket_dir, &database)))
        })
        .await
    }

    /// A URL for sqlx: over the unix socket, as [`ROLE`]. The database need not exist yet;
    /// `postgres` always does.
    pub fn url(&self, database: &str) -> String {
        connection_url(&self.socket_dir, database)
    }

    /// The folder the server's unix socket is in.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> i32 {
        self.postmaster.pid()
    }

    /// Whether the server was already running, left behind by an owner that was killed.
    pub fn is_adopted(&self) -> bool {
        self.is_adopted
    }

    /// Returns when the server has ended, for whatever reason.
    pub async fn wait_for_exit(&self) {
        self.postmaster.wait_for_exit().await;
    }

    /// Fast shutdown: sessions are cut, everything committed is kept. Bounded in time (see
    /// [`PostgresError::StopTimeout`]).
    pub async fn stop(self) -> Result<(), PostgresError> {
        self.postmaster.stop().await
    }
}

/// Everything that must be settled before a server can run.
struct Ground {
    layout: Layout,
    account: Account,
    binaries: Binaries,
    lock: File,
}

impl Ground {
    fn prepare(dir: &Path) -> Result<Self, PostgresError> {
        layout::create_root(dir)?;
        let layout = Layout::locate(dir)?;
        let account = Account::choose(&layout.data)?;
        account.check_can_reach(&layout.root)?;
        let lock = layout.lock()?;
        let binaries = Binaries::find(layout.data_version()?)?;
        layout.prepare(&account)?;
        Ok(Self { layout, account, binaries, lock })
    }
}

/// File work on a thread that may block.
async fn in_background<T, F>(work: F) -> Result<T, PostgresError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, PostgresError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|_| PostgresError::Interrupted)?
}

/// The socket folder is plain ASCII (see [`layout`]) and needs no escaping; the port is named
/// because `PGPORT` would otherwise have a say.
fn connection_url(socket_dir: &Path, database: &str) -> String {
    let database = escape(database);
    let host = socket_dir.display();
    let port = settings::PORT;
    format!("postgres:///{database}?host={host}&port={port}&user={ROLE}")
}

/// Percent-encodes everything that is not a letter, a digit, `_` or `-`.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_names_socket_port_and_role_and_escapes_the_database() {
        let url = connection_url(Path::new("/srv/estrade/postgres/run"), "a b/é");
        assert_eq!(url, "postgres:///a%20b%2F%C3%A9?host=/srv/estrade/postgres/run&port=5432&user=postgres");
    }
}

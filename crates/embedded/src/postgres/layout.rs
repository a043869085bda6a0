//! What lies where in the cluster's folder, and who owns it.
//!
//! ```text
//! <root>/            ours
//!   lock             held by the owner of the cluster
//!   pg_hba.conf      who may connect: peers of the socket, nobody else
//!   pg_ident.conf    as which role
//!   postgres.log
//!   data/            the server's
//!   data.init/       a cluster in the making
//!   run/             the socket, unless the path is too long for one
//! ```
//!
//! Started as root, only `data` and `run` belong to the server's user: root never follows a path
//! that user can bend.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::account::Account;
use super::settings::PORT;
use super::{PostgresError, ROLE};

/// What `sockaddr_un` can hold, without its closing zero.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Beyond this the log is put aside at the next start; one old log is kept.
const MAX_LOG_BYTES: u64 = 8 << 20;

/// Started as root in a folder that is somebody else's, we must not be led elsewhere by a link.
#[expect(clippy::cast_possible_wrap, reason = "flags are bits; the system calls take them as int")]
pub(super) const NO_LINK: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

/// The paths of one cluster; `root` is absolute and free of symbolic links.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) data: PathBuf,
    pub(super) unfinished_data: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) hba: PathBuf,
    pub(super) ident: PathBuf,
    pub(super) log: PathBuf,
}

/// Makes the folder of the cluster. Passable for the server's user, listable for nobody else.
pub(super) fn create_root(dir: &Path) -> Result<(), PostgresError> {
    fs::create_dir_all(dir).map_err(PostgresError::io("create", dir))?;
    fs::set_permissions(dir, Permissions::from_mode(0o711)).map_err(PostgresError::io("set the mode of", dir))
}

impl Layout {
    pub(super) fn locate(dir: &Path) -> Result<Self, PostgresError> {
        let root = fs::canonicalize(dir).map_err(PostgresError::io("resolve", dir))?;
        Ok(Self {
            data: root.join("data"),
            unfinished_data: root.join("data.init"),
            socket_dir: choose_socket_dir(&root),
            hba: root.join("pg_hba.conf"),
            ident: root.join("pg_ident.conf"),
            log: root.join("postgres.log"),
            root,
        })
    }

    pub(super) fn is_initialised(&self) -> bool {
        self.data.join("PG_VERSION").is_file()
    }

    /// The major version the cluster was made with, `None` before there is one.
    pub(super) fn data_version(&self) -> Result<Option<u32>, PostgresError> {
        let path = self.data.join("PG_VERSION");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(PostgresError::io("read", &path)(error)),
        };
        text.trim().parse().map(Some).map_err(|_| PostgresError::UnknownVersion {
            folder: self.data.clone(),
            found: text.trim().chars().take(20).collect(),
        })
    }

    /// Claims the cluster for this process. The lock falls with the process, however it ends.
    pub(super) fn lock(&self) -> Result<File, PostgresError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(NO_LINK)
            .open(&path)
            .map_err(PostgresError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(PostgresError::InUse { folder: self.root.clone() }),
            Err(TryLockError::Error(error)) => Err(PostgresError::io("lock", &path)(error)),
        }
    }

    /// Everything but the data: socket folder, access rules, log.
    pub(super) fn prepare(&self, account: &Account) -> Result<(), PostgresError> {
        make_private_dir(&self.socket_dir, account)?;
        self.set_old_log_aside()?;
        write_atomically(&self.hba, "local all all peer map=estrade\n")?;
        write_atomically(&self.ident, &identity_map(account))
    }

    fn set_old_log_aside(&self) -> Result<(), PostgresError> {
        let is_long = fs::metadata(&self.log).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES);
        if is_long {
            let old = self.root.join("postgres.log.old");
            fs::rename(&self.log, &old).map_err(PostgresError::io("rename", &self.log))?;
        }
        Ok(())
    }
}

/// Peer authentication maps system users to roles; root may connect to a cluster an ordinary user
/// made.
fn identity_map(account: &Account) -> String {
    let mut names = vec!["root", ROLE, account.client_name.as_str()];
    names.dedup();
    let lines: Vec<String> = names.iter().map(|name| format!("estrade \"{name}\" {ROLE}\n")).collect();
    lines.concat()
}

/// Below the root if a socket there has a path that fits and needs no quoting anywhere, otherwise
/// in /tmp.
fn choose_socket_dir(root: &Path) -> PathBuf {
    let below_root = root.join("run");
    let bytes = below_root.as_os_str().as_bytes();
    let socket_bytes = bytes.len() + format!("/.s.PGSQL.{PORT}").len();
    let is_plain = bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if is_plain && socket_bytes <= MAX_SOCKET_PATH_BYTES {
        return below_root;
    }
    let digest = hex::encode(Sha256::digest(root.as_os_str().as_bytes()));
    Path::new("/tmp").join(format!("estrade-postgres-{}", &digest[..16]))
}

/// A folder only the server's user can enter. One that is there already must be just that: /tmp is
/// open to everybody.
pub(super) fn make_private_dir(dir: &Path, account: &Account) -> Result<(), PostgresError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(PostgresError::io("create", dir)(error)),
    }
    let meta = fs::symlink_metadata(dir).map_err(PostgresError::io("inspect", dir))?;
    let own_uid = rustix::process::geteuid().as_raw();
    let is_ours = meta.uid() == account.uid || meta.uid() == own_uid;
    if !meta.is_dir() || !is_ours || meta.mode() & 0o077 != 0 {
        return Err(PostgresError::ForeignSocketFolder { folder: dir.to_path_buf(), uid: account.uid });
    }
    if meta.uid() != account.uid {
        std::os::unix::fs::lchown(dir, Some(account.uid), Some(account.gid))
            .map_err(PostgresError::io("change the owner of", dir))?;
    }
    Ok(())
}

fn write_atomically(path: &Path, text: &str) -> Result<(), PostgresError> {
    let aside = path.with_extension("new");
    let write = || -> io::Result<()> {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&aside, path)
    };
    write().map_err(PostgresError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_plain_path_keeps_its_socket() {
        assert_eq!(choose_socket_dir(Path::new("/srv/estrade/postgres")), Path::new("/srv/estrade/postgres/run"));
    }

    #[test]
    fn a_long_or_odd_path_gets_a_short_socket_folder_of_its_own() {
        let long = PathBuf::from(format!("/srv/{}", "x".repeat(100)));
        for root in [long.as_path(), Path::new("/srv/a,b"), Path::new("/srv/my clips"), Path::new("/srv/é")] {
            let dir = choose_socket_dir(root);
            assert!(dir.starts_with("/tmp"), "{}", dir.display());
            assert!(dir.as_os_str().len() < 60);
        }
        assert_ne!(choose_socket_dir(Path::new("/srv/a,b")), choose_socket_dir(Path::new("/srv/a,c")));
    }

    #[test]
    fn the_longest_path_that_fits_keeps_its_socket() {
        let fits = format!("/{}", "x".repeat(MAX_SOCKET_PATH_BYTES - "/".len() - "/run/.s.PGSQL.5432".len()));
        assert!(choose_socket_dir(Path::new(&fits)).starts_with("/x".get(..1).unwrap_or("/")));
        assert_eq!(choose_socket_dir(Path::new(&fits)), Path::new(&fits).join("run"));
        assert!(choose_socket_dir(Path::new(&format!("{fits}x"))).starts_with("/tmp"));
    }
}

//! Which user runs the server: ourselves, or somebody harmless when we are root.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::PostgresError;

/// Debian's account for the server.
const SERVER_USER: &str = "postgres";

/// The user the server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether we are root and have to become this user.
    pub(super) is_dropped_to: bool,
    /// The name this process has in the eyes of `PostgreSQL`'s peer authentication.
    pub(super) client_name: String,
}

impl Account {
    /// Ourselves, or as root: the owner of the cluster if there is one, otherwise the `postgres`
    /// user.
    pub(super) fn choose(data: &Path) -> Result<Self, PostgresError> {
        let own_uid = rustix::process::geteuid().as_raw();
        let client_name = name_of(own_uid).ok_or(PostgresError::NamelessUser { uid: own_uid })?;
        let owner = owner_of(data)?;
        if own_uid != 0 {
            return match owner {
                Some((uid, _)) if uid != own_uid => {
                    Err(PostgresError::ForeignOwner { folder: data.to_path_buf(), owner: uid })
                }
                _ => {
                    let gid = rustix::process::getegid().as_raw();
                    Ok(Self { uid: own_uid, gid, is_dropped_to: false, client_name })
                }
            };
        }
        let unprivileged = owner.filter(|&(uid, _)| uid != 0);
        let (uid, gid) = unprivileged.or_else(server_ids).ok_or(PostgresError::NoAccount { user: SERVER_USER })?;
        if name_of(uid).is_none() {
            return Err(PostgresError::NamelessUser { uid });
        }
        Ok(Self { uid, gid, is_dropped_to: true, client_name })
    }

    /// Having dropped root, the server must still get through every folder above its own.
    pub(super) fn check_can_reach(&self, root: &Path) -> Result<(), PostgresError> {
        if !self.is_dropped_to {
            return Ok(());
        }
        for folder in root.ancestors().skip(1) {
            let meta = fs::metadata(folder).map_err(PostgresError::io("inspect", folder))?;
            if !self.may_enter(&meta) {
                let user = name_of(self.uid).unwrap_or_else(|| self.uid.to_string());
                return Err(PostgresError::Unreachable { folder: folder.to_path_buf(), user });
            }
        }
        Ok(())
    }

    fn may_enter(&self, folder: &fs::Metadata) -> bool {
        let bit = match folder {
            meta if meta.uid() == self.uid => 0o100,
            meta if meta.gid() == self.gid => 0o010,
            _ => 0o001,
        };
        folder.mode() & bit != 0
    }
}

fn owner_of(data: &Path) -> Result<Option<(u32, u32)>, PostgresError> {
    match fs::metadata(data) {
        Ok(meta) => Ok(Some((meta.uid(), meta.gid()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PostgresError::io("inspect", data)(error)),
    }
}

fn server_ids() -> Option<(u32, u32)> {
    let uid = id(&["-u", SERVER_USER])?.parse().ok()?;
    let gid = id(&["-g", SERVER_USER])?.parse().ok()?;
    Some((uid, gid))
}

fn name_of(uid: u32) -> Option<String> {
    id(&["-un", &uid.to_string()])
}

/// Asks coreutils' `id`, which knows every source of accounts the system is set up for, not
/// /etc/passwd alone.
fn id(arguments: &[&str]) -> Option<String> {
    let output = Command::new("id").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn stranger() -> Account {
        Account { uid: 60_001, gid: 60_001, is_dropped_to: true, client_name: "root".to_owned() }
    }

    #[test]
    fn a_closed_folder_above_the_cluster_is_named() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let closed = scratch.path().join("closed");
        let root = closed.join("data/postgres");
        fs::create_dir_all(&root).expect("folders");
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("chmod");

        let error = stranger().check_can_reach(&root).expect_err("closed");
        assert!(matches!(&error, PostgresError::Unreachable { folder, .. } if *folder == closed), "{error}");

        fs::set_permissions(&closed, fs::Permissions::from_mode(0o711)).expect("chmod");
        stranger().check_can_reach(&root).expect("open");
    }
}

//! The server's command line: it holds every setting, so that comparing it tells whether a running
//! server fits.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::PostgresOptions;
use super::layout::Layout;

/// Names the socket; no TCP port is opened.
pub(super) const PORT: u16 = 5432;

/// For a box of 2 cores and a few gigabytes that also transcodes.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("max_connections", "100"),
    ("shared_buffers", "128MB"),
    ("effective_cache_size", "1GB"),
    ("work_mem", "8MB"),
    ("maintenance_work_mem", "64MB"),
    ("max_wal_size", "1GB"),
    ("wal_compression", "on"),
    ("checkpoint_timeout", "15min"),
    // Solid state disks are the rule; the default was measured on spinning ones.
    ("random_page_cost", "1.1"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // Errors of statements go to the client, which logs them once. They would also carry personal
    // data into a file.
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_checkpoints", "off"),
    ("log_line_prefix", "%m [%p] "),
];

/// Three settings that trade the safety of the data for speed.
const CARELESS: &[(&str, &str)] = &[("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

/// The whole command line, program first.
pub(super) fn arguments(postgres: &Path, layout: &Layout, options: PostgresOptions) -> Vec<OsString> {
    let mut arguments = vec![postgres.into(), "-D".into(), layout.data.clone().into()];
    let mut set = |name: &str, value: &OsStr| {
        let mut setting = OsString::from(format!("{name}="));
        setting.push(value);
        arguments.extend(["-c".into(), setting]);
    };
    set("port", OsStr::new(&PORT.to_string()));
    set("unix_socket_directories", layout.socket_dir.as_os_str());
    set("hba_file", layout.hba.as_os_str());
    set("ident_file", layout.ident.as_os_str());
    let careless = if options.fsync { &[] } else { CARELESS };
    for (name, value) in SETTINGS.iter().chain(careless) {
        set(name, OsStr::new(value));
    }
    arguments
}

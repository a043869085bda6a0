//! A second reader of what the transcoder publishes: it checks a package against RFC 8216, Apple's HLS authoring
//! rules and the standards of MP4 and H.264 below them, as far as a machine can.
//!
//! It shares no code with the writer, on purpose: a misunderstanding would have to be made twice. Every rule is
//! one entry of [`RULES`] with its source, and each is held by a seeded fault that it must find.

mod av1;
mod avc;
mod boxes;
mod facts;
pub mod faults;
mod fragment;
mod init;
mod levels;
mod package;
mod playlist;
mod rules;

pub use package::Package;
pub use playlist::{Attributes, Entry, MediaPlaylist, Multivariant, Piece, Value, Variant};
pub use rules::RULES;

use facts::Facts;

/// How binding a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Players may fail.
    Must,
    /// Players do worse than they could.
    Should,
}

/// One checked rule.
pub struct Rule {
    /// Its name in findings and tests.
    pub name: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Where it comes from.
    pub source: &'static str,
    /// Says what breaks it.
    check: fn(&Facts<'_>) -> Vec<String>,
}

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Where and how.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}: {}", self.level, self.rule, self.what)
    }
}

/// Everything that is wrong with a finished package; nothing if it is good.
pub fn check(package: &Package) -> Vec<Finding> {
    let facts = Facts::read(package);
    let mut findings = Vec::new();
    for rule in RULES {
        let broken = (rule.check)(&facts);
        findings.extend(broken.into_iter().map(|what| Finding { rule: rule.name, level: rule.level, what }));
    }
    findings
}

/// Reads bytes as every kind of file that a package may hold, for fuzzing: it must neither panic nor take long.
pub fn read_anything(bytes: &[u8]) {
    for name in ["index.m3u8", "init.mp4", "s.m4s"] {
        let mut package = Package::default();
        package.insert("index.m3u8", facts::SMALLEST_MULTIVARIANT.as_bytes().to_vec());
        package.insert("v/index.m3u8", facts::SMALLEST_MEDIA.as_bytes().to_vec());
        package.insert("v/init.mp4", bytes.to_vec());
        package.insert("v/s.m4s", bytes.to_vec());
        package.insert(if name == "index.m3u8" { name.to_owned() } else { format!("v/{name}") }, bytes.to_vec());
        let _ = check(&package);
    }
}

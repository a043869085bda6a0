//! The command line; `--help` is the reference of every setting.

use clap::{Parser, Subcommand};

use crate::admin;
use crate::config::{Settings, StoreSettings};

/// Estrade: a short-video platform that a small team can own outright
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve everything: API, feeds, transcoder and web app; what is not given is brought along
    Serve(Box<Settings>),
    /// Serve the API and the web app only
    Api(Box<Settings>),
    /// Serve the feeds only
    Feed(Box<Settings>),
    /// Run transcode jobs only
    Transcoder(Box<Settings>),
    /// Apply missing database migrations
    Migrate(StoreSettings),
    /// Operator commands
    Admin(admin::Args),
    /// Check this machine: what is wrong and what to do about it
    Doctor(Box<Settings>),
    /// Print the API document
    #[command(hide = true)]
    Openapi,
}

/// The part of the product a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything.
    All,
    /// API and web app.
    Api,
    /// Feeds.
    Feed,
    /// Transcode jobs.
    Transcoder,
}

impl Role {
    pub(crate) fn has_api(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    pub(crate) fn has_feed(self) -> bool {
        matches!(self, Self::All | Self::Feed)
    }

    pub(crate) fn has_transcoder(self) -> bool {
        matches!(self, Self::All | Self::Transcoder)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "serve",
            Self::Api => "api",
            Self::Feed => "feed",
            Self::Transcoder => "transcoder",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}

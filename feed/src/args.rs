//! Settings of the service.

use std::num::NonZeroUsize;

/// How much the feed keeps in memory, and what it tells players.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Viewers kept in memory; others are loaded anew when they come back
    #[arg(long = "feed-viewers-max", env = "ESTRADE_FEED_VIEWERS_MAX", default_value = "50000", value_name = "N")]
    pub viewers_max: NonZeroUsize,
    /// Scrolls kept in memory; others are made anew from their cursor
    #[arg(long = "feed-slates-max", env = "ESTRADE_FEED_SLATES_MAX", default_value = "10000", value_name = "N")]
    pub slates_max: NonZeroUsize,
    /// Clips a player is told to fetch ahead
    #[arg(long = "feed-prefetch-count", env = "ESTRADE_FEED_PREFETCH_COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(0..=10), value_name = "N")]
    pub prefetch_count: u32,
}

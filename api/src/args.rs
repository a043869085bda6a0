//! Settings of the service.

use std::num::NonZeroU32;

use crate::passwords::PasswordCost;

/// How often people may try, and what a password hash costs.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Accounts one address may make in a minute
    #[arg(long, env = "ESTRADE_SIGN_UPS_PER_MINUTE", default_value = "10", value_name = "N")]
    pub sign_ups_per_minute: NonZeroU32,
    /// Logins one address may try in a minute
    #[arg(long, env = "ESTRADE_LOGINS_PER_MINUTE", default_value = "30", value_name = "N")]
    pub logins_per_minute: NonZeroU32,
    /// Logins that may be tried for one handle in a minute from one address; ten times that from all together
    #[arg(long, env = "ESTRADE_LOGINS_PER_HANDLE", default_value = "10", value_name = "N")]
    pub logins_per_handle: NonZeroU32,
    /// Guests one address may make in a minute
    #[arg(long, env = "ESTRADE_GUESTS_PER_MINUTE", default_value = "60", value_name = "N")]
    pub guests_per_minute: NonZeroU32,
    /// Batches of events one viewer may send in a minute
    #[arg(long, env = "ESTRADE_EVENT_BATCHES_PER_MINUTE", default_value = "120", value_name = "N")]
    pub event_batches_per_minute: NonZeroU32,
    /// Reports one address may file in a minute
    #[arg(long, env = "ESTRADE_REPORTS_PER_MINUTE", default_value = "20", value_name = "N")]
    pub reports_per_minute: NonZeroU32,
    /// Memory a password hash takes, KiB; stored hashes are renewed at the next login when it rises
    #[arg(long, env = "ESTRADE_PASSWORD_MEMORY_KIB", default_value_t = PasswordCost::default().memory_kib,
          value_parser = clap::value_parser!(u32).range(8..=1_048_576), value_name = "KIB")]
    pub password_memory_kib: u32,
    /// Passes of a password hash over its memory
    #[arg(long, env = "ESTRADE_PASSWORD_PASSES", default_value_t = PasswordCost::default().passes,
          value_parser = clap::value_parser!(u32).range(1..=64), value_name = "N")]
    pub password_passes: u32,
}

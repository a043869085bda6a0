//! Candidate sources. Each is a walk through memory that stops at [`SOURCE_MAX`] open clips.

mod followed;
mod fresh;
mod neighbours;
mod popular;
mod trial;

pub use followed::Followed;
pub use fresh::Fresh;
pub use neighbours::Neighbours;
pub use popular::{Horizon, Popular};
pub use trial::Trial;

use crate::parameters::SOURCE_MAX;
use crate::pipeline::{Mode, Query};
use crate::world::Row;

/// The first open clips of a walk.
fn open_of<M: Mode>(query: &Query<'_, M>, walk: impl Iterator<Item = Row>) -> Vec<Row> {
    walk.filter(|&row| !query.is_seen(row)).take(SOURCE_MAX).collect()
}

//! The ordered event log: what happened, in the order it was committed.
//!
//! [`append`] inside the transaction that makes it true; [`Reader`] reads on from an offset and
//! never skips what commits late. PostgreSQL carries the log today; this is the one seam where
//! another carrier would go. Events say that something changed, readers look up how it stands now:
//! so reading one twice is harmless.

mod event;
mod reader;

pub use estrade_db::event_log::Offset;
pub use event::{Event, WatchEvent, WatchKind};
pub use reader::{Entry, Reader};

use estrade_db::{DbError, PgConnection, event_log};

/// Appends an event in the caller's transaction.
pub async fn append(conn: &mut PgConnection, event: &Event) -> Result<(), DbError> {
    let (kind, payload) = event.to_stored();
    event_log::append(conn, kind, &payload).await
}

use std::time::Duration;

use estrade_db::{DbError, Listener, PgPool, event_log, listen};

use crate::{Event, Offset};

/// Without a notification the log is asked this often; late commits become readable without one.
const POLL: Duration = Duration::from_millis(250);

/// An event and its place.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place; reading on from here skips it.
    pub offset: Offset,
    /// What happened.
    pub event: Event,
}

/// Reads the log on from an offset, in commit order.
pub struct Reader {
    pool: PgPool,
    offset: Offset,
    listener: Option<Listener>,
}

impl Reader {
    /// The place to read on from for a reader that loads the present state after this call.
    pub async fn end(pool: &PgPool) -> Result<Offset, DbError> {
        let mut conn = pool.acquire().await?;
        event_log::safe_end(&mut conn).await
    }

    /// A reader that starts after `offset`.
    pub fn new(pool: PgPool, offset: Offset) -> Self {
        Self { pool, offset, listener: None }
    }

    /// The next events, at most `limit`; waits up to 250 ms for one and may return none:
    /// then everything committed until just now has been read. After an error call again; it reads
    /// on from the same place.
    pub async fn next_batch(&mut self, limit: i64) -> Result<Vec<Entry>, DbError> {
        let batch = self.read(limit).await?;
        if !batch.is_empty() {
            return Ok(batch);
        }
        self.wait().await?;
        self.read(limit).await
    }

    async fn wait(&mut self) -> Result<(), DbError> {
        if self.listener.is_none() {
            // Subscribed before the next read: nothing falls between.
            self.listener = Some(listen(&self.pool, &["event_log"]).await?);
            return Ok(());
        }
        if let Some(listener) = &mut self.listener
            && let Ok(Err(error)) = tokio::time::timeout(POLL, listener.recv()).await
        {
            self.listener = None;
            return Err(error.into());
        }
        Ok(())
    }

    async fn read(&mut self, limit: i64) -> Result<Vec<Entry>, DbError> {
        let mut conn = self.pool.acquire().await?;
        let stored = event_log::read_after(&mut conn, self.offset, limit).await?;
        let mut batch = Vec::with_capacity(stored.len());
        for row in stored {
            self.offset = row.offset;
            match Event::from_stored(&row.kind, &row.payload) {
                Ok(Some(event)) => batch.push(Entry { offset: row.offset, event }),
                // A newer release wrote it; older readers do without.
                Ok(None) => {}
                Err(error) => return Err(corrupt(row.offset, &error)),
            }
        }
        Ok(batch)
    }
}

fn corrupt(offset: Offset, error: &serde_json::Error) -> DbError {
    tracing::error!(%error, event.xact = offset.xact, event.id = offset.id, "an event of the log cannot be read");
    DbError::corrupt("event_log", "payload", offset.id)
}

//! Bodies between the network and the disk, a block at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::{Digests, ExpectedDigests, ObjectReader, Received, Store, StoreError};

/// What is read from or written to disk at a time, and so what a transfer needs of memory.
pub(crate) const BLOCK_BYTES: usize = 256 << 10;

/// And in at most this many pieces, however small the sender makes them.
const MAX_PIECES: usize = 1_024;

/// A sender that is silent for this long is gone.
const IDLE_LIMIT: Duration = Duration::from_mins(1);

/// Why a body did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    #[error("nothing came for {} s", IDLE_LIMIT.as_secs())]
    Idle,
    #[error("the body broke off: {0}")]
    Broken(StdError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the runtime is shutting down")]
    Interrupted,
}

/// Brings a body to a file aside. The announced digests may depend on what comes after the body.
pub(crate) async fn receive<S>(
    store: &Arc<Store>,
    mut body: S,
    digests: Digests,
    limit: u64,
    expected: impl FnOnce() -> ExpectedDigests,
) -> Result<Received, ReceiveError>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    let store = Arc::clone(store);
    let mut receiver = blocking(move || store.receive(digests)).await?;
    loop {
        let (block, is_last) = next_block(&mut body).await?;
        let block_bytes: usize = block.iter().map(Bytes::len).sum();
        if receiver.size() + block_bytes as u64 > limit {
            return Err(StoreError::TooLarge { limit }.into());
        }
        if is_last {
            let expected = expected();
            return blocking(move || {
                receiver.write(&block)?;
                receiver.finish(&expected)
            })
            .await;
        }
        receiver = blocking(move || receiver.write(&block).map(|()| receiver)).await?;
    }
}

/// Gathers what arrives until it is worth a write. True with the last of it.
async fn next_block<S>(body: &mut S) -> Result<(Vec<Bytes>, bool), ReceiveError>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    let (mut block, mut size) = (Vec::new(), 0);
    while size < BLOCK_BYTES && block.len() < MAX_PIECES {
        match timeout(IDLE_LIMIT, body.next()).await.map_err(|_| ReceiveError::Idle)? {
            Some(Ok(bytes)) => {
                size += bytes.len();
                block.push(bytes);
            }
            Some(Err(error)) => return Err(ReceiveError::Broken(error)),
            None => return Ok((block, true)),
        }
    }
    Ok((block, false))
}

async fn blocking<T, F>(work: F) -> Result<T, ReceiveError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    spawn_blocking(work).await.map_err(|_| ReceiveError::Interrupted)?.map_err(ReceiveError::Store)
}

/// A range of an object, as a stream that knows its length.
pub(crate) struct SentBody {
    /// `None` while a read is under way.
    reader: Option<ObjectReader>,
    under_way: Option<JoinHandle<(ObjectReader, Result<Bytes, StoreError>)>>,
    offset: u64,
    end: u64,
}

impl SentBody {
    /// From `offset` up to, not including, `end`.
    pub(crate) fn new(reader: ObjectReader, offset: u64, end: u64) -> Self {
        Self { reader: Some(reader), under_way: None, offset, end }
    }

    fn left(&self) -> usize {
        usize::try_from(self.end - self.offset).unwrap_or(usize::MAX)
    }

    fn start_read(&mut self) -> Option<&mut JoinHandle<(ObjectReader, Result<Bytes, StoreError>)>> {
        if self.under_way.is_none() {
            let mut reader = self.reader.take()?;
            let (offset, max) = (self.offset, self.left().min(BLOCK_BYTES));
            self.under_way = Some(spawn_blocking(move || {
                let bytes = reader.read_at(offset, max);
                (reader, bytes)
            }));
        }
        self.under_way.as_mut()
    }
}

impl Stream for SentBody {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left() == 0 {
            return Poll::Ready(None);
        }
        let Some(under_way) = self.start_read() else {
            return Poll::Ready(None);
        };
        let outcome = ready!(Pin::new(under_way).poll(context));
        self.under_way = None;
        let (reader, bytes) = match outcome {
            Ok(done) => done,
            Err(error) => return Poll::Ready(Some(Err(error.into()))),
        };
        self.reader = Some(reader);
        match bytes {
            Ok(bytes) => {
                self.offset += bytes.len() as u64;
                Poll::Ready(Some(Ok(bytes)))
            }
            Err(error) => {
                // The connection breaks off here; that is all an answer under way can say.
                tracing::error!(%error, "an object cannot be read");
                self.offset = self.end;
                Poll::Ready(Some(Err(error.into())))
            }
        }
    }
}

impl ByteStream for SentBody {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(self.left())
    }
}

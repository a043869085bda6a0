//! Live changes of clips: one listening connection for all event streams of the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use estrade_db::{DbError, PgPool, listen};
use estrade_domain::{AccountId, PublicId};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

/// Streams one account may have open.
const STREAMS_PER_ACCOUNT: usize = 8;
/// Streams in all.
const STREAMS_MAX: usize = 2000;
/// Changes a stream may lag behind before it looks for itself.
const CHANGES_KEPT: usize = 256;
/// After the database went away, wait this long before listening again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// A stream looks for itself this often, should a notification have been lost.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// The clip that changed; none when any may have.
type Change = Option<Arc<str>>;

/// All event streams; cheap to clone.
#[derive(Debug, Clone)]
pub struct ClipStreams {
    changes: broadcast::Sender<Change>,
    open: Arc<Mutex<HashMap<AccountId, usize>>>,
    stop: CancellationToken,
}

/// This account, or the process, has as many streams as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many event streams are open")]
pub struct TooManyStreams;

impl ClipStreams {
    /// No streams yet; they all end when `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Self {
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        Self { changes, open: Arc::default(), stop }
    }

    /// Listens to the database and tells the streams, until stopped. Run it once a process.
    pub async fn run(self, pool: PgPool) {
        while !self.stop.is_cancelled() {
            let stop = self.stop.clone();
            let failed = tokio::select! {
                () = stop.cancelled() => return,
                failed = self.listen(&pool) => failed,
            };
            if let Err(error) = failed {
                tracing::warn!(%error, "listening for changed clips failed");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LISTEN_AGAIN) => {}
            }
        }
    }

    async fn listen(&self, pool: &PgPool) -> Result<(), DbError> {
        let mut listener = listen(pool, &["clips"]).await?;
        // What changed before was not heard.
        self.tell(None);
        loop {
            match listener.try_recv().await? {
                Some(change) => self.tell(Some(change.payload().into())),
                // The connection was lost and is back.
                None => self.tell(None),
            }
        }
    }

    fn tell(&self, change: Change) {
        // An error says that nobody listens.
        let _ = self.changes.send(change);
    }

    /// A place for one more stream of this account.
    pub(crate) fn subscribe(&self, account: AccountId) -> Result<Subscription, TooManyStreams> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let count = open.entry(account).or_default();
        if *count >= STREAMS_PER_ACCOUNT || total >= STREAMS_MAX {
            if *count == 0 {
                open.remove(&account);
            }
            return Err(TooManyStreams);
        }
        *count += 1;
        Ok(Subscription { changes: self.changes.subscribe(), streams: self.clone(), account })
    }
}

/// One stream's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Subscription {
    changes: broadcast::Receiver<Change>,
    streams: ClipStreams,
    account: AccountId,
}

impl Subscription {
    /// Waits until the clip may have changed; `false` when the stream is to end.
    pub(crate) async fn changed(&mut self, clip: &PublicId) -> bool {
        let stop = self.streams.stop.clone();
        tokio::select! {
            () = stop.cancelled() => false,
            () = tokio::time::sleep(LOOK_AGAIN) => true,
            heard = self.hear(clip) => heard,
        }
    }

    async fn hear(&mut self, clip: &PublicId) -> bool {
        loop {
            match self.changes.recv().await {
                Ok(Some(changed)) if *changed != *clip.as_str() => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn clip(byte: u8) -> PublicId {
        PublicId::from_random([byte; 20])
    }

    #[tokio::test]
    async fn a_stream_hears_of_its_own_clip_only() {
        let streams = ClipStreams::new(CancellationToken::new());
        let mut stream = streams.subscribe(AccountId(Uuid::nil())).expect("place");
        streams.tell(Some(clip(2).as_str().into()));
        assert_eq!(stream.changed(&clip(1)).now_or_never(), None);
        streams.tell(Some(clip(1).as_str().into()));
        assert!(stream.changed(&clip(1)).await);
        streams.tell(None);
        assert!(stream.changed(&clip(1)).await);
    }

    #[tokio::test]
    async fn a_stream_that_lags_looks_for_itself() {
        let streams = ClipStreams::new(CancellationToken::new());
        let mut stream = streams.subscribe(AccountId(Uuid::nil())).expect("place");
        for _ in 0..=CHANGES_KEPT {
            streams.tell(Some(clip(2).as_str().into()));
        }
        assert!(stream.changed(&clip(1)).await);
    }

    #[tokio::test]
    async fn streams_end_when_the_process_stops() {
        let stop = CancellationToken::new();
        let mut stream = ClipStreams::new(stop.clone()).subscribe(AccountId(Uuid::nil())).expect("place");
        stop.cancel();
        assert!(!stream.changed(&clip(1)).await);
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let streams = ClipStreams::new(CancellationToken::new());
        let account = AccountId(Uuid::nil());
        let mut held: Vec<_> = (0..STREAMS_PER_ACCOUNT).map(|_| streams.subscribe(account).expect("place")).collect();
        assert_eq!(streams.subscribe(account).err(), Some(TooManyStreams));
        assert!(streams.subscribe(AccountId(Uuid::max())).is_ok());
        held.pop();
        assert!(streams.subscribe(account).is_ok());
        drop(held);
        assert!(streams.open.lock().expect("lock").is_empty());
    }
}

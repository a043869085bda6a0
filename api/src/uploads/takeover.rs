//! One writer an upload: a newer request takes over, the older one is cut and first makes durable
//! what it has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use estrade_domain::UploadId;
use prometheus::IntCounter;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

/// An older request has this long to make its bytes durable and leave.
const LEAVE_DEADLINE: Duration = Duration::from_secs(10);

/// Who writes what at the moment, in this process.
#[derive(Debug, Clone)]
pub(super) struct Takeovers {
    slots: Arc<Mutex<HashMap<UploadId, Arc<Slot>>>>,
    taken: IntCounter,
}

#[derive(Debug)]
struct Slot {
    /// Held by the writer.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Cuts the newest request when a still newer one comes.
    newest: Mutex<CancellationToken>,
}

/// The older request did not leave in time.
#[derive(Debug)]
pub(super) struct Busy;

/// The right to write, until it is dropped; whoever holds it leaves soon once it is cut.
#[derive(Debug)]
pub(super) struct Turn {
    id: UploadId,
    cut: CancellationToken,
    registry: Takeovers,
    guard: Option<OwnedMutexGuard<()>>,
    slot: Option<Arc<Slot>>,
}

impl Takeovers {
    pub(super) fn new(taken: IntCounter) -> Self {
        Self { slots: Arc::default(), taken }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Slot>>> {
        // Nothing panics while the map is half changed.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the line for an upload and cuts everyone before.
    fn join(&self, id: UploadId) -> (Arc<Slot>, CancellationToken) {
        let mut slots = self.slots();
        let cut = CancellationToken::new();
        let slot = slots
            .entry(id)
            .or_insert_with(|| Arc::new(Slot { turn: Arc::default(), newest: Mutex::new(CancellationToken::new()) }));
        let older = std::mem::replace(&mut *slot.newest.lock().unwrap_or_else(PoisonError::into_inner), cut.clone());
        older.cancel();
        (Arc::clone(slot), cut)
    }

    /// Takes the upload over: cuts whoever writes it and waits until they have left.
    pub(super) async fn take(&self, id: UploadId) -> Result<Turn, Busy> {
        let (slot, cut) = self.join(id);
        let lock = Arc::clone(&slot.turn);
        let mut turn = Turn { id, cut, registry: self.clone(), guard: None, slot: Some(slot) };
        if let Ok(guard) = Arc::clone(&lock).try_lock_owned() {
            turn.guard = Some(guard);
            return Ok(turn);
        }
        self.taken.inc();
        let guard = tokio::time::timeout(LEAVE_DEADLINE, lock.lock_owned()).await.map_err(|_| Busy)?;
        turn.guard = Some(guard);
        Ok(turn)
    }

    /// Cuts whoever writes the upload and waits until what they received is durable; whether anybody did.
    pub(super) async fn settle(&self, id: UploadId) -> Result<bool, Busy> {
        let is_written = self.slots().contains_key(&id);
        if is_written {
            drop(self.take(id).await?);
        }
        Ok(is_written)
    }
}

impl Turn {
    /// Resolves when a newer request wants the upload.
    pub(super) fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut slots = self.registry.slots();
        let Some(slot) = self.slot.take() else { return };
        // The map and this turn: nobody else waits, and nobody can join while the map is locked.
        if Arc::strong_count(&slot) == 2 {
            slots.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn takeovers() -> Takeovers {
        Takeovers::new(IntCounter::new("a", "b").expect("counter"))
    }

    const ID: UploadId = UploadId(Uuid::nil());

    #[tokio::test]
    async fn a_newer_request_cuts_the_older_and_waits_for_it() {
        let takeovers = takeovers();
        let first = takeovers.take(ID).await.expect("free");
        let second = tokio::spawn({
            let takeovers = takeovers.clone();
            async move { takeovers.take(ID).await.expect("taken over").cut().is_cancelled() }
        });
        first.cut().cancelled().await;
        assert!(!second.is_finished());
        drop(first);
        assert!(!second.await.expect("second"));
        assert_eq!(takeovers.taken.get(), 1);
        assert!(takeovers.slots().is_empty());
    }

    #[tokio::test]
    async fn of_many_waiting_only_the_newest_is_not_cut() {
        let takeovers = takeovers();
        let first = takeovers.take(ID).await.expect("free");
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let line = takeovers.clone();
            waiting.push(tokio::spawn(async move { line.take(ID).await.expect("turn").cut().is_cancelled() }));
            tokio::task::yield_now().await;
        }
        drop(first);
        let mut cut = Vec::new();
        for request in waiting {
            cut.push(request.await.expect("waited"));
        }
        assert_eq!(cut, [true, true, false]);
        assert!(takeovers.slots().is_empty());
    }

    #[tokio::test]
    async fn settling_an_upload_nobody_writes_takes_no_turn() {
        let takeovers = takeovers();
        assert!(!takeovers.settle(ID).await.expect("free"));
        assert!(takeovers.slots().is_empty());
        assert_eq!(takeovers.taken.get(), 0);
    }
}

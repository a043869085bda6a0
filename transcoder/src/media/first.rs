//! What makes a clip playable comes before everything else.
//!
//! While the first chunk is in the making, sound that is done with its part waits, and no picture
//! of the next chunk is decoded: all processor time goes to the rungs that are not done yet.

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::stages::Stopwatch;

/// A gate that stays shut until the first chunk is whole.
#[derive(Default)]
pub(super) struct FirstChunk {
    is_open: Mutex<bool>,
    opened: Condvar,
    is_worker_gone: AtomicBool,
}

impl FirstChunk {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those who wait go on, and all who come later.
    pub(super) fn open(&self) {
        *self.lock() = true;
        self.opened.notify_all();
    }

    /// Waits until the gate is open; the stopwatch counts how long.
    pub(super) fn wait(&self, waits: &Stopwatch) {
        waits.time(|| {
            let shut = self.opened.wait_while(self.lock(), |is_open| !*is_open);
            drop(shut);
        });
    }

    /// A worker that ends before the gate opens has failed, or has nothing left to do; either way
    /// there is no use in waiting for the chunk.
    pub(super) fn is_worker_gone(&self) -> bool {
        self.is_worker_gone.load(Ordering::Acquire)
    }
}

/// Opens the gate when the reading side ends, however it ends.
pub(super) struct OpensAtTheEnd<'a>(pub(super) &'a FirstChunk);

impl Drop for OpensAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Tells that a worker is gone, even if it panicked.
pub(super) struct TellsWhenGone<'a>(pub(super) &'a FirstChunk);

impl Drop for TellsWhenGone<'_> {
    fn drop(&mut self) {
        self.0.is_worker_gone.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_goes_on_when_the_reading_side_ends() {
        let (first, waits) = (FirstChunk::default(), Stopwatch::default());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| first.wait(&waits));
            drop(OpensAtTheEnd(&first));
            waiting.join().expect("it went on");
        });
        first.wait(&waits);
    }

    #[test]
    fn a_worker_that_panics_is_gone() {
        let first = FirstChunk::default();
        assert!(!first.is_worker_gone());
        let panicked = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _tells = TellsWhenGone(&first);
                    panic!("a fault for this test");
                })
                .join()
        });
        assert!(panicked.is_err() && first.is_worker_gone());
    }
}

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use estrade_domain::{AccountId, ClipId, ViewerId};

use super::ViewerState;

/// When the store is full, this part of it makes room: one in so many, the longest unused.
const EVICTED_ONE_IN: usize = 10;

/// What a viewer's account is tied to: decides what may be shown and what is marked as liked, not
/// what is ranked where.
#[derive(Debug, Default)]
pub struct Relations {
    /// Creators followed.
    pub followed: HashSet<AccountId>,
    /// Clips liked.
    pub liked: HashSet<ClipId>,
}

/// A viewer in memory.
#[derive(Debug, Default)]
pub struct Viewer {
    /// Follows and likes; none before they are loaded.
    pub relations: Option<Relations>,
    /// What ranking uses.
    pub state: ViewerState,
    /// Whether what the database knows is part of `state`.
    pub is_state_loaded: bool,
    /// Raised by every event about the viewer, so that a load in flight notices.
    pub changes: u64,
}

#[derive(Debug)]
struct Place {
    viewer: Arc<Mutex<Viewer>>,
    used: AtomicU64,
}

/// The viewers in memory, a bounded number; the longest unused leave and are loaded anew when
/// they come back.
#[derive(Debug)]
pub struct Viewers {
    places: Mutex<HashMap<ViewerId, Place>>,
    tick: AtomicU64,
    places_max: usize,
}

/// Locks; a panic elsewhere leaves plain values that are still good.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Viewers {
    /// Keeps at most `viewers_max` (at least one).
    pub fn new(viewers_max: usize) -> Self {
        Self { places: Mutex::default(), tick: AtomicU64::default(), places_max: viewers_max.max(1) }
    }

    /// The viewer, made when not in memory.
    pub fn get(&self, id: ViewerId) -> Arc<Mutex<Viewer>> {
        let mut places = lock(&self.places);
        if !places.contains_key(&id) && places.len() >= self.places_max {
            evict(&mut places);
        }
        let place = places.entry(id).or_insert_with(|| Place { viewer: Arc::default(), used: AtomicU64::default() });
        place.used.store(self.tick.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Arc::clone(&place.viewer)
    }

    /// The viewer, if in memory.
    pub fn find(&self, id: ViewerId) -> Option<Arc<Mutex<Viewer>>> {
        lock(&self.places).get(&id).map(|place| Arc::clone(&place.viewer))
    }

    /// Forgets a viewer.
    pub fn remove(&self, id: ViewerId) {
        lock(&self.places).remove(&id);
    }

    /// How many are in memory.
    pub fn len(&self) -> usize {
        lock(&self.places).len()
    }
}

fn evict(places: &mut HashMap<ViewerId, Place>) {
    let mut ages: Vec<u64> = places.values().map(|place| place.used.load(Ordering::Relaxed)).collect();
    let index = ages.len() / EVICTED_ONE_IN;
    let (_, &mut bound, _) = ages.select_nth_unstable(index);
    places.retain(|_, place| place.used.load(Ordering::Relaxed) > bound);
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> ViewerId {
        ViewerId(Uuid::from_u128(number))
    }

    #[test]
    fn the_longest_unused_viewer_leaves_and_the_number_stays_bounded() {
        let viewers = Viewers::new(20);
        (0..20).for_each(|number| drop(viewers.get(id(number))));
        drop(viewers.get(id(0)));
        drop(viewers.get(id(100)));
        assert!(viewers.find(id(0)).is_some(), "used again");
        assert!(viewers.find(id(1)).is_none(), "longest unused");
        (200..400).for_each(|number| drop(viewers.get(id(number))));
        assert!(viewers.len() <= 20);
    }

    #[test]
    fn a_store_for_one_viewer_works() {
        let viewers = Viewers::new(0);
        drop(viewers.get(id(1)));
        drop(viewers.get(id(2)));
        assert_eq!((viewers.find(id(1)).is_none(), viewers.len()), (true, 1));
    }
}

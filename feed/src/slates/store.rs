use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::Duration;
use estrade_domain::{SlateId, Time, ViewerId};

use super::Slate;
use crate::viewers::lock;

/// A slate nobody asked for so long is let go of.
const TTL: Duration = Duration::minutes(30);
/// When the store is full, this part of it makes room: one in so many, the longest unused.
const EVICTED_ONE_IN: usize = 10;

/// Which slate, and whose; nobody's is everybody's.
pub type SlateKey = (SlateId, Option<ViewerId>);

#[derive(Debug)]
struct Place {
    slate: Arc<Mutex<Slate>>,
    used_at: Time,
}

/// The slates in memory, a bounded number. One that is gone can be made anew from its cursor.
#[derive(Debug)]
pub struct SlateStore {
    places: Mutex<HashMap<SlateKey, Place>>,
    slates_max: usize,
}

impl SlateStore {
    /// Keeps at most `slates_max` (at least one).
    pub fn new(slates_max: usize) -> Self {
        Self { places: Mutex::default(), slates_max: slates_max.max(1) }
    }

    /// The slate, unless its time is over.
    pub fn find(&self, key: SlateKey, now: Time) -> Option<Arc<Mutex<Slate>>> {
        let mut places = lock(&self.places);
        let place = places.get_mut(&key)?;
        if now - place.used_at > TTL {
            places.remove(&key);
            return None;
        }
        place.used_at = now;
        Some(Arc::clone(&place.slate))
    }

    /// Keeps a slate.
    pub fn insert(&self, key: SlateKey, slate: Slate, now: Time) -> Arc<Mutex<Slate>> {
        let slate = Arc::new(Mutex::new(slate));
        let mut places = lock(&self.places);
        if places.len() >= self.slates_max {
            evict(&mut places, now);
        }
        places.insert(key, Place { slate: Arc::clone(&slate), used_at: now });
        slate
    }

    /// How many are in memory.
    pub fn len(&self) -> usize {
        lock(&self.places).len()
    }
}

fn evict(places: &mut HashMap<SlateKey, Place>, now: Time) {
    let count = places.len();
    places.retain(|_, place| now - place.used_at <= TTL);
    if places.len() < count {
        return;
    }
    let mut keys: Vec<(Time, SlateKey)> = places.iter().map(|(key, place)| (place.used_at, *key)).collect();
    let dropped = keys.len().div_ceil(EVICTED_ONE_IN);
    keys.select_nth_unstable(dropped - 1);
    keys.iter().take(dropped).for_each(|(_, key)| drop(places.remove(key)));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;
    use crate::world::test_clips::start_of_time;

    fn key(number: u128) -> SlateKey {
        (SlateId(Uuid::from_u128(number)), None)
    }

    fn insert(store: &SlateStore, number: u128, at: Time) {
        store.insert(key(number), Slate::new(key(number).0, at, 0, HashSet::new()), at);
    }

    #[test]
    fn a_slate_lives_half_an_hour_after_its_last_use() {
        let store = SlateStore::new(10);
        let now = start_of_time();
        insert(&store, 1, now);
        assert!(store.find(key(1), now + Duration::minutes(29)).is_some());
        assert!(store.find(key(1), now + Duration::minutes(58)).is_some());
        assert!(store.find(key(1), now + Duration::minutes(89)).is_none());
        assert_eq!(store.len(), 0);
    }

    #[test]
    fn the_number_stays_bounded_and_the_longest_unused_goes_first() {
        let store = SlateStore::new(20);
        for number in 0..100u32 {
            insert(&store, number.into(), start_of_time() + Duration::seconds(number.into()));
            assert!(store.len() <= 20);
        }
        let now = start_of_time() + Duration::seconds(100);
        assert!(store.find(key(99), now).is_some() && store.find(key(0), now).is_none());
    }
}

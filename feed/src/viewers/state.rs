use std::collections::{HashMap, VecDeque};

use estrade_db::feed_viewers::Watched;
use estrade_domain::{AccountId, SlateId, Time};

use crate::learning::{VIEW_MIN_MS, fraction_left};
use crate::parameters::{HALF_LIFE_NOT_INTERESTED_SECS, RECENT_MAX};
use crate::pipeline::{Request, Round, Watcher};
use crate::world::Row;

/// Clips remembered of one viewer as loaded; the latest count.
pub const SEEN_LOAD_MAX: i64 = 20_000;
/// Clips remembered before the viewer is loaded anew.
const SEEN_MAX: usize = 25_000;
/// Creators remembered whom the viewer asked for less of.
pub const NOT_INTERESTED_MAX: usize = 200;

/// Something a viewer does with a clip that counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Had it on the screen.
    Impressed = 1,
    /// Watched or skipped it.
    Judged = 2,
    /// Watched it long enough to count.
    Viewed = 4,
    /// Reached its end.
    Completed = 8,
    /// Liked it.
    Liked = 16,
    /// Shared it.
    Shared = 32,
}

/// The viewer knows the clip, by whatever act.
const WATCHED: u8 = 64;
/// It counted as liked, shared or finished.
const POSITIVE: u8 = 128;

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    acts: u8,
    /// Part of the last slate it was served from, to tell that slate from others.
    slate: u32,
    /// When it was served last, milliseconds; 0 when never.
    served_ms: i64,
}

/// What is known of a viewer and used for ranking: present only where profiling is on.
#[derive(Debug, Default)]
pub struct ViewerState {
    seen: HashMap<Row, Seen>,
    recent: VecDeque<Row>,
    not_interested: HashMap<AccountId, Time>,
    /// Creators the viewer follows.
    followed: Vec<AccountId>,
}

/// The random end of a slate's id.
fn tag(slate: SlateId) -> u32 {
    let [.., a, b, c, d] = *slate.0.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

impl ViewerState {
    /// The viewer was served the clip.
    pub fn note_served(&mut self, row: Row, slate: SlateId, at: Time) {
        let seen = self.seen.entry(row).or_default();
        if at.timestamp_millis() >= seen.served_ms {
            seen.slate = tag(slate);
            seen.served_ms = at.timestamp_millis();
        }
    }

    /// The viewer knows the clip.
    pub fn note_watched(&mut self, row: Row) {
        self.seen.entry(row).or_default().acts |= WATCHED;
    }

    /// Notes an act; whether it is the first of its kind with this clip.
    pub fn is_first(&mut self, row: Row, act: Act) -> bool {
        self.set(row, act as u8)
    }

    /// Notes that the viewer liked, shared or finished the clip; whether for the first time.
    pub fn note_positive(&mut self, row: Row) -> bool {
        let is_first = self.set(row, POSITIVE);
        if is_first {
            self.recent.push_back(row);
            if self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
        }
        is_first
    }

    fn set(&mut self, row: Row, bit: u8) -> bool {
        let seen = self.seen.entry(row).or_default();
        let is_first = seen.acts & bit == 0;
        seen.acts |= bit;
        is_first
    }

    /// The viewer asked for less of this creator.
    pub fn note_not_interested(&mut self, creator: AccountId, at: Time) {
        if self.not_interested.len() >= NOT_INTERESTED_MAX
            && let Some(&oldest) = self.not_interested.iter().min_by_key(|(_, at)| **at).map(|(creator, _)| creator)
        {
            self.not_interested.remove(&oldest);
        }
        self.not_interested.insert(creator, at);
    }

    /// How much of "not interested" in this creator is left: 1 when just said, fading to 0.
    pub fn not_interested_in(&self, creator: AccountId, now: Time) -> f64 {
        let said = self.not_interested.get(&creator);
        said.map_or(0.0, |&at| fraction_left(at, now, HALF_LIFE_NOT_INTERESTED_SECS))
    }

    /// What the database has kept of the viewer and a clip, told oldest clip first.
    pub fn restore_watched(&mut self, row: Row, watched: &Watched) {
        self.note_watched(row);
        if !watched.is_served {
            return;
        }
        self.set(row, Act::Impressed as u8);
        let is_viewed = watched.watch_ms >= VIEW_MIN_MS || watched.loops > 0;
        if is_viewed {
            self.set(row, Act::Viewed as u8);
        }
        if is_viewed || watched.is_completed || watched.is_skipped {
            self.set(row, Act::Judged as u8);
        }
        if watched.is_completed {
            self.set(row, Act::Completed as u8);
            self.note_positive(row);
        }
    }

    /// A like the database has kept, told oldest first.
    pub fn restore_like(&mut self, row: Row) {
        self.note_watched(row);
        self.set(row, Act::Liked as u8);
        self.note_positive(row);
    }

    /// Sets the creators the viewer follows.
    pub fn set_followed(&mut self, followed: Vec<AccountId>) {
        self.followed = followed;
    }

    /// The creators the viewer follows.
    pub fn followed(&self) -> &[AccountId] {
        &self.followed
    }

    /// The clips the viewer lately liked, shared or finished, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = Row> + '_ {
        self.recent.iter().copied()
    }

    /// [`Self::recent`] without `row`.
    pub fn recent_before(&self, row: Row) -> impl Iterator<Item = Row> + '_ {
        self.recent().filter(move |&earlier| earlier != row)
    }

    /// Whether the viewer did anything with the clip.
    #[cfg(test)]
    pub fn has_watched(&self, row: Row) -> bool {
        self.seen.get(&row).is_some_and(|seen| seen.acts != 0)
    }

    /// Whether so much is remembered that it is time to load the viewer anew, the latest only.
    pub fn is_overfull(&self) -> bool {
        self.seen.len() > SEEN_MAX
    }
}

impl Watcher for ViewerState {
    fn has_seen(&self, row: Row, request: &Request<'_>) -> bool {
        let Some(seen) = self.seen.get(&row) else { return false };
        match request.round {
            Round::Unserved => true,
            // What was served in an earlier scroll and never came onto the screen is not lost.
            Round::Unwatched => {
                seen.acts != 0
                    || seen.slate == tag(request.slate_id)
                    || seen.served_ms > request.started_at.timestamp_millis()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::Duration;
    use uuid::Uuid;

    use super::*;
    use crate::world::test_clips::{creator, start_of_time};

    #[test]
    fn what_was_served_but_never_watched_comes_back_only_in_another_scroll() {
        let (first, second) = (SlateId(Uuid::from_u128(1)), SlateId(Uuid::from_u128(2)));
        let mut viewer = ViewerState::default();
        viewer.note_served(Row(1), first, start_of_time());
        viewer.note_served(Row(2), first, start_of_time());
        viewer.note_watched(Row(2));
        let served = HashSet::new();
        let sees = |round, slate, started_at, row| {
            let request = Request { round, slate_id: slate, started_at, ..Request::example(&served) };
            viewer.has_seen(Row(row), &request)
        };
        let later = start_of_time() + Duration::seconds(1);
        assert!(sees(Round::Unserved, second, later, 1));
        assert!(sees(Round::Unwatched, first, start_of_time(), 1), "same scroll");
        assert!(sees(Round::Unwatched, second, start_of_time() - Duration::seconds(1), 1), "served meanwhile");
        assert!(!sees(Round::Unwatched, second, later, 1), "another scroll");
        assert!(sees(Round::Unwatched, second, later, 2), "watched");
        assert!(!sees(Round::Unserved, second, later, 3), "never met");
    }

    #[test]
    fn not_interested_fades_and_stays_bounded() {
        let mut viewer = ViewerState::default();
        let now = start_of_time();
        for number in 0..=u32::try_from(NOT_INTERESTED_MAX).expect("small") {
            viewer.note_not_interested(creator(number), now + Duration::seconds(number.into()));
        }
        assert_eq!(viewer.not_interested.len(), NOT_INTERESTED_MAX);
        assert!(viewer.not_interested_in(creator(0), now).abs() < 1e-9);
        let later = viewer.not_interested_in(creator(1), now + Duration::days(10));
        assert!((later - 0.5).abs() < 0.01);
    }
}

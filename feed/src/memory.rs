//! The feed without its surroundings: pages from memory alone.
//!
//! Locks are taken in one order: viewer, slate, world. None is held while waiting for anything.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::Duration;
use estrade_domain::limits::SLATE_MAX;
use estrade_domain::{Entropy, SlateId, Time, ViewerId};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::assembly::Pipelines;
use crate::pipeline::{Closed, Entry, Mode, Nobody, Outcome, Pipeline, Query, Request, Round};
use crate::slates::{Extension, Page, Slate, SlateCursor, SlateStore};
use crate::viewers::{Relations, Viewer, ViewerState, Viewers, lock};
use crate::world::{Key, Row, World};

/// A slate for everybody begins anew after so long, if anything has changed …
const SHARED_RENEWAL: Duration = Duration::seconds(5);
/// … and after so long in any case.
const SHARED_RENEWAL_IDLE: Duration = Duration::seconds(60);

/// A feed that is the same for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SharedFeed {
    /// For-you without profiling.
    ForYou,
    /// Trending.
    Trending,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    slate_id: SlateId,
    made_at: Time,
    version: u64,
}

/// A page of a ranked feed.
#[derive(Debug)]
pub struct RankedPage {
    /// Its clips.
    pub page: Page,
    /// Where it stands.
    pub cursor: SlateCursor,
    /// What the runs of the pipeline brought, when it ran.
    pub runs: Vec<Outcome>,
}

impl RankedPage {
    /// Where the next page stands; none at the end.
    pub fn next(&self) -> Option<SlateCursor> {
        self.page.next.map(|position| SlateCursor { position, ..self.cursor })
    }
}

/// Everything the feed knows.
pub struct Memory {
    world: RwLock<World>,
    /// The viewers.
    pub viewers: Viewers,
    /// The slates.
    pub slates: SlateStore,
    current: Mutex<HashMap<SharedFeed, Current>>,
    pipelines: Pipelines,
    entropy: Entropy,
}

impl Memory {
    /// An empty memory for so many viewers and slates.
    pub fn new(viewers_max: usize, slates_max: usize, entropy: Entropy) -> Self {
        Self {
            world: RwLock::default(),
            viewers: Viewers::new(viewers_max),
            slates: SlateStore::new(slates_max),
            current: Mutex::default(),
            pipelines: Pipelines::default(),
            entropy,
        }
    }

    /// The world, to read.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world, to change.
    pub fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slate that can serve this cursor's place, of everybody or of this viewer.
    pub fn find_slate(&self, viewer: ViewerId, cursor: SlateCursor, now: Time) -> Option<Arc<Mutex<Slate>>> {
        let keys = [(cursor.slate_id, None), (cursor.slate_id, Some(viewer))];
        let mut slates = keys.into_iter().filter_map(|key| self.slates.find(key, now));
        slates.find(|slate| lock(slate).holds(cursor.position))
    }

    /// A page for one viewer. Without a cursor a scroll begins; a cursor whose slate is gone goes on
    /// with a slate made anew without what the viewer was served.
    pub fn personal_page(
        &self,
        id: ViewerId,
        viewer: &Mutex<Viewer>,
        cursor: Option<SlateCursor>,
        limit: usize,
        now: Time,
    ) -> Result<RankedPage, Closed> {
        let viewer = lock(viewer);
        let cursor = cursor.unwrap_or_else(|| self.first_cursor(now));
        let slate = self.find_slate(id, cursor, now).unwrap_or_else(|| {
            let slate = Slate::new(cursor.slate_id, cursor.started_at, cursor.position, HashSet::new());
            self.slates.insert((cursor.slate_id, Some(id)), slate, now)
        });
        let mut slate = lock(&slate);
        let world = self.world();
        let mut rng = StdRng::from_seed(self.entropy.bytes());
        let mut runs = Vec::new();
        let page = slate.page(&world, cursor.position, limit, |extension| {
            let run = self.extend_personal(&viewer.state, &world, &extension, now, &mut rng)?;
            let entries = run.entries.clone();
            runs.push(run);
            Ok(entries)
        })?;
        slate.forget_before(page.next.unwrap_or(cursor.position));
        Ok(RankedPage { page, cursor, runs })
    }

    fn extend_personal(
        &self,
        viewer: &ViewerState,
        world: &World,
        extension: &Extension<'_>,
        now: Time,
        rng: &mut StdRng,
    ) -> Result<Outcome, Closed> {
        let pipeline = &self.pipelines.personal;
        let unserved = run(pipeline, viewer, world, extension, now, Round::Unserved, SLATE_MAX, rng)?;
        if !unserved.entries.is_empty() {
            return Ok(unserved);
        }
        run(pipeline, viewer, world, extension, now, Round::Unwatched, SLATE_MAX, rng)
    }

    /// A page of a feed that is the same for everybody. `anew` holds the clips this viewer was served
    /// before, when the cursor's slate is gone.
    pub fn shared_page(
        &self,
        feed: SharedFeed,
        viewer: ViewerId,
        cursor: Option<SlateCursor>,
        anew: HashSet<Row>,
        limit: usize,
        now: Time,
    ) -> Result<RankedPage, Closed> {
        let (slate, cursor) = match cursor {
            None => self.current_slate(feed, now),
            Some(cursor) => (self.shared_slate(viewer, cursor, anew, now), cursor),
        };
        let mut slate = lock(&slate);
        let world = self.world();
        let mut runs = Vec::new();
        let page = slate.page(&world, cursor.position, limit, |extension| {
            let run = self.extend_shared(feed, &world, &extension, now)?;
            let entries: Vec<Entry> = run.entries.clone();
            runs.push(run);
            Ok(entries)
        })?;
        Ok(RankedPage { page, cursor, runs })
    }

    fn extend_shared(
        &self,
        feed: SharedFeed,
        world: &World,
        extension: &Extension<'_>,
        now: Time,
    ) -> Result<Outcome, Closed> {
        // The same world gives the same slate, whoever asks and whenever.
        let mut rng = StdRng::seed_from_u64(world.version().wrapping_add(extension.position.into()));
        let (pipeline, limit) = match feed {
            SharedFeed::ForYou => (&self.pipelines.open, SLATE_MAX),
            // A board ends after one slate.
            SharedFeed::Trending => (&self.pipelines.trending, SLATE_MAX.saturating_sub(extension.position as usize)),
        };
        if limit == 0 {
            return Ok(Outcome::default());
        }
        run(pipeline, &Nobody, world, extension, now, Round::Unserved, limit, &mut rng)
    }

    fn shared_slate(&self, viewer: ViewerId, cursor: SlateCursor, anew: HashSet<Row>, now: Time) -> Arc<Mutex<Slate>> {
        self.find_slate(viewer, cursor, now).unwrap_or_else(|| {
            let slate = Slate::new(cursor.slate_id, cursor.started_at, cursor.position, anew);
            self.slates.insert((cursor.slate_id, Some(viewer)), slate, now)
        })
    }

    /// The slate that scrolls begin with at the moment.
    fn current_slate(&self, feed: SharedFeed, now: Time) -> (Arc<Mutex<Slate>>, SlateCursor) {
        let version = self.world().version();
        let mut current = lock(&self.current);
        let is_current = |current: &&Current| {
            let age = now - current.made_at;
            age < SHARED_RENEWAL || (current.version == version && age < SHARED_RENEWAL_IDLE)
        };
        if let Some(known) = current.get(&feed).filter(is_current)
            && let Some(slate) = self.slates.find((known.slate_id, None), now)
        {
            let cursor = SlateCursor { slate_id: known.slate_id, position: 0, started_at: known.made_at };
            return (slate, cursor);
        }
        let cursor = self.first_cursor(now);
        let slate = Slate::new(cursor.slate_id, now, 0, HashSet::new());
        let slate = self.slates.insert((cursor.slate_id, None), slate, now);
        current.insert(feed, Current { slate_id: cursor.slate_id, made_at: now, version });
        (slate, cursor)
    }

    fn first_cursor(&self, now: Time) -> SlateCursor {
        SlateCursor { slate_id: SlateId::new(now, &self.entropy), position: 0, started_at: now }
    }

    /// The clips of followed creators published before `before`, newest first, and whether more follow.
    pub fn following_page(&self, relations: &Relations, before: Option<&Key>, limit: usize) -> (Vec<(Key, Row)>, bool) {
        let world = self.world();
        let newest = |&creator| world.catalogue.newest_of(creator, before).take(limit + 1);
        let mut clips: Vec<(&Key, Row)> = relations.followed.iter().flat_map(newest).collect();
        clips.sort_unstable_by(|a, b| b.cmp(a));
        let has_more = clips.len() > limit;
        clips.truncate(limit);
        (clips.into_iter().map(|(key, row)| (key.clone(), row)).collect(), has_more)
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one part of the question; a struct would only rename them")]
fn run<M: Mode>(
    pipeline: &Pipeline<M>,
    viewer: &M::Viewer,
    world: &World,
    extension: &Extension<'_>,
    now: Time,
    round: Round,
    limit: usize,
    rng: &mut StdRng,
) -> Result<Outcome, Closed> {
    let request = Request {
        now,
        slate_id: extension.id,
        started_at: extension.started_at,
        round,
        served: &extension.served,
        previous: extension.previous,
        position: extension.position,
        limit,
    };
    pipeline.run(&Query { request, viewer }, world, rng)
}

#[cfg(test)]
mod tests;

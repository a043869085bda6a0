//! Keeps the memory true: reads the event log on, looks up what changed, learns from what was watched.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use estrade_db::event_log::Offset;
use estrade_db::feed::{LoadSnapshot, list_published_ids_of, list_restriction_edges, load_counts};
use estrade_db::{DbError, PgConnection, PgPool};
use estrade_domain::{AccountId, ClipId, Time, ViewerId};
use estrade_events::{Entry, Event, Reader, WatchEvent};

use crate::Feed;
use crate::learning::{learn_act, learn_like};
use crate::load::{Place, reload_clips};
use crate::viewers::lock;
use crate::world::Rankings;

/// Events read at a time.
const BATCH_MAX: i64 = 500;
/// How often restrictions that begin or end by their own time are looked for.
const EDGES_EVERY: Duration = Duration::from_millis(500);
/// How often clips are ranked by popularity, when anything has changed.
const RANKINGS_EVERY: Duration = Duration::from_secs(3);
/// After a failure the follower tries again so much later.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Reads the event log on behalf of a feed.
pub(crate) struct Follower {
    reader: Reader,
    snapshot: LoadSnapshot,
    /// Read but not applied yet: a failure in between loses nothing.
    pending: Vec<Entry>,
    read_at: Instant,
    is_caught_up: bool,
    edges_at: Time,
    edges_checked: Option<Instant>,
    ranked: Option<(Instant, u64)>,
}

/// What a batch of events asks to be looked up.
#[derive(Debug, Default)]
struct Changes {
    clips: BTreeSet<ClipId>,
    accounts: BTreeSet<AccountId>,
    counted: BTreeSet<ClipId>,
}

impl Follower {
    /// Reads on from where a load left off.
    pub(crate) fn new(pool: PgPool, place: Place) -> Self {
        let offset: Offset = place.snapshot.offset;
        Self {
            reader: Reader::new(pool, offset),
            snapshot: place.snapshot,
            pending: Vec::new(),
            read_at: Instant::now(),
            is_caught_up: false,
            edges_at: place.at,
            edges_checked: None,
            ranked: None,
        }
    }

    /// Never ends. A failure is logged and tried again; what it means for answers is the freshness'
    /// business.
    pub(crate) async fn follow(&mut self, feed: &Feed) {
        loop {
            if let Err(error) = self.step(feed).await {
                tracing::warn!(error = %estrade_http::problem::chain(&error), "the feed cannot follow the event log");
                tokio::time::sleep(RETRY_AFTER).await;
            }
            feed.measure();
        }
    }

    async fn step(&mut self, feed: &Feed) -> Result<(), DbError> {
        if self.pending.is_empty() {
            let read_at = Instant::now();
            self.pending = self.reader.next_batch(BATCH_MAX).await?;
            self.read_at = read_at;
            self.is_caught_up = i64::try_from(self.pending.len()).unwrap_or(i64::MAX) < BATCH_MAX;
        }
        self.apply(feed).await?;
        self.pending.clear();
        self.check_edges(feed).await?;
        if self.is_caught_up {
            feed.confirm_fresh(self.read_at);
        }
        self.rank(feed);
        Ok(())
    }

    /// Looks up first, changes memory after: a batch applied twice is harmless up to there.
    async fn apply(&mut self, feed: &Feed) -> Result<(), DbError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let changes = changes_of(&self.pending);
        let mut conn = feed.conn().await?;
        let clips = clips_of(feed, &mut conn, &changes).await?;
        reload_clips(&mut conn, feed.memory(), feed.metrics(), &clips).await?;
        let counted: Vec<ClipId> = changes.counted.iter().copied().collect();
        let counts = load_counts(&mut conn, &counted).await?;
        drop(conn);
        {
            let mut world = feed.memory().world_mut();
            for (id, counts) in counts {
                world.set_counts(id, counts);
            }
        }
        for entry in &self.pending {
            // The load has learned from these already.
            let is_new = !self.snapshot.has_seen(entry.offset.xact);
            note(feed, &entry.event, is_new);
        }
        Ok(())
    }

    async fn check_edges(&mut self, feed: &Feed) -> Result<(), DbError> {
        if self.edges_checked.is_some_and(|at| at.elapsed() < EDGES_EVERY) {
            return Ok(());
        }
        let mut conn = feed.conn().await?;
        let (now, clips) = list_restriction_edges(&mut conn, self.edges_at).await?;
        reload_clips(&mut conn, feed.memory(), feed.metrics(), &clips).await?;
        self.edges_at = now;
        self.edges_checked = Some(Instant::now());
        Ok(())
    }

    fn rank(&mut self, feed: &Feed) {
        let version = feed.memory().world().version();
        let is_due = self.ranked.is_none_or(|(at, ranked)| ranked != version && at.elapsed() >= RANKINGS_EVERY);
        if !is_due {
            return;
        }
        let rankings = Rankings::of(&feed.memory().world());
        let mut world = feed.memory().world_mut();
        world.set_rankings(rankings);
        self.ranked = Some((Instant::now(), world.version()));
    }
}

fn changes_of(entries: &[Entry]) -> Changes {
    let mut changes = Changes::default();
    for entry in entries {
        match &entry.event {
            Event::ClipChanged { clip_id } => drop(changes.clips.insert(*clip_id)),
            Event::AccountChanged { account_id } => drop(changes.accounts.insert(*account_id)),
            Event::ViewerEvents { events, .. } => changes.counted.extend(events.iter().map(|event| event.clip_id)),
            Event::LikeChanged { clip_id, .. } => drop(changes.counted.insert(*clip_id)),
            Event::FollowChanged { .. } | Event::ViewerMerged { .. } => {}
        }
    }
    changes
}

/// The clips to look up: those named, and all of the accounts named, known here or not.
async fn clips_of(feed: &Feed, conn: &mut PgConnection, changes: &Changes) -> Result<Vec<ClipId>, DbError> {
    let mut clips = changes.clips.clone();
    if !changes.accounts.is_empty() {
        let accounts: Vec<AccountId> = changes.accounts.iter().copied().collect();
        clips.extend(list_published_ids_of(conn, &accounts).await?);
        let world = feed.memory().world();
        clips.extend(accounts.iter().flat_map(|&account| world.catalogue.ids_of(account)));
    }
    Ok(clips.into_iter().collect())
}

/// Notes in memory what an event says of viewers.
fn note(feed: &Feed, event: &Event, is_new: bool) {
    match event {
        Event::ViewerEvents { viewer_id, is_profiled: true, events } if is_new => {
            note_watched(feed, *viewer_id, events);
        }
        Event::LikeChanged { viewer_id, clip_id, is_liked, is_profiled, .. } => {
            note_like(feed, *viewer_id, *clip_id, *is_liked, *is_profiled && is_new);
        }
        Event::FollowChanged { viewer_id, creator_id, is_following, .. } => {
            note_follow(feed, *viewer_id, *creator_id, *is_following);
        }
        Event::ViewerMerged { from, into } => {
            feed.memory().viewers.remove(*from);
            feed.memory().viewers.remove(*into);
        }
        Event::ViewerEvents { .. } | Event::ClipChanged { .. } | Event::AccountChanged { .. } => {}
    }
}

fn note_watched(feed: &Feed, viewer_id: ViewerId, events: &[WatchEvent]) {
    let viewer = feed.memory().viewers.get(viewer_id);
    let mut viewer = lock(&viewer);
    viewer.changes += 1;
    let mut world = feed.memory().world_mut();
    for event in events {
        if let Some(row) = world.catalogue.row(event.clip_id) {
            learn_act(&mut world, &mut viewer.state, row, event);
        }
    }
}

fn note_like(feed: &Feed, viewer_id: ViewerId, clip_id: ClipId, is_liked: bool, is_learned: bool) {
    let viewer = feed.memory().viewers.get(viewer_id);
    let mut viewer = lock(&viewer);
    viewer.changes += 1;
    if let Some(relations) = &mut viewer.relations {
        if is_liked {
            relations.liked.insert(clip_id);
        } else {
            relations.liked.remove(&clip_id);
        }
    }
    if is_liked && is_learned {
        let now = feed.now();
        let mut world = feed.memory().world_mut();
        if let Some(row) = world.catalogue.row(clip_id) {
            learn_like(&mut world, &mut viewer.state, row, now);
        }
    }
}

fn note_follow(feed: &Feed, viewer_id: ViewerId, creator_id: AccountId, is_following: bool) {
    let Some(viewer) = feed.memory().viewers.find(viewer_id) else { return };
    let mut viewer = lock(&viewer);
    viewer.changes += 1;
    let Some(relations) = &mut viewer.relations else { return };
    if is_following {
        relations.followed.insert(creator_id);
    } else {
        relations.followed.remove(&creator_id);
    }
    let followed = relations.followed.iter().copied().collect();
    viewer.state.set_followed(followed);
}

//! From the database into memory: everything at start, a viewer when first met.

use std::sync::{Arc, Mutex};

use chrono::Duration;
use estrade_db::feed::{LoadSnapshot, begin_load, database_time, list_published_ids, load_clips, load_renditions};
use estrade_db::feed_viewers::{
    LikeOutcome, Outcome, Served, Watched, list_followed, list_liked, list_likes, list_not_interested, list_outcomes,
    list_served, list_watched,
};
use estrade_db::{DbError, Found, PgConnection, PgPool};
use estrade_domain::{AccountId, ClipId, Time, ViewerId};
use uuid::Uuid;

use crate::Feed;
use crate::learning::{learn_like, learn_outcome};
use crate::memory::Memory;
use crate::metrics::FeedMetrics;
use crate::viewers::{NOT_INTERESTED_MAX, Relations, SEEN_LOAD_MAX, Viewer, ViewerState, lock};
use crate::world::{Clip, Rankings};

/// Clips loaded at a time.
const CLIPS_PER_READ: i64 = 1_000;
/// Outcomes and likes loaded at a time.
const OUTCOMES_PER_READ: i64 = 20_000;
/// What is older has faded: the long half-life has passed fifteen times.
const LEARNED_DAYS: i64 = 30;
/// What a viewer was shown so long ago may come again.
const SEEN_DAYS: i64 = 90;
/// Creators followed and clips liked that are kept of one viewer, the latest.
const RELATIONS_MAX: i64 = 20_000;
/// How often a viewer is loaded when it keeps changing meanwhile.
const LOAD_ATTEMPTS: u32 = 5;

/// Where a load leaves off: the follower reads on from here.
#[derive(Debug)]
pub(crate) struct Place {
    /// What the load has seen of the event log.
    pub(crate) snapshot: LoadSnapshot,
    /// The database's time before the load.
    pub(crate) at: Time,
}

/// Loads clips and what was learned, all of one moment.
pub(crate) async fn load_world(
    pool: &PgPool,
    memory: &Memory,
    metrics: &FeedMetrics,
    now: Time,
) -> Result<Place, DbError> {
    let mut conn = pool.acquire().await?;
    let at = database_time(&mut conn).await?;
    drop(conn);
    let (mut tx, snapshot) = begin_load(pool).await?;
    load_all_clips(&mut tx, memory, metrics).await?;
    let since = now - Duration::days(LEARNED_DAYS);
    load_outcomes(&mut tx, memory, since).await?;
    load_likes(&mut tx, memory, since).await?;
    tx.commit().await?;
    let rankings = Rankings::of(&memory.world());
    memory.world_mut().set_rankings(rankings);
    Ok(Place { snapshot, at })
}

async fn load_all_clips(conn: &mut PgConnection, memory: &Memory, metrics: &FeedMetrics) -> Result<(), DbError> {
    let mut after = ClipId(Uuid::nil());
    loop {
        let ids = list_published_ids(conn, after, CLIPS_PER_READ).await?;
        let Some(&last) = ids.last() else { return Ok(()) };
        after = last;
        reload_clips(conn, memory, metrics, &ids).await?;
    }
}

/// Looks clips up and puts them as they stand now in the place of what was known. What cannot be read is not shown.
pub(crate) async fn reload_clips(
    conn: &mut PgConnection,
    memory: &Memory,
    metrics: &FeedMetrics,
    ids: &[ClipId],
) -> Result<(), DbError> {
    for ids in ids.chunks(usize::try_from(CLIPS_PER_READ).unwrap_or(usize::MAX)) {
        let Found { rows, unreadable } = load_clips(conn, ids).await?;
        for error in unreadable {
            tracing::error!(error = %error, "a clip is left out of the feeds");
            metrics.unreadable_clips.inc();
        }
        let versions: Vec<_> = rows.iter().map(|row| row.media.version_id).collect();
        let clips = Clip::from_rows(rows, load_renditions(conn, &versions).await?);
        let mut world = memory.world_mut();
        let found: std::collections::HashSet<ClipId> = clips.iter().map(|clip| clip.id).collect();
        ids.iter().filter(|id| !found.contains(id)).for_each(|&id| world.remove(id));
        for clip in clips {
            world.put(clip);
        }
    }
    Ok(())
}

async fn load_outcomes(conn: &mut PgConnection, memory: &Memory, since: Time) -> Result<(), DbError> {
    let mut after = (ViewerId(Uuid::nil()), ClipId(Uuid::nil()));
    let mut of_viewer: Vec<Outcome> = Vec::new();
    loop {
        let outcomes = list_outcomes(conn, after, since, OUTCOMES_PER_READ).await?;
        let Some(last) = outcomes.last() else { break };
        after = (last.viewer_id, last.clip_id);
        for outcome in outcomes {
            if of_viewer.last().is_some_and(|before| before.viewer_id != outcome.viewer_id) {
                learn_viewer(memory, &mut of_viewer);
            }
            of_viewer.push(outcome);
        }
    }
    learn_viewer(memory, &mut of_viewer);
    Ok(())
}

/// Learns what one viewer did, in the order it was done.
fn learn_viewer(memory: &Memory, outcomes: &mut Vec<Outcome>) {
    outcomes.sort_by_key(|outcome| outcome.at);
    let mut viewer = ViewerState::default();
    let mut world = memory.world_mut();
    for outcome in outcomes.drain(..) {
        if let Some(row) = world.catalogue.row(outcome.clip_id) {
            learn_outcome(&mut world, &mut viewer, row, &outcome);
        }
    }
}

async fn load_likes(conn: &mut PgConnection, memory: &Memory, since: Time) -> Result<(), DbError> {
    let mut after = (AccountId(Uuid::nil()), ClipId(Uuid::nil()));
    let mut of_account: Vec<LikeOutcome> = Vec::new();
    loop {
        let likes = list_likes(conn, after, since, OUTCOMES_PER_READ).await?;
        let Some(last) = likes.last() else { break };
        after = (last.account_id, last.clip_id);
        for like in likes {
            if of_account.last().is_some_and(|before| before.account_id != like.account_id) {
                learn_account(memory, &mut of_account);
            }
            of_account.push(like);
        }
    }
    learn_account(memory, &mut of_account);
    Ok(())
}

fn learn_account(memory: &Memory, likes: &mut Vec<LikeOutcome>) {
    likes.sort_by_key(|like| like.at);
    let mut viewer = ViewerState::default();
    let mut world = memory.world_mut();
    for like in likes.drain(..) {
        if let Some(row) = world.catalogue.row(like.clip_id) {
            learn_like(&mut world, &mut viewer, row, like.at);
        }
    }
}

/// What of a viewer is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Follows and likes: what may be shown and how it is marked.
    Relations,
    /// What was seen and liked, too: what ranking uses.
    State,
    /// The same, looked up again: another process may have served the viewer meanwhile.
    StateAnew,
}

#[derive(Debug, Default)]
struct ViewerRows {
    followed: Vec<AccountId>,
    liked: Vec<ClipId>,
    served: Vec<Served>,
    watched: Vec<Watched>,
    not_interested: Vec<(ClipId, Time)>,
}

/// The viewer with what is needed of it, from memory or else from the database.
pub(crate) async fn ensure_viewer(
    feed: &Feed,
    id: ViewerId,
    account: Option<AccountId>,
    need: Need,
) -> Result<Arc<Mutex<Viewer>>, DbError> {
    let viewer = feed.memory().viewers.get(id);
    for attempt in 1..=LOAD_ATTEMPTS {
        let changes = {
            let viewer = lock(&viewer);
            if has_enough(&viewer, need) {
                drop(viewer);
                break;
            }
            viewer.changes
        };
        let rows = read_viewer(feed, id, account, need).await?;
        let mut viewer = lock(&viewer);
        // What an event told meanwhile may be missing in what was read: read again, but not for ever.
        if viewer.changes == changes || attempt == LOAD_ATTEMPTS {
            restore(feed, &mut viewer, need, &rows);
            break;
        }
    }
    Ok(viewer)
}

fn has_enough(viewer: &Viewer, need: Need) -> bool {
    match need {
        Need::Relations => viewer.relations.is_some(),
        Need::State => viewer.relations.is_some() && viewer.is_state_loaded && !viewer.state.is_overfull(),
        Need::StateAnew => false,
    }
}

async fn read_viewer(feed: &Feed, id: ViewerId, account: Option<AccountId>, need: Need) -> Result<ViewerRows, DbError> {
    let mut conn = feed.conn().await?;
    let mut rows = ViewerRows::default();
    if let Some(account) = account {
        rows.followed = list_followed(&mut conn, account, RELATIONS_MAX).await?;
        rows.liked = list_liked(&mut conn, account, RELATIONS_MAX).await?;
    }
    if need != Need::Relations {
        let since = feed.now() - Duration::days(SEEN_DAYS);
        let not_interested_max = i64::try_from(NOT_INTERESTED_MAX).unwrap_or(i64::MAX);
        rows.served = list_served(&mut conn, id, since, SEEN_LOAD_MAX).await?;
        rows.watched = list_watched(&mut conn, id, since, SEEN_LOAD_MAX).await?;
        rows.not_interested = list_not_interested(&mut conn, id, since, not_interested_max).await?;
    }
    Ok(rows)
}

fn restore(feed: &Feed, viewer: &mut Viewer, need: Need, rows: &ViewerRows) {
    viewer.relations = Some(Relations {
        followed: rows.followed.iter().copied().collect(),
        liked: rows.liked.iter().copied().collect(),
    });
    if need == Need::Relations {
        return;
    }
    let mut world = feed.memory().world_mut();
    let mut state = ViewerState::default();
    state.set_followed(rows.followed.clone());
    rows.liked.iter().rev().for_each(|&clip| state.restore_like(world.intern(clip)));
    rows.watched.iter().rev().for_each(|watched| state.restore_watched(world.intern(watched.clip_id), watched));
    for served in rows.served.iter().rev() {
        state.note_served(world.intern(served.clip_id), served.slate_id, served.at);
    }
    for &(clip, at) in rows.not_interested.iter().rev() {
        let row = world.intern(clip);
        state.note_watched(row);
        if let Some(clip) = world.catalogue.clip(row) {
            state.note_not_interested(clip.creator_id, at);
        }
    }
    viewer.state = state;
    viewer.is_state_loaded = true;
}

//! From places in memory to an answer: every serving is written before it is answered, in one
//! statement a page. When the database cannot take it, there is no page: a serving that was shown
//! but not kept could never be learned from.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use estrade_db::DbError;
use estrade_db::feed::FeedCounts;
use estrade_db::feed_servings::{NewServing, ServingPage, insert_servings};
use estrade_domain::{Audience, ClipId, ServedId, SlateId, Time, ViewerId};
use estrade_http::clip_body::{ClipBody, ClipFacts, CountsBody, ViewerFlags};

use crate::Feed;
use crate::parameters::VERSION;
use crate::pipeline::{SourceKind, TopTerm};
use crate::reason::Reason;
use crate::viewers::{Viewer, lock};
use crate::wire::{ItemBody, PageBody, StartBody};
use crate::world::{Clip, Row, Start};

/// What all servings of a page share.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// `for_you`, `following` or `trending`.
    pub(crate) feed: &'static str,
    /// The slate the page is a slice of.
    pub(crate) slate_id: SlateId,
    /// Who is served.
    pub(crate) viewer_id: ViewerId,
    /// Whether the viewer's state is used and what is served remembered.
    pub(crate) is_profiled: bool,
    /// The page is of creators its viewer follows.
    pub(crate) is_followed: bool,
    /// Now.
    pub(crate) now: Time,
}

/// A clip of a page.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The clip.
    pub(crate) row: Row,
    /// Its place.
    pub(crate) position: u32,
    /// Where it came from.
    pub(crate) source: SourceKind,
    /// Why.
    pub(crate) reason: Reason,
    /// What moved its score most.
    pub(crate) terms: Vec<TopTerm>,
    /// Probability that it got this place.
    pub(crate) propensity: f32,
}

/// A choice with what is shown of its clip, as it stands this moment.
struct Item {
    served_id: ServedId,
    choice: Choice,
    clip_id: ClipId,
    facts: Arc<ClipFacts>,
    starts: Arc<[Start]>,
    counts: FeedCounts,
    class: Audience,
    flags: ViewerFlags,
}

/// Serves a page: keeps its servings, remembers them, and makes its JSON.
pub(crate) async fn serve_page(
    feed: &Feed,
    sheet: &Sheet,
    viewer: &Mutex<Viewer>,
    choices: Vec<Choice>,
    next_cursor: Option<String>,
) -> Result<PageBody, DbError> {
    let items = look_up(feed, sheet, viewer, choices);
    let written = write(feed, sheet, &items).await?;
    let items: Vec<Item> = items.into_iter().filter(|item| written.contains(&item.served_id)).collect();
    if sheet.is_profiled {
        let mut viewer = lock(viewer);
        for item in &items {
            viewer.state.note_served(item.choice.row, sheet.slate_id, sheet.now);
        }
    }
    count(feed, &items);
    Ok(PageBody {
        items: items.iter().map(|item| body(feed, item, sheet.now)).collect(),
        next_cursor,
        prefetch_count: feed.args().prefetch_count,
        server_time: sheet.now,
    })
}

fn look_up(feed: &Feed, sheet: &Sheet, viewer: &Mutex<Viewer>, choices: Vec<Choice>) -> Vec<Item> {
    let viewer = lock(viewer);
    let world = feed.memory().world();
    let flags = |clip: &Clip| {
        viewer.relations.as_ref().map_or_else(ViewerFlags::default, |relations| ViewerFlags {
            liked: relations.liked.contains(&clip.id),
            following: relations.followed.contains(&clip.creator_id),
        })
    };
    choices
        .into_iter()
        .filter_map(|choice| {
            let clip = world.catalogue.clip(choice.row)?;
            Some(Item {
                served_id: ServedId::new(sheet.now, feed.entropy()),
                clip_id: clip.id,
                facts: Arc::clone(&clip.facts),
                starts: Arc::clone(&clip.starts),
                counts: clip.counts,
                class: clip.audience,
                flags: flags(clip),
                choice,
            })
        })
        .collect()
}

async fn write(feed: &Feed, sheet: &Sheet, items: &[Item]) -> Result<HashSet<ServedId>, DbError> {
    if items.is_empty() {
        return Ok(HashSet::new());
    }
    let page = ServingPage {
        slate_id: sheet.slate_id,
        viewer_id: sheet.viewer_id,
        feed: sheet.feed,
        parameters: VERSION,
        is_profiled: sheet.is_profiled,
        at: sheet.now,
        is_followed: sheet.is_followed,
    };
    let servings: Vec<NewServing> = items.iter().map(serving).collect();
    let mut conn = feed.conn().await?;
    Ok(insert_servings(&mut conn, &page, &servings).await?.into_iter().collect())
}

fn serving(item: &Item) -> NewServing {
    NewServing {
        id: item.served_id,
        clip_id: item.clip_id,
        position: i32::try_from(item.choice.position).unwrap_or(i32::MAX),
        source: item.choice.source.as_str(),
        reason: item.choice.reason.as_str(),
        // Names and numbers always serialise.
        terms: serde_json::to_value(&item.choice.terms).unwrap_or_default(),
        propensity: item.choice.propensity,
    }
}

fn count(feed: &Feed, items: &[Item]) {
    let explored = items.iter().filter(|item| item.choice.source == SourceKind::Trial).count();
    feed.metrics().servings.inc_by(items.len() as u64);
    feed.metrics().explored.inc_by(explored as u64);
}

fn body(feed: &Feed, item: &Item, now: Time) -> ItemBody {
    let FeedCounts { views, likes, comments, shares } = item.counts;
    let counts = CountsBody { views, likes, comments, shares };
    let start = item.facts.media.as_ref().map(|media| {
        let folder = feed.urls().folder(&item.facts.public_id, media.version, item.class, now);
        item.starts.iter().map(|start| start_body(&folder, start)).collect()
    });
    ItemBody {
        served_id: item.served_id.to_string(),
        reason: item.choice.reason.into(),
        clip: ClipBody::new(&item.facts, counts, item.flags, item.class, feed.urls(), now),
        start: start.unwrap_or_default(),
    }
}

fn start_body(folder: &str, start: &Start) -> StartBody {
    StartBody {
        height: start.height,
        bandwidth: start.bandwidth,
        init_url: format!("{folder}/{}/init.mp4", start.name),
        first_url: format!("{folder}/{}/s00000.m4s", start.name),
        first_bytes: start.first_bytes,
        first_ms: start.first_ms,
    }
}

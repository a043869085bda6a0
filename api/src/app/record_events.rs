use std::collections::HashMap;

use estrade_db::DbError;
use estrade_db::watching::{NewViewerEvent, RecordedEvent, Totals, hold_viewer, insert_events};
use estrade_domain::{AccountId, ServedId, ViewerId};
use estrade_events::{Event, WatchEvent, WatchKind};
use estrade_http::Result;

use crate::ApiState;

/// What became of one reported event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was new and counts.
    Accepted,
    /// Its id was known: nothing changed.
    Duplicate,
    /// There is no such clip, or the viewer may not know of it.
    UnknownClip,
}

/// Keeps what a viewer reports, moves totals and counters, and tells the event log what was new;
/// one outcome an event.
pub(crate) async fn record_events(
    api: &ApiState,
    viewer: ViewerId,
    account: Option<AccountId>,
    is_profiled: bool,
    events: &[NewViewerEvent],
) -> Result<Vec<Outcome>> {
    let mut tx = api.begin().await?;
    let viewer_id = hold_viewer(&mut tx, viewer).await?;
    let recorded = insert_events(&mut tx, viewer_id, account, events, api.now()).await?;
    let news = watch_events(events, &recorded);
    if !news.is_empty() {
        let event = Event::ViewerEvents { viewer_id, is_profiled, events: news };
        estrade_events::append(&mut tx, &event).await?;
    }
    tx.commit().await.map_err(DbError::from)?;
    let mut outcomes = vec![Outcome::UnknownClip; events.len()];
    for event in &recorded {
        outcomes[event.index] = if event.is_new { Outcome::Accepted } else { Outcome::Duplicate };
    }
    Ok(outcomes)
}

/// What the event log is told: each new event with what it added to the totals before it.
fn watch_events(events: &[NewViewerEvent], recorded: &[RecordedEvent]) -> Vec<WatchEvent> {
    let mut totals: HashMap<_, Totals> = HashMap::new();
    let mut news = Vec::new();
    for record in recorded.iter().filter(|record| record.is_new) {
        let event = &events[record.index];
        let Some(kind) = watch_kind(event.kind) else { continue };
        let known = totals.entry((record.clip_id, record.served_id)).or_insert(record.before);
        let before = *known;
        known.raise(kind, event);
        news.push(WatchEvent {
            kind,
            clip_id: record.clip_id,
            served_id: record.served_id.map(ServedId),
            watch_ms: known.watch_ms,
            watch_ms_added: known.watch_ms - before.watch_ms,
            loops: known.loops,
            is_newly_viewed: known.is_counted() && !before.is_counted(),
            at: event.at,
        });
    }
    news
}

trait Raise {
    /// Takes in one event as the database does.
    fn raise(&mut self, kind: WatchKind, event: &NewViewerEvent);
}

impl Raise for Totals {
    fn raise(&mut self, kind: WatchKind, event: &NewViewerEvent) {
        if matches!(kind, WatchKind::Share | WatchKind::NotInterested) {
            return;
        }
        self.watch_ms = self.watch_ms.max(event.watch_ms);
        self.loops = self.loops.max(event.loops);
        self.is_completed |= kind == WatchKind::Completion;
    }
}

/// Quality reports are for operators, not for the log.
fn watch_kind(name: &str) -> Option<WatchKind> {
    match name {
        "impression" => Some(WatchKind::Impression),
        "view" => Some(WatchKind::View),
        "completion" => Some(WatchKind::Completion),
        "skip" => Some(WatchKind::Skip),
        "share" => Some(WatchKind::Share),
        "not_interested" => Some(WatchKind::NotInterested),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use estrade_domain::{ClipId, PublicId, Time};
    use uuid::Uuid;

    use super::*;

    fn event(kind: &'static str, watch_ms: i32) -> NewViewerEvent {
        NewViewerEvent {
            event_id: String::new(),
            kind,
            clip: PublicId::from_random([0; 20]),
            served_id: None,
            at: Time::UNIX_EPOCH,
            watch_ms,
            position_ms: 0,
            loops: 0,
            quality: None,
        }
    }

    fn recorded(index: usize, is_new: bool, watch_ms: i32) -> RecordedEvent {
        let before = Totals { watch_ms, ..Totals::default() };
        RecordedEvent { index, is_new, clip_id: ClipId(Uuid::nil()), served_id: None, before }
    }

    fn added(events: &[NewViewerEvent], recorded: &[RecordedEvent]) -> Vec<(i32, bool)> {
        watch_events(events, recorded).iter().map(|event| (event.watch_ms_added, event.is_newly_viewed)).collect()
    }

    #[test]
    fn each_event_adds_what_is_above_the_highest_total() {
        let events = [event("view", 1500), event("view", 900), event("view", 2500), event("view", 4000)];
        let all_new: Vec<_> = (0..4).map(|index| recorded(index, true, 0)).collect();
        assert_eq!(added(&events, &all_new), [(1500, false), (0, false), (1000, true), (1500, false)]);
        let seen_before: Vec<_> = (0..4).map(|index| recorded(index, true, 3000)).collect();
        assert_eq!(added(&events, &seen_before), [(0, false), (0, false), (0, false), (1000, false)]);
    }

    #[test]
    fn duplicates_and_quality_reports_tell_nothing() {
        let events = [event("view", 2500), event("quality", 0), event("share", 9000)];
        let outcome = [recorded(0, false, 0), recorded(1, true, 0), recorded(2, true, 0)];
        assert_eq!(added(&events, &outcome), [(0, false)]);
    }

    #[test]
    fn completion_alone_counts_as_a_view() {
        assert_eq!(added(&[event("completion", 0)], &[recorded(0, true, 0)]), [(0, true)]);
    }
}

//! From acts to figures. Everything counts once a (viewer, clip): repeats teach nothing.

use estrade_db::feed_viewers::Outcome;
use estrade_domain::Time;
use estrade_events::{WatchEvent, WatchKind};

use crate::parameters::REWARDS;
use crate::viewers::{Act, ViewerState};
use crate::world::{Row, World};

/// A view counts from this much media time, milliseconds, or from one pass.
pub const VIEW_MIN_MS: i32 = 2_000;

/// Learns from one thing a viewer did. Whatever it is, the viewer has seen the clip; the clip
/// learns only from what a feed itself served, as a shared link can be pushed by anybody.
pub fn learn_act(world: &mut World, viewer: &mut ViewerState, row: Row, event: &WatchEvent) {
    viewer.note_watched(row);
    if event.kind == WatchKind::NotInterested {
        if let Some(clip) = world.catalogue.clip(row) {
            viewer.note_not_interested(clip.creator_id, event.at);
        }
        return;
    }
    if event.served_id.is_none() {
        return;
    }
    match event.kind {
        WatchKind::Impression => learn_impression(world, viewer, row),
        WatchKind::View if event.is_newly_viewed => learn_view(world, viewer, row, event.at),
        WatchKind::Completion => learn_completion(world, viewer, row, event.at),
        WatchKind::Skip => learn_judged(world, viewer, row),
        WatchKind::Share => learn_share(world, viewer, row, event.at),
        WatchKind::View | WatchKind::NotInterested => {}
    }
}

/// Learns from a like.
pub fn learn_like(world: &mut World, viewer: &mut ViewerState, row: Row, at: Time) {
    viewer.note_watched(row);
    if viewer.is_first(row, Act::Liked) {
        world.reward(row, REWARDS.like, at);
        learn_positive(world, viewer, row, at);
    }
}

/// Learns from what became of a clip with a viewer, as the database has kept it.
pub fn learn_outcome(world: &mut World, viewer: &mut ViewerState, row: Row, outcome: &Outcome) {
    viewer.note_watched(row);
    learn_impression(world, viewer, row);
    if outcome.watch_ms >= VIEW_MIN_MS || outcome.loops > 0 {
        learn_view(world, viewer, row, outcome.at);
    }
    if outcome.is_completed {
        learn_completion(world, viewer, row, outcome.at);
    }
    if outcome.is_skipped {
        learn_judged(world, viewer, row);
    }
}

fn learn_impression(world: &mut World, viewer: &mut ViewerState, row: Row) {
    if viewer.is_first(row, Act::Impressed) {
        world.count_impression(row);
    }
}

fn learn_judged(world: &mut World, viewer: &mut ViewerState, row: Row) {
    if viewer.is_first(row, Act::Judged) {
        world.count_judged(row);
    }
}

fn learn_view(world: &mut World, viewer: &mut ViewerState, row: Row, at: Time) {
    learn_judged(world, viewer, row);
    if viewer.is_first(row, Act::Viewed) {
        world.reward(row, REWARDS.view, at);
    }
}

fn learn_completion(world: &mut World, viewer: &mut ViewerState, row: Row, at: Time) {
    learn_judged(world, viewer, row);
    if viewer.is_first(row, Act::Completed) {
        world.count_completion(row);
        world.reward(row, REWARDS.completion, at);
        learn_positive(world, viewer, row, at);
    }
}

fn learn_share(world: &mut World, viewer: &mut ViewerState, row: Row, at: Time) {
    if viewer.is_first(row, Act::Shared) {
        world.reward(row, REWARDS.share, at);
        learn_positive(world, viewer, row, at);
    }
}

fn learn_positive(world: &mut World, viewer: &mut ViewerState, row: Row, at: Time) {
    if viewer.note_positive(row) {
        world.count_positive(row, viewer.recent_before(row), at);
    }
}

#[cfg(test)]
mod tests {
    use estrade_domain::{ClipId, ServedId, ViewerId};
    use uuid::Uuid;

    use super::*;
    use crate::world::test_clips::{clip, start_of_time};

    fn event(kind: WatchKind, is_served: bool) -> WatchEvent {
        WatchEvent {
            kind,
            clip_id: ClipId(Uuid::from_u128(1)),
            served_id: is_served.then(|| ServedId(Uuid::nil())),
            watch_ms: 12_000,
            watch_ms_added: 12_000,
            loops: 1,
            is_newly_viewed: true,
            at: start_of_time(),
        }
    }

    fn world() -> (World, Row) {
        let mut world = World::default();
        world.put(clip(0, 1));
        world.put(clip(1, 2));
        (world, Row(0))
    }

    #[test]
    fn acting_twice_teaches_once() {
        let (mut world, row) = world();
        let mut viewer = ViewerState::default();
        let kinds = [WatchKind::Impression, WatchKind::View, WatchKind::Completion, WatchKind::Share];
        for kind in kinds.into_iter().chain(kinds) {
            learn_act(&mut world, &mut viewer, row, &event(kind, true));
        }
        learn_like(&mut world, &mut viewer, row, start_of_time());
        learn_like(&mut world, &mut viewer, row, start_of_time());
        let stats = world.stats(row);
        assert_eq!((stats.impressions, stats.judged, stats.completions, stats.positives), (1, 1, 1, 1));
        let worth = stats.now.value(start_of_time(), crate::parameters::HALF_LIFE_NOW_SECS);
        let expected = REWARDS.view + REWARDS.completion + REWARDS.like + REWARDS.share;
        assert!((worth - expected).abs() < 1e-6, "{worth}");
    }

    #[test]
    fn a_shared_link_marks_the_clip_seen_but_teaches_nothing() {
        let (mut world, row) = world();
        let mut viewer = ViewerState::default();
        learn_act(&mut world, &mut viewer, row, &event(WatchKind::Completion, false));
        assert!(viewer.has_watched(row));
        assert_eq!(world.stats(row).completions, 0);
    }

    #[test]
    fn live_events_and_the_stored_outcome_teach_the_same() {
        let (mut live, row) = world();
        let (mut loaded, _) = world();
        let mut viewer = ViewerState::default();
        for kind in [WatchKind::Impression, WatchKind::View, WatchKind::Completion] {
            learn_act(&mut live, &mut viewer, row, &event(kind, true));
        }
        let outcome = Outcome {
            viewer_id: ViewerId(Uuid::nil()),
            clip_id: ClipId(Uuid::from_u128(1)),
            is_completed: true,
            is_skipped: false,
            watch_ms: 12_000,
            loops: 1,
            at: start_of_time(),
        };
        learn_outcome(&mut loaded, &mut ViewerState::default(), row, &outcome);
        let (a, b) = (live.stats(row), loaded.stats(row));
        assert_eq!(
            (a.impressions, a.judged, a.completions, a.positives),
            (b.impressions, b.judged, b.completions, b.positives)
        );
        assert!((a.now.order() - b.now.order()).abs() < 1e-9);
    }

    #[test]
    fn finishing_one_clip_after_another_makes_them_neighbours() {
        let (mut world, one) = world();
        let mut viewer = ViewerState::default();
        learn_act(&mut world, &mut viewer, one, &event(WatchKind::Completion, true));
        learn_act(&mut world, &mut viewer, Row(1), &event(WatchKind::Completion, true));
        let of_one: Vec<Row> = world.neighbours(one, start_of_time()).map(|(row, _)| row).collect();
        assert_eq!(of_one, [Row(1)]);
    }
}

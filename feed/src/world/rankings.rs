use std::sync::Arc;

use super::{Row, World};
use crate::learning::ClipStats;

/// Recommendable clips in order of popularity, most popular first, ties newest first. Refreshed
/// every few seconds: it finds candidates, the scorers know the present.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rankings {
    /// By popularity with the short half-life; none before the first refresh.
    pub now: Option<Arc<[Row]>>,
    /// By popularity with the long half-life; none before the first refresh.
    pub lately: Option<Arc<[Row]>>,
}

impl Rankings {
    /// Ranks the clips of `world`.
    pub fn of(world: &World) -> Self {
        Self {
            now: Some(rank(world, |stats| stats.now.order())),
            lately: Some(rank(world, |stats| stats.lately.order())),
        }
    }
}

fn rank(world: &World, popularity: impl Fn(ClipStats) -> f64) -> Arc<[Row]> {
    // The walk is newest first and the sort stable: ties stay so.
    let mut ranked: Vec<(f64, Row)> = world.catalogue.newest().map(|row| (popularity(world.stats(row)), row)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::world::test_clips::{clip, start_of_time};

    #[test]
    fn what_was_popular_long_ago_ranks_behind_what_is_popular_now() {
        let mut world = World::default();
        (0..4).for_each(|number| world.put(clip(number, number)));
        let now = start_of_time() + Duration::days(10);
        (0..40).for_each(|_| world.reward(Row(0), 1.0, now - Duration::days(4)));
        (0..2).for_each(|_| world.reward(Row(1), 1.0, now));
        let rankings = Rankings::of(&world);
        assert_eq!(rankings.now.as_deref(), Some(&[Row(1), Row(0), Row(3), Row(2)][..]));
        assert_eq!(rankings.lately.as_deref(), Some(&[Row(0), Row(1), Row(3), Row(2)][..]));
    }
}

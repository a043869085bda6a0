//! The feed's memory: which clips there are, who may see them, and how they do.
//!
//! Rebuilt from PostgreSQL at start and kept up by the event log. One writer changes it for
//! moments at a time; everything here is plain values, nothing waits.

mod catalogue;
mod clip;
mod rankings;

use std::collections::BTreeSet;

use estrade_db::feed::FeedCounts;
use estrade_domain::{ClipId, Time};

pub use catalogue::{Catalogue, Key};
#[cfg(test)]
pub use clip::tests as test_clips;
pub use clip::{Clip, Start};
pub use rankings::Rankings;

use crate::learning::{ClipStats, LengthRates, Neighbours};
use crate::parameters::TRIAL_IMPRESSIONS;

/// A clip's place in memory; never given to another clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(pub u32);

impl Row {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Everything the pipelines read, but for the viewer.
#[derive(Debug, Default)]
pub struct World {
    /// The clips.
    pub catalogue: Catalogue,
    rankings: Rankings,
    neighbours: Neighbours,
    rates: LengthRates,
    stats: Vec<ClipStats>,
    trials: BTreeSet<(u32, Row)>,
    version: u64,
}

impl World {
    /// Raised with every change: two equal versions are the same world.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Clips in order of popularity.
    pub fn rankings(&self) -> &Rankings {
        &self.rankings
    }

    /// Sets the order of popularity.
    pub fn set_rankings(&mut self, rankings: Rankings) {
        self.version += u64::from(self.rankings != rankings);
        self.rankings = rankings;
    }

    /// The place of a clip in memory, known or not yet.
    pub fn intern(&mut self, id: ClipId) -> Row {
        let row = self.catalogue.intern(id);
        if self.stats.len() <= row.index() {
            self.stats.resize(row.index() + 1, ClipStats::default());
        }
        row
    }

    /// Puts a clip in, or in the place of what was known of it.
    pub fn put(&mut self, clip: Clip) {
        self.version += 1;
        let row = self.intern(clip.id);
        self.trials.remove(&(self.stats(row).impressions, row));
        self.catalogue.put(row, clip);
        self.enter_trial(row);
    }

    /// Takes a clip out: nothing offers it any more. What was learned stays, should it come back.
    pub fn remove(&mut self, id: ClipId) {
        let Some(row) = self.catalogue.row(id) else { return };
        self.version += 1;
        self.trials.remove(&(self.stats(row).impressions, row));
        self.catalogue.remove(row);
    }

    /// Sets a clip's public counts.
    pub fn set_counts(&mut self, id: ClipId, counts: FeedCounts) {
        if let Some(clip) = self.catalogue.row(id).and_then(|row| self.catalogue.clip_mut(row)) {
            self.version += u64::from(clip.counts != counts);
            clip.counts = counts;
        }
    }

    /// How a clip does.
    pub fn stats(&self, row: Row) -> ClipStats {
        self.stats.get(row.index()).copied().unwrap_or_default()
    }

    /// The share of viewers who reach the clip's end, shrunk towards clips of like length.
    pub fn completion_rate(&self, row: Row) -> f64 {
        let bucket = self.catalogue.clip(row).map_or(0, |clip| clip.length_bucket);
        self.rates.completion_rate(&self.stats(row), bucket)
    }

    /// What goes with a clip.
    pub fn neighbours(&self, row: Row, now: Time) -> impl Iterator<Item = (Row, f64)> + '_ {
        self.neighbours.of(row, now)
    }

    /// Clips on trial, the least shown first.
    pub fn trials(&self) -> impl Iterator<Item = Row> + '_ {
        self.trials.iter().map(|&(_, row)| row)
    }

    /// One more viewer had the clip on their screen.
    pub fn count_impression(&mut self, row: Row) {
        self.trials.remove(&(self.stats(row).impressions, row));
        self.change(row, |stats| stats.impressions = stats.impressions.saturating_add(1));
        self.enter_trial(row);
    }

    /// One more viewer watched or skipped the clip.
    pub fn count_judged(&mut self, row: Row) {
        let bucket = self.catalogue.clip(row).map_or(0, |clip| clip.length_bucket);
        self.change(row, |stats| stats.judged = stats.judged.saturating_add(1));
        self.rates.count_judged(bucket);
    }

    /// One more viewer reached the clip's end.
    pub fn count_completion(&mut self, row: Row) {
        let bucket = self.catalogue.clip(row).map_or(0, |clip| clip.length_bucket);
        self.change(row, |stats| stats.completions = stats.completions.saturating_add(1));
        self.rates.count_completion(bucket);
    }

    /// Adds to the clip's popularity.
    pub fn reward(&mut self, row: Row, weight: f64, at: Time) {
        self.change(row, |stats| stats.reward(weight, at));
    }

    /// A viewer liked, shared or finished the clip, having lately done so with those `before`.
    pub fn count_positive(&mut self, row: Row, before: impl Iterator<Item = Row>, at: Time) {
        self.change(row, |stats| stats.positives = stats.positives.saturating_add(1));
        self.neighbours.count(before, row, at);
    }

    fn change(&mut self, row: Row, change: impl FnOnce(&mut ClipStats)) {
        if let Some(stats) = self.stats.get_mut(row.index()) {
            change(stats);
            self.version += 1;
        }
    }

    fn enter_trial(&mut self, row: Row) {
        let impressions = self.stats(row).impressions;
        let is_offered = self.catalogue.clip(row).is_some_and(|clip| clip.is_recommendable);
        if is_offered && impressions < TRIAL_IMPRESSIONS {
            self.trials.insert((impressions, row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::test_clips::clip;

    #[test]
    fn a_clip_leaves_its_trial_when_it_was_shown_enough_and_when_it_is_hidden() {
        let mut world = World::default();
        world.put(clip(1, 1));
        world.put(clip(2, 1));
        let (one, two) = (world.intern(clip(1, 1).id), world.intern(clip(2, 1).id));
        world.count_impression(one);
        assert_eq!(world.trials().collect::<Vec<_>>(), [two, one]);
        for _ in 1..TRIAL_IMPRESSIONS {
            world.count_impression(one);
        }
        assert_eq!(world.trials().collect::<Vec<_>>(), [two]);
        world.put(Clip { is_recommendable: false, ..clip(2, 1) });
        assert_eq!(world.trials().count(), 0);
    }

    #[test]
    fn what_was_learned_survives_a_clip_that_goes_and_comes_back() {
        let mut world = World::default();
        world.put(clip(1, 1));
        let row = world.intern(clip(1, 1).id);
        world.count_judged(row);
        world.remove(clip(1, 1).id);
        assert!(world.catalogue.clip(row).is_none());
        world.put(clip(1, 1));
        assert_eq!(world.intern(clip(1, 1).id), row);
        assert_eq!(world.stats(row).judged, 1);
    }
}

//! Clips the same viewers liked or finished: counted with every act, so the next page knows.

use std::collections::HashMap;

use estrade_domain::Time;

use super::decay::DecayedSum;
use crate::parameters::HALF_LIFE_NEIGHBOURS_SECS;
use crate::world::Row;

/// Neighbours kept of one clip; the weakest goes first.
const NEIGHBOURS_MAX: usize = 64;
/// How much an act ties clips to what came before it …
const FORWARD: f64 = 1.0;
/// … and the other way round.
const BACKWARD: f64 = 0.5;

/// Which clips go with which.
#[derive(Debug, Default)]
pub struct Neighbours(HashMap<Row, Vec<(Row, DecayedSum)>>);

impl Neighbours {
    /// A viewer liked or finished `row`, having lately liked or finished `before`.
    pub fn count(&mut self, before: impl Iterator<Item = Row>, row: Row, at: Time) {
        for earlier in before.filter(|&earlier| earlier != row) {
            self.tie(earlier, row, FORWARD, at);
            self.tie(row, earlier, BACKWARD, at);
        }
    }

    fn tie(&mut self, from: Row, to: Row, weight: f64, at: Time) {
        let ties = self.0.entry(from).or_default();
        if let Some((_, sum)) = ties.iter_mut().find(|(row, _)| *row == to) {
            sum.add(weight, at, HALF_LIFE_NEIGHBOURS_SECS);
            return;
        }
        drop_weakest(ties);
        let mut sum = DecayedSum::default();
        sum.add(weight, at, HALF_LIFE_NEIGHBOURS_SECS);
        ties.push((to, sum));
    }

    /// What goes with `row`, and how strongly at `now`.
    pub fn of(&self, row: Row, now: Time) -> impl Iterator<Item = (Row, f64)> + '_ {
        let ties = self.0.get(&row).map(Vec::as_slice).unwrap_or_default();
        ties.iter().map(move |&(to, sum)| (to, sum.value(now, HALF_LIFE_NEIGHBOURS_SECS)))
    }
}

fn drop_weakest(ties: &mut Vec<(Row, DecayedSum)>) {
    if ties.len() < NEIGHBOURS_MAX {
        return;
    }
    let weakest = ties.iter().enumerate().min_by(|(_, a), (_, b)| a.1.order().total_cmp(&b.1.order()));
    if let Some((index, _)) = weakest {
        ties.swap_remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_tied_more_strongly_than_what_came_before() {
        let mut neighbours = Neighbours::default();
        let now = Time::UNIX_EPOCH + chrono::Duration::days(20_000);
        neighbours.count([Row(1), Row(2)].into_iter(), Row(2), now);
        let of = |row| neighbours.of(Row(row), now).collect::<Vec<_>>();
        assert_eq!((of(1).len(), of(2).len()), (1, 1));
        assert!((of(1)[0].1 - FORWARD).abs() < 1e-6 && (of(2)[0].1 - BACKWARD).abs() < 1e-6);
    }

    #[test]
    fn the_weakest_neighbour_makes_room() {
        let mut neighbours = Neighbours::default();
        let start = Time::UNIX_EPOCH + chrono::Duration::days(20_000);
        for other in 1..=u32::try_from(NEIGHBOURS_MAX).expect("small") + 1 {
            neighbours.count(std::iter::once(Row(0)), Row(other), start + chrono::Duration::hours(other.into()));
        }
        let rows: Vec<Row> = neighbours.of(Row(0), start).map(|(row, _)| row).collect();
        assert_eq!(rows.len(), NEIGHBOURS_MAX);
        assert!(!rows.contains(&Row(1)));
    }
}

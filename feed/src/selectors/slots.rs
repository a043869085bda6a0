use estrade_domain::AccountId;
use rand::Rng;
use rand::rngs::StdRng;

use super::Spacing;
use crate::parameters::{TRIAL_EVERY, TRIAL_PLACE};
use crate::pipeline::{Candidate, Entry, Mode, Query, Selector, SourceKind, to_f32};
use crate::world::{Row, World};

/// Best first, creators apart, and every tenth place to a clip on trial.
#[derive(Debug)]
pub struct Slots;

/// Whether a place goes to a clip on trial, when there is one.
fn is_trial_place(position: u32) -> bool {
    position % TRIAL_EVERY == TRIAL_PLACE
}

/// A candidate with what selecting asks of it again and again.
struct Contender {
    candidate: Candidate,
    creator: AccountId,
    impressions: u32,
}

impl<M: Mode> Selector<M> for Slots {
    fn select(&self, query: &Query<'_, M>, world: &World, candidates: Vec<Candidate>, rng: &mut StdRng) -> Vec<Entry> {
        let (mut trials, mut ranked): (Vec<_>, Vec<_>) =
            contenders(world, candidates).partition(|contender| contender.candidate.source == SourceKind::Trial);
        rank(world, &mut ranked);
        let mut spacing = Spacing::after(query.request.previous);
        let mut entries = Vec::with_capacity(query.request.limit.min(ranked.len()));
        for position in (query.request.position..).take(query.request.limit) {
            let explored =
                if is_trial_place(position) { draw_trial(&mut trials, &ranked, &spacing, rng) } else { None };
            let Some((chosen, propensity)) = explored.or_else(|| take_best(&mut ranked, &spacing)) else { break };
            spacing.push(chosen.creator);
            let row = chosen.candidate.row;
            forget(&mut trials, row);
            forget(&mut ranked, row);
            let Candidate { source, terms, .. } = chosen.candidate;
            entries.push(Entry { row, source, propensity, terms: terms.top() });
        }
        entries
    }
}

fn contenders(world: &World, candidates: Vec<Candidate>) -> impl Iterator<Item = Contender> + '_ {
    candidates.into_iter().filter_map(|candidate| {
        let creator = world.catalogue.clip(candidate.row)?.creator_id;
        let impressions = world.stats(candidate.row).impressions;
        Some(Contender { candidate, creator, impressions })
    })
}

/// Best first; of equals the newest.
fn rank(world: &World, ranked: &mut [Contender]) {
    let published_at =
        |contender: &Contender| world.catalogue.clip(contender.candidate.row).map(|clip| clip.published_at);
    ranked.sort_by(|a, b| {
        let by_score = b.candidate.terms.score().total_cmp(&a.candidate.terms.score());
        by_score.then_with(|| published_at(b).cmp(&published_at(a))).then_with(|| b.candidate.row.cmp(&a.candidate.row))
    });
}

/// The best whose creator may come now; when none may, the one whose creator is longest back.
fn take_best(ranked: &mut Vec<Contender>, spacing: &Spacing) -> Option<(Contender, f32)> {
    let allowed = ranked.iter().position(|contender| spacing.allows(contender.creator));
    let index = allowed.or_else(|| {
        let by_distance = |(index, contender): &(usize, &Contender)| {
            (spacing.places_since(contender.creator), std::cmp::Reverse(*index))
        };
        ranked.iter().enumerate().max_by_key(by_distance).map(|(index, _)| index)
    })?;
    Some((ranked.remove(index), 1.0))
}

/// Draws a clip on trial, the less shown the likelier, and says how likely it was. Clips on trial
/// keep their creators apart like others; where nobody can, the farthest back may come.
fn draw_trial(
    trials: &mut Vec<Contender>,
    ranked: &[Contender],
    spacing: &Spacing,
    rng: &mut StdRng,
) -> Option<(Contender, f32)> {
    let allows = |contender: &Contender| spacing.allows(contender.creator);
    let places_since = |contender: &Contender| spacing.places_since(contender.creator);
    let is_any_allowed = trials.iter().any(allows);
    if !is_any_allowed && ranked.iter().any(allows) {
        return None;
    }
    let farthest = trials.iter().map(places_since).max()?;
    let may_come =
        |contender: &Contender| if is_any_allowed { allows(contender) } else { places_since(contender) == farthest };
    let weight = |contender: &Contender| 1.0 / (1.0 + f64::from(contender.impressions));
    let weights: Vec<f64> =
        trials.iter().map(|contender| if may_come(contender) { weight(contender) } else { 0.0 }).collect();
    let sum: f64 = weights.iter().sum();
    let mut left = rng.random::<f64>() * sum;
    let drawn = weights.iter().position(|weight| {
        left -= weight;
        *weight > 0.0 && left < 0.0
    });
    // Rounding may leave a crumb: it belongs to the last that could be drawn.
    let index = drawn.or_else(|| weights.iter().rposition(|weight| *weight > 0.0))?;
    let propensity = to_f32(weights[index] / sum);
    Some((trials.remove(index), propensity))
}

/// A clip that got one place gets no other.
fn forget(contenders: &mut Vec<Contender>, row: Row) {
    if let Some(index) = contenders.iter().position(|contender| contender.candidate.row == row) {
        contenders.remove(index);
    }
}

#[cfg(test)]
mod tests;

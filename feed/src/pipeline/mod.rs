//! From a query to a stretch of a slate: sources bring candidates, hydrators look up what scoring
//! needs, filters take out what may not be offered, scorers say what each is worth, the selector
//! puts them in order.
//!
//! Each component says what its own failure means: the others go on without it, or there is no
//! answer at all. Without profiling there is no viewer state in the query: components that use it
//! do not fit into that pipeline, which the compiler checks.

mod candidate;
mod component;
mod query;

use rand::rngs::StdRng;

pub use candidate::{Candidate, Entry, SourceKind, Term, TopTerm, to_f32};
pub use component::{ComponentError, Filter, Hydrator, OnFailure, Scorer, Selector, Source};
pub use query::{Mode, Nobody, Open, Personal, Query, Request, Round, Watcher};

use crate::world::World;

/// The stages, in order.
pub struct Pipeline<M: Mode> {
    /// Where candidates come from; of one clip from two sources the earlier source's stays.
    pub sources: Vec<Box<dyn Source<M>>>,
    /// What is looked up of each candidate.
    pub hydrators: Vec<Box<dyn Hydrator<M>>>,
    /// What may not be offered.
    pub filters: Vec<Box<dyn Filter<M>>>,
    /// What each is worth.
    pub scorers: Vec<Box<dyn Scorer<M>>>,
    /// Who stands where.
    pub selector: Box<dyn Selector<M>>,
}

/// What a run of the pipeline gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The next places of the slate; empty when nothing is left to offer.
    pub entries: Vec<Entry>,
    /// How many candidates each source brought.
    pub candidates: Vec<(SourceKind, usize)>,
    /// Components that failed and were done without.
    pub degraded: Vec<&'static str>,
}

/// A component without which there is no answer failed.
#[derive(Debug, thiserror::Error)]
#[error("the feed cannot do without its {component}")]
pub struct Closed {
    /// The component.
    pub component: &'static str,
    /// What went wrong.
    #[source]
    pub cause: ComponentError,
}

impl<M: Mode> Pipeline<M> {
    /// Runs all stages.
    pub fn run(&self, query: &Query<'_, M>, world: &World, rng: &mut StdRng) -> Result<Outcome, Closed> {
        let mut outcome = Outcome::default();
        let mut candidates = self.collect(query, world, &mut outcome)?;
        for hydrator in &self.hydrators {
            let done = hydrator.hydrate(query, world, &mut candidates);
            settle(hydrator.name(), hydrator.on_failure(), done, &mut outcome)?;
        }
        let mut kept = self.filter(query, world, candidates, &mut outcome)?;
        for scorer in &self.scorers {
            let done = scorer.score(query, world, &mut kept);
            settle(scorer.name(), scorer.on_failure(), done, &mut outcome)?;
        }
        outcome.entries = self.selector.select(query, world, kept, rng);
        Ok(outcome)
    }

    fn collect(&self, query: &Query<'_, M>, world: &World, outcome: &mut Outcome) -> Result<Vec<Candidate>, Closed> {
        let mut candidates = Vec::new();
        let mut known = std::collections::HashSet::new();
        for source in &self.sources {
            let found = source.collect(query, world);
            let rows = settle(source.kind().as_str(), source.on_failure(), found, outcome)?.unwrap_or_default();
            outcome.candidates.push((source.kind(), rows.len()));
            // A clip on trial may be found by others too: it then has two ways onto the page, and
            // the selector lets it take one.
            let is_trial = source.kind() == SourceKind::Trial;
            let new = rows.into_iter().filter(|&row| is_trial || known.insert(row));
            candidates.extend(new.map(|row| Candidate::new(row, source.kind())));
        }
        Ok(candidates)
    }

    fn filter(
        &self,
        query: &Query<'_, M>,
        world: &World,
        candidates: Vec<Candidate>,
        outcome: &mut Outcome,
    ) -> Result<Vec<Candidate>, Closed> {
        let mut kept = candidates;
        for filter in &self.filters {
            let decisions: Result<Vec<bool>, _> = kept.iter().map(|c| filter.is_kept(query, world, c)).collect();
            let decisions = settle(filter.name(), filter.on_failure(), decisions, outcome)?;
            let Some(decisions) = decisions else { continue };
            let mut decisions = decisions.into_iter();
            kept.retain(|_| decisions.next().unwrap_or(false));
        }
        Ok(kept)
    }
}

/// What a component's failure means: nothing from it, or no answer.
fn settle<T>(
    component: &'static str,
    on_failure: OnFailure,
    done: Result<T, ComponentError>,
    outcome: &mut Outcome,
) -> Result<Option<T>, Closed> {
    match (done, on_failure) {
        (Ok(value), _) => Ok(Some(value)),
        (Err(cause), OnFailure::Degrade) => {
            tracing::warn!(component, %cause, "the feed goes on without a component");
            outcome.degraded.push(component);
            Ok(None)
        }
        (Err(cause), OnFailure::FailClosed) => Err(Closed { component, cause }),
    }
}

#[cfg(test)]
mod tests;

use rand::rngs::StdRng;

use super::{Candidate, Entry, Mode, Query, SourceKind};
use crate::world::{Row, World};

/// What a component's failure means for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The answer goes on without it.
    Degrade,
    /// No answer is better than one without it.
    FailClosed,
}

/// Why a component could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// What it reads has not been made yet.
    #[error("{0} is not there yet")]
    NotReady(&'static str),
    /// What it reads does not hold together.
    #[error("{0} does not hold together")]
    Inconsistent(&'static str),
}

/// Brings candidates.
pub trait Source<M: Mode>: Send + Sync {
    /// Which source it is.
    fn kind(&self) -> SourceKind;

    /// Other sources bring candidates too.
    fn on_failure(&self) -> OnFailure {
        OnFailure::Degrade
    }

    /// Clips, best first, without those seen.
    fn collect(&self, query: &Query<'_, M>, world: &World) -> Result<Vec<Row>, ComponentError>;
}

/// Looks up what scoring needs.
pub trait Hydrator<M: Mode>: Send + Sync {
    /// Its name in logs and metrics.
    fn name(&self) -> &'static str;

    /// What its failure means.
    fn on_failure(&self) -> OnFailure;

    /// Fills in features.
    fn hydrate(&self, query: &Query<'_, M>, world: &World, candidates: &mut [Candidate]) -> Result<(), ComponentError>;
}

/// Takes out what may not be offered.
pub trait Filter<M: Mode>: Send + Sync {
    /// Its name in logs and metrics.
    fn name(&self) -> &'static str;

    /// What its failure means; without a `Degrade` filter its candidates stay.
    fn on_failure(&self) -> OnFailure;

    /// Whether the candidate stays.
    fn is_kept(&self, query: &Query<'_, M>, world: &World, candidate: &Candidate) -> Result<bool, ComponentError>;
}

/// Says what candidates are worth.
pub trait Scorer<M: Mode>: Send + Sync {
    /// Its name in logs and metrics.
    fn name(&self) -> &'static str;

    /// What its failure means.
    fn on_failure(&self) -> OnFailure;

    /// Adds its terms.
    fn score(&self, query: &Query<'_, M>, world: &World, candidates: &mut [Candidate]) -> Result<(), ComponentError>;
}

/// Puts candidates in order. It cannot fail: whatever is there is put in some order.
pub trait Selector<M: Mode>: Send + Sync {
    /// At most the request's number of places, each clip once.
    fn select(&self, query: &Query<'_, M>, world: &World, candidates: Vec<Candidate>, rng: &mut StdRng) -> Vec<Entry>;
}

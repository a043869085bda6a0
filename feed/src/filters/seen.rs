use crate::pipeline::{Candidate, ComponentError, Filter, Mode, OnFailure, Query};
use crate::world::World;

/// Keeps what is not part of the slate yet and not seen by its viewer.
#[derive(Debug)]
pub struct Seen;

impl<M: Mode> Filter<M> for Seen {
    fn name(&self) -> &'static str {
        "seen"
    }

    fn on_failure(&self) -> OnFailure {
        OnFailure::FailClosed
    }

    fn is_kept(&self, query: &Query<'_, M>, _: &World, candidate: &Candidate) -> Result<bool, ComponentError> {
        Ok(!query.is_seen(candidate.row))
    }
}

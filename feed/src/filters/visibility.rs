use crate::pipeline::{Candidate, ComponentError, Filter, Mode, OnFailure, Query};
use crate::world::World;

/// Keeps what may be offered to people who did not ask for it. A clip that is not known is not kept.
#[derive(Debug)]
pub struct Visibility;

impl<M: Mode> Filter<M> for Visibility {
    fn name(&self) -> &'static str {
        "visibility"
    }

    fn on_failure(&self) -> OnFailure {
        OnFailure::FailClosed
    }

    fn is_kept(&self, _: &Query<'_, M>, world: &World, candidate: &Candidate) -> Result<bool, ComponentError> {
        Ok(world.catalogue.clip(candidate.row).is_some_and(|clip| clip.is_recommendable))
    }
}

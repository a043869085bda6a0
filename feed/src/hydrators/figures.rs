use crate::learning::fraction_left;
use crate::parameters::{HALF_LIFE_FRESH_SECS, HALF_LIFE_LATELY_SECS, HALF_LIFE_NOW_SECS};
use crate::pipeline::{Candidate, ComponentError, Hydrator, Mode, OnFailure, Query};
use crate::world::World;

/// A clip's own figures: popularity, completion, age.
#[derive(Debug)]
pub struct Figures;

impl<M: Mode> Hydrator<M> for Figures {
    fn name(&self) -> &'static str {
        "figures"
    }

    fn on_failure(&self) -> OnFailure {
        OnFailure::Degrade
    }

    fn hydrate(&self, query: &Query<'_, M>, world: &World, candidates: &mut [Candidate]) -> Result<(), ComponentError> {
        let now = query.request.now;
        for candidate in candidates {
            let stats = world.stats(candidate.row);
            candidate.features.popular_now = stats.now.value(now, HALF_LIFE_NOW_SECS);
            candidate.features.popular_lately = stats.lately.value(now, HALF_LIFE_LATELY_SECS);
            candidate.features.completion_rate = world.completion_rate(candidate.row);
            let published_at = world.catalogue.clip(candidate.row).map(|clip| clip.published_at);
            candidate.features.fresh = published_at.map_or(0.0, |at| fraction_left(at, now, HALF_LIFE_FRESH_SECS));
        }
        Ok(())
    }
}

use std::collections::HashMap;

use crate::pipeline::{Candidate, ComponentError, Hydrator, OnFailure, Personal, Query};
use crate::world::{Row, World};

/// What ties a clip to this viewer: following, neighbours, "not interested".
#[derive(Debug)]
pub struct Affinity;

impl Hydrator<Personal> for Affinity {
    fn name(&self) -> &'static str {
        "affinity"
    }

    fn on_failure(&self) -> OnFailure {
        OnFailure::Degrade
    }

    fn hydrate(
        &self,
        query: &Query<'_, Personal>,
        world: &World,
        candidates: &mut [Candidate],
    ) -> Result<(), ComponentError> {
        let strengths = strengths(query, world);
        for candidate in candidates {
            let Some(clip) = world.catalogue.clip(candidate.row) else { continue };
            let is_followed = query.viewer.followed().contains(&clip.creator_id);
            candidate.features.followed = f64::from(u8::from(is_followed));
            candidate.features.not_interested = query.viewer.not_interested_in(clip.creator_id, query.request.now);
            candidate.features.neighbours = strengths.get(&candidate.row).copied().unwrap_or_default();
        }
        Ok(())
    }
}

/// How strongly clips go with what the viewer liked or finished, popular clips counting less:
/// they go with everything.
fn strengths(query: &Query<'_, Personal>, world: &World) -> HashMap<Row, f64> {
    let mut strengths: HashMap<Row, f64> = HashMap::new();
    for recent in query.viewer.recent() {
        for (row, strength) in world.neighbours(recent, query.request.now) {
            *strengths.entry(row).or_default() += strength;
        }
    }
    for (row, strength) in &mut strengths {
        *strength /= f64::from(world.stats(*row).positives.max(1)).sqrt();
    }
    strengths
}

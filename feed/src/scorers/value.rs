use crate::parameters::Weights;
use crate::pipeline::{Candidate, ComponentError, Mode, OnFailure, Query, Scorer, Term};
use crate::world::World;

/// The weighted sum of the features. It is additive, so the terms explain it exactly.
#[derive(Debug)]
pub struct Value(pub Weights);

impl<M: Mode> Scorer<M> for Value {
    fn name(&self) -> &'static str {
        "value"
    }

    fn on_failure(&self) -> OnFailure {
        OnFailure::Degrade
    }

    fn score(&self, _: &Query<'_, M>, _: &World, candidates: &mut [Candidate]) -> Result<(), ComponentError> {
        let weights = &self.0;
        for Candidate { features, terms, .. } in candidates {
            terms.add(Term::PopularNow, weights.popular_now * features.popular_now.ln_1p());
            terms.add(Term::PopularLately, weights.popular_lately * features.popular_lately.ln_1p());
            terms.add(Term::CompletionRate, weights.completion_rate * features.completion_rate);
            terms.add(Term::Fresh, weights.fresh * features.fresh);
            terms.add(Term::Followed, weights.followed * features.followed);
            terms.add(Term::Neighbours, weights.neighbours * features.neighbours.ln_1p());
            terms.add(Term::NotInterested, weights.not_interested * features.not_interested);
        }
        Ok(())
    }
}

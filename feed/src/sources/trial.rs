use crate::parameters::TRIAL_POOL_MAX;
use crate::pipeline::{ComponentError, Mode, Query, Source, SourceKind};
use crate::world::{Row, World};

/// Clips on trial, the least shown first.
#[derive(Debug)]
pub struct Trial;

impl<M: Mode> Source<M> for Trial {
    fn kind(&self) -> SourceKind {
        SourceKind::Trial
    }

    fn collect(&self, query: &Query<'_, M>, world: &World) -> Result<Vec<Row>, ComponentError> {
        Ok(world.trials().filter(|&row| !query.is_seen(row)).take(TRIAL_POOL_MAX).collect())
    }
}

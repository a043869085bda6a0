use super::open_of;
use crate::pipeline::{ComponentError, Mode, Query, Source, SourceKind};
use crate::world::{Row, World};

/// The newest clips. As it walks through all there are, every recommendable clip is reached in
/// the end, whatever the other sources bring.
#[derive(Debug)]
pub struct Fresh;

impl<M: Mode> Source<M> for Fresh {
    fn kind(&self) -> SourceKind {
        SourceKind::Fresh
    }

    fn collect(&self, query: &Query<'_, M>, world: &World) -> Result<Vec<Row>, ComponentError> {
        Ok(open_of(query, world.catalogue.newest()))
    }
}

use super::open_of;
use crate::pipeline::{ComponentError, Mode, Query, Source, SourceKind};
use crate::world::{Row, World};

/// How far popularity looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizon {
    /// The short half-life.
    Now,
    /// The long half-life.
    Lately,
}

/// The most popular clips.
#[derive(Debug)]
pub struct Popular(pub Horizon);

impl<M: Mode> Source<M> for Popular {
    fn kind(&self) -> SourceKind {
        SourceKind::Popular
    }

    fn collect(&self, query: &Query<'_, M>, world: &World) -> Result<Vec<Row>, ComponentError> {
        let ranking = match self.0 {
            Horizon::Now => &world.rankings().now,
            Horizon::Lately => &world.rankings().lately,
        };
        let ranking = ranking.as_ref().ok_or(ComponentError::NotReady("the popularity ranking"))?;
        Ok(open_of(query, ranking.iter().copied()))
    }
}

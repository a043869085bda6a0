use super::open_of;
use crate::pipeline::{ComponentError, Personal, Query, Source, SourceKind};
use crate::world::{Row, World};

/// Clips taken of one creator.
const CREATOR_MAX: usize = 20;

/// The newest clips of the creators the viewer follows.
#[derive(Debug)]
pub struct Followed;

impl Source<Personal> for Followed {
    fn kind(&self) -> SourceKind {
        SourceKind::Followed
    }

    fn collect(&self, query: &Query<'_, Personal>, world: &World) -> Result<Vec<Row>, ComponentError> {
        let mut clips: Vec<_> = query
            .viewer
            .followed()
            .iter()
            .flat_map(|&creator| {
                let open = world.catalogue.newest_of(creator, None).filter(|&(_, row)| !query.is_seen(row));
                open.take(CREATOR_MAX)
            })
            .collect();
        clips.sort_by(|a, b| b.cmp(a));
        Ok(open_of(query, clips.into_iter().map(|(_, row)| row)))
    }
}

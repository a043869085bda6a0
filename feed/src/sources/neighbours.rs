use std::collections::HashMap;

use super::open_of;
use crate::pipeline::{ComponentError, Personal, Query, Source, SourceKind};
use crate::world::{Row, World};

/// Clips that go with what the viewer lately liked or finished.
#[derive(Debug)]
pub struct Neighbours;

impl Source<Personal> for Neighbours {
    fn kind(&self) -> SourceKind {
        SourceKind::Neighbours
    }

    fn collect(&self, query: &Query<'_, Personal>, world: &World) -> Result<Vec<Row>, ComponentError> {
        let mut strengths: HashMap<Row, f64> = HashMap::new();
        for recent in query.viewer.recent() {
            for (row, strength) in world.neighbours(recent, query.request.now) {
                *strengths.entry(row).or_default() += strength;
            }
        }
        let mut ranked: Vec<(f64, Row)> = strengths.into_iter().map(|(row, strength)| (strength, row)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        Ok(open_of(query, ranked.into_iter().map(|(_, row)| row)))
    }
}

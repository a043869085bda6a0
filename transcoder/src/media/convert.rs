//! Every picture once: upright, square-pixelled, 8-bit, BT.709, at the size of the largest rung.

use ffmpeg_next::frame;

use super::{MediaError, filters, graph::Graph, raw, toner::Toner};
use crate::plan::{Conversion, Refusal, RefusalCode};

/// Filter graphs built because pictures changed their size or format in the middle of a file.
const MAX_CHANGES: u32 = 64;
/// Threads of the conversion.
const THREADS: i32 = 2;

/// Converts pictures, whatever they turn out to be.
pub(super) struct Converter<'a> {
    plan: &'a Conversion,
    current: Option<(Shape, Option<Graph>)>,
    changes: u32,
    toner: Option<Toner>,
}

/// What must stay the same for a filter graph to go on.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    width: u32,
    height: u32,
    format: String,
}

impl<'a> Converter<'a> {
    pub(super) fn new(plan: &'a Conversion) -> Self {
        Self { plan, current: None, changes: 0, toner: Toner::for_colour(&plan.colour) }
    }

    /// The picture as the largest rung encodes it.
    pub(super) fn convert(&mut self, picture: frame::Video) -> Result<frame::Video, MediaError> {
        let (format, _) =
            raw::pixel_format(&picture).ok_or_else(|| MediaError::Inconsistent("a picture without a format".into()))?;
        let shape = Shape { width: picture.width(), height: picture.height(), format };
        if self.current.as_ref().is_none_or(|(known, _)| *known != shape) {
            let graph = self.graph_for(&shape, &picture)?;
            self.current = Some((shape, graph));
        }
        let picture = match &mut self.current {
            Some((_, Some(graph))) => graph.map(&picture)?,
            _ => picture,
        };
        match &mut self.toner {
            Some(toner) => toner.show(&picture),
            None => Ok(picture),
        }
    }

    fn graph_for(&mut self, shape: &Shape, picture: &frame::Video) -> Result<Option<Graph>, MediaError> {
        self.changes += 1;
        if self.changes > MAX_CHANGES {
            return Err(Refusal::new(RefusalCode::Damaged, "the picture keeps changing size").into());
        }
        if filters::is_identity(self.plan, shape.width, shape.height, &shape.format) {
            return Ok(None);
        }
        let spec = filters::conversion(self.plan, shape.width, shape.height, &shape.format);
        Graph::for_pictures(picture, (1, 1000), THREADS, &spec).map(Some)
    }
}

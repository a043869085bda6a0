//! From a picture of the run to pixels and image files.

use std::{fs, io, io::BufWriter, path::Path};

use ffmpeg_next::frame;
use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};

use super::{MediaError, filters, graph::Graph, raw};

/// Scales pictures that are all alike to one size.
pub(super) struct Scaler {
    width: u32,
    height: u32,
    graph: Option<Graph>,
}

impl Scaler {
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        Self { width, height, graph: None }
    }

    /// Rows of red, green and blue without padding.
    pub(super) fn pixels(&mut self, picture: &frame::Video) -> Result<Vec<u8>, MediaError> {
        let shared = raw::share(picture)?;
        let graph = match &mut self.graph {
            Some(graph) => graph,
            none => none.insert(Graph::for_pictures(&shared, (1, 1000), 1, &filters::still(self.width, self.height))?),
        };
        let still = graph.map(&shared)?;
        let (stride, data) = (still.stride(0), still.data(0));
        let row = self.width as usize * 3;
        Ok((0..self.height as usize).flat_map(|y| data[y * stride..][..row].iter().copied()).collect())
    }
}

/// Writes pixels as a JPEG that holds nothing else; returns its size.
pub(super) fn write_jpeg(
    path: &Path,
    pixels: &[u8],
    (width, height): (u32, u32),
    quality: u8,
) -> Result<u64, MediaError> {
    let failed = |e| MediaError::io("write a picture", e);
    let file = fs::File::create(path).map_err(failed)?;
    JpegEncoder::new_with_quality(BufWriter::new(file), quality)
        .write_image(pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|e| failed(io::Error::other(e)))?;
    Ok(fs::metadata(path).map_err(failed)?.len())
}

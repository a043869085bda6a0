//! How much of a picture is lost when it is made smaller.

use ffmpeg_next::frame;

use super::{MediaError, filters, graph::Graph, raw};

/// Side of the squares that are judged one by one: a few sharp words on a blurred background must not drown in it.
const BLOCK: usize = 16;
/// Pixels in each of them.
const BLOCK_PIXELS: u32 = 256;
/// The squares that lose most, this share of a thousand, are left out of account; the next one counts.
const LEFT_OUT_PER_MILLE: usize = 5;
/// Brightness that differs less than this from its mean shows nothing.
const FLAT: u64 = 4;

/// Scales pictures down to one size and up again.
pub(super) struct Comparison {
    below: (u32, u32),
    graph: Option<Graph>,
}

impl Comparison {
    pub(super) fn new(below: (u32, u32)) -> Self {
        Self { below, graph: None }
    }

    /// The mean squared error of brightness, in hundredths, in the squares that lose most.
    pub(super) fn detail(&mut self, picture: &frame::Video) -> Result<u32, MediaError> {
        let shared = raw::share(picture)?;
        let graph = match &mut self.graph {
            Some(graph) => graph,
            none => {
                let size = (picture.width(), picture.height());
                none.insert(Graph::for_pictures(&shared, (1, 1000), 1, &filters::there_and_back(self.below, size))?)
            }
        };
        let back = graph.map(&shared)?;
        Ok(worst_error(&Luma::of(picture), &Luma::of(&back)))
    }
}

/// The brightness of a picture.
struct Luma<'a> {
    data: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> Luma<'a> {
    fn of(picture: &'a frame::Video) -> Self {
        Self {
            data: picture.data(0),
            stride: picture.stride(0),
            width: picture.width() as usize,
            height: picture.height() as usize,
        }
    }

    fn row(&self, y: usize, from: usize) -> &'a [u8] {
        &self.data[y * self.stride + from..][..BLOCK]
    }
}

/// Black, white or any other single brightness.
pub(super) fn is_flat(picture: &frame::Video) -> bool {
    let luma = Luma::of(picture);
    let values = || (0..luma.height).flat_map(|y| &luma.data[y * luma.stride..][..luma.width]).map(|v| u64::from(*v));
    let count = values().count().max(1) as u64;
    let mean = values().sum::<u64>() / count;
    values().map(|value| value.abs_diff(mean)).sum::<u64>() / count < FLAT
}

fn worst_error(a: &Luma<'_>, b: &Luma<'_>) -> u32 {
    let (across, down) = (a.width.min(b.width) / BLOCK, a.height.min(b.height) / BLOCK);
    let mut errors: Vec<u32> = (0..down)
        .flat_map(|by| (0..across).map(move |bx| (bx * BLOCK, by * BLOCK)))
        .map(|(x, y)| (y..y + BLOCK).map(|y| squared_error(a.row(y, x), b.row(y, x))).sum())
        .collect();
    if errors.is_empty() {
        return 0;
    }
    let place = errors.len() - 1 - errors.len() * LEFT_OUT_PER_MILLE / 1000;
    let (_, error, _) = errors.select_nth_unstable(place);
    *error * 100 / BLOCK_PIXELS
}

fn squared_error(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
}

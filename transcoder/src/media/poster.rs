//! The picture that stands for the clip before it plays.

use std::path::Path;

use ffmpeg_next::frame;
use serde::{Deserialize, Serialize};

use super::{
    MediaError,
    convert::Converter,
    pictures::Pictures,
    raw,
    still::{Scaler, write_jpeg},
};
use crate::plan::{Limits, TranscodePlan};

/// Name of the poster in the job folder: the first of a version, there when the clip becomes playable.
pub const POSTER_FILE: &str = "poster.jpg";
/// Name of the one that takes its place where a later chunk has a better picture.
pub const BETTER_POSTER_FILE: &str = "poster2.jpg";
/// Posters have at most this short edge.
const SHORT_EDGE: u32 = 720;
/// The picture a thumbhash is made of has at most this long edge.
const THUMB_LONG_EDGE: u32 = 100;
/// Quality of the JPEG, of 100.
const QUALITY: u8 = 82;
/// Pictures looked at in a second.
const LOOKS_PER_SECOND: f64 = 5.0;
/// Brightness differs this much from its mean in a picture with things in it.
const GOOD_SPREAD: u64 = 10;
/// Mean brightness of a picture that is not in the dark.
const GOOD_LIGHT: u64 = 64;
/// Neighbouring points differ this much, in sixteenths, where a picture is not blurred.
const GOOD_SHARPNESS: u64 = 40;
/// Chunks that are looked at for a better picture than the best of the first.
pub const CHUNKS_LOOKED_AT: usize = 2;
/// Posters of this rank and above show a good picture.
const GOOD_RANK: u64 = 1 << 32;

/// A poster that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PosterReport {
    /// Name of the file in the job folder.
    pub file: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Size of the file.
    pub bytes: u64,
    /// A few bytes that expand to a blurred impression of it.
    pub thumbhash: Vec<u8>,
    /// How well it stands for its clip: never 0, and the higher the better.
    pub rank: u64,
}

/// Whether no better poster need be looked for.
pub fn is_good_poster(rank: u64) -> bool {
    rank >= GOOD_RANK
}

/// Keeps the best picture seen so far.
pub(super) struct PosterPicker {
    every: u64,
    /// Above this a picture is worth writing; none when no poster is wanted any more.
    over: Option<u64>,
    best: Option<(u64, frame::Video)>,
    /// Chunks seen, with those of earlier attempts.
    chunks: usize,
}

impl PosterPicker {
    /// Looks at a few pictures a second for one that ranks above `over`, which is 0 where there is no poster yet; not
    /// at all if none is wanted.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    pub(super) fn new(fps: f64, first_chunk: usize, over: Option<u64>) -> Self {
        let every = (fps / LOOKS_PER_SECOND).round().max(1.0) as u64;
        Self { every, over, best: None, chunks: first_chunk }
    }

    /// Considers the picture shown at `slot`.
    pub(super) fn offer(&mut self, picture: &frame::Video, slot: u64) -> Result<(), MediaError> {
        let Some(over) = self.over else { return Ok(()) };
        let is_first = over == 0 && self.best.is_none();
        if !(slot.is_multiple_of(self.every) || is_first) {
            return Ok(());
        }
        let rank = rank_of(picture);
        if rank > self.best.as_ref().map_or(over, |(best, _)| *best) {
            self.best = Some((rank, raw::share(picture)?));
        }
        Ok(())
    }

    /// At the end of a chunk: writes the best picture, good or not, if there is one that is better than the poster that
    /// there is. The clip becomes playable with its first chunk, and is to have a poster by then; while none of it is
    /// good, the next chunk is looked at too.
    pub(super) fn write(&mut self, job: &Path) -> Result<Option<PosterReport>, MediaError> {
        self.chunks += 1;
        let (over, best) = (self.over, self.best.take());
        let has_looked_enough = self.chunks >= CHUNKS_LOOKED_AT;
        self.over = over.map(|over| best.as_ref().map_or(over, |(rank, _)| *rank));
        self.over = self.over.filter(|rank| !has_looked_enough && !is_good_poster(*rank));
        let (Some(over), Some((rank, picture))) = (over, best) else { return Ok(None) };
        let name = if over == 0 { POSTER_FILE } else { BETTER_POSTER_FILE };
        write_poster(&picture, job, name, rank).map(Some)
    }
}

/// The poster of one moment: the picture of the grid that is shown in `slot`.
pub fn make_poster(
    source: &Path,
    job: &Path,
    plan: &TranscodePlan,
    limits: &Limits,
    slot: u64,
) -> Result<PosterReport, MediaError> {
    let mut converter = Converter::new(&plan.conversion);
    let mut made = None;
    Pictures::new(plan, limits, slot..slot + 1, None).run(source, &mut |picture, _| {
        let picture = converter.convert(picture)?;
        made = Some(write_poster(&picture, job, POSTER_FILE, rank_of(&picture))?);
        Ok(false)
    })?;
    made.ok_or_else(|| MediaError::Inconsistent("no picture is shown at that moment".into()))
}

/// What makes a picture worth standing for a clip; good ones come before others, richer before poorer.
///
/// Looks at a sparse grid of points: how bright they are, how much they differ from their mean (nothing
/// in a black, white or foggy picture), and how much from their neighbours (little in a blurred one).
fn rank_of(picture: &frame::Video) -> u64 {
    const STEP: usize = 8;
    const NEIGHBOUR: usize = 2;
    let (stride, luma) = (picture.stride(0), picture.data(0));
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let points = || {
        (0..height).step_by(STEP).flat_map(move |row| {
            let row = &luma[row * stride..][..width];
            (0..width.saturating_sub(NEIGHBOUR))
                .step_by(STEP)
                .map(|at| (u64::from(row[at]), u64::from(row[at + NEIGHBOUR])))
        })
    };
    let count = points().count().max(1) as u64;
    let light = points().map(|(value, _)| value).sum::<u64>() / count;
    let spread = points().map(|(value, _)| value.abs_diff(light)).sum::<u64>() / count;
    let sharpness = points().map(|(value, next)| value.abs_diff(next) * 16).sum::<u64>() / count;
    let is_good = light >= GOOD_LIGHT && spread >= GOOD_SPREAD && sharpness >= GOOD_SHARPNESS;
    let score = 1 + spread * 4 + sharpness + light.min(2 * GOOD_LIGHT);
    if is_good { GOOD_RANK + score } else { score }
}

fn write_poster(picture: &frame::Video, job: &Path, name: &str, rank: u64) -> Result<PosterReport, MediaError> {
    let (width, height) = fit(picture, SHORT_EDGE, u32::min);
    let pixels = Scaler::new((width, height)).pixels(picture)?;
    let bytes = write_jpeg(&job.join(name), &pixels, (width, height), QUALITY)?;
    Ok(PosterReport { file: name.into(), width, height, bytes, thumbhash: thumbhash(picture)?, rank })
}

fn thumbhash(picture: &frame::Video) -> Result<Vec<u8>, MediaError> {
    let (width, height) = fit(picture, THUMB_LONG_EDGE, u32::max);
    let pixels = Scaler::new((width, height)).pixels(picture)?;
    let rgba: Vec<u8> = pixels.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
    Ok(thumbhash::rgba_to_thumb_hash(width as usize, height as usize, &rgba))
}

/// The picture's size, scaled down so that the edge that `which` picks is at most `most`.
fn fit(picture: &frame::Video, most: u32, which: fn(u32, u32) -> u32) -> (u32, u32) {
    let (width, height) = (picture.width(), picture.height());
    let edge = which(width, height).max(1);
    if edge <= most {
        return (width, height);
    }
    let scale = |side: u32| u64::from(side) * u64::from(most) / u64::from(edge);
    let side = |side: u32| u32::try_from(scale(side)).unwrap_or(most).max(1);
    (side(width), side(height))
}

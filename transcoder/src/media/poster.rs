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

/// Name of the poster in the job folder.
pub const POSTER_FILE: &str = "poster.jpg";
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
/// Chunks looked at before the best picture is taken, good or not.
const CHUNKS_LOOKED_AT: usize = 2;

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
}

/// Keeps the best picture seen so far.
pub(super) struct PosterPicker {
    every: u64,
    best: Option<(Look, frame::Video)>,
    chunks: usize,
    is_done: bool,
}

/// What makes a picture worth standing for a clip. Good ones come before others, richer before poorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    is_good: bool,
    score: u64,
}

impl PosterPicker {
    /// Looks at a few pictures a second; not at all if there is a poster already.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    pub(super) fn new(fps: f64, is_wanted: bool) -> Self {
        let every = (fps / LOOKS_PER_SECOND).round().max(1.0) as u64;
        Self { every, best: None, chunks: 0, is_done: !is_wanted }
    }

    /// Considers the picture shown at `slot`.
    pub(super) fn offer(&mut self, picture: &frame::Video, slot: u64) -> Result<(), MediaError> {
        if self.is_done || !(slot.is_multiple_of(self.every) || self.best.is_none()) {
            return Ok(());
        }
        let look = look_at(picture);
        if self.best.as_ref().is_none_or(|(best, _)| look > *best) {
            self.best = Some((look, raw::share(picture)?));
        }
        Ok(())
    }

    /// At the end of a chunk: writes the best picture, if it is good enough or enough was looked at.
    pub(super) fn write(&mut self, job: &Path, is_last_chunk: bool) -> Result<Option<PosterReport>, MediaError> {
        self.chunks += 1;
        let Some((look, _)) = &self.best else { return Ok(None) };
        if !look.is_good && !is_last_chunk && self.chunks < CHUNKS_LOOKED_AT {
            return Ok(None);
        }
        self.is_done = true;
        self.best.take().map(|(_, picture)| write_poster(&picture, job)).transpose()
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
        made = Some(write_poster(&converter.convert(picture)?, job)?);
        Ok(false)
    })?;
    made.ok_or_else(|| MediaError::Inconsistent("no picture is shown at that moment".into()))
}

/// Looks at a sparse grid of points: how bright they are, how much they differ from their mean (nothing
/// in a black, white or foggy picture), and how much from their neighbours (little in a blurred one).
fn look_at(picture: &frame::Video) -> Look {
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
    Look { is_good, score: spread * 4 + sharpness + light.min(2 * GOOD_LIGHT) }
}

fn write_poster(picture: &frame::Video, job: &Path) -> Result<PosterReport, MediaError> {
    let (width, height) = fit(picture, SHORT_EDGE, u32::min);
    let pixels = Scaler::new((width, height)).pixels(picture)?;
    let bytes = write_jpeg(&job.join(POSTER_FILE), &pixels, (width, height), QUALITY)?;
    Ok(PosterReport { file: POSTER_FILE.into(), width, height, bytes, thumbhash: thumbhash(picture)? })
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

//! The picture that stands for the clip before it plays.

use std::{fs, io::BufWriter, path::Path};

use ffmpeg_next::frame;
use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use serde::{Deserialize, Serialize};

use super::{MediaError, filters, graph::Graph, raw};

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
/// A picture with this much detail is good enough not to look further.
const GOOD_SCORE: u64 = 10;

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
    best: Option<(u64, frame::Video)>,
    is_done: bool,
}

impl PosterPicker {
    /// Looks at a few pictures a second; not at all if there is a poster already.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    pub(super) fn new(fps: f64, is_wanted: bool) -> Self {
        let every = (fps / LOOKS_PER_SECOND).round().max(1.0) as u64;
        Self { every, best: None, is_done: !is_wanted }
    }

    /// Considers the picture shown at `slot`.
    pub(super) fn offer(&mut self, picture: &frame::Video, slot: u64) -> Result<(), MediaError> {
        if self.is_done || !(slot.is_multiple_of(self.every) || self.best.is_none()) {
            return Ok(());
        }
        let score = detail(picture);
        if self.best.as_ref().is_none_or(|(best, _)| score > *best) {
            self.best = Some((score, raw::share(picture)?));
        }
        Ok(())
    }

    /// Writes the best picture, if it is good enough or the last chance has come.
    pub(super) fn write(&mut self, job: &Path, is_last_chance: bool) -> Result<Option<PosterReport>, MediaError> {
        let Some((score, _)) = &self.best else { return Ok(None) };
        if *score < GOOD_SCORE && !is_last_chance {
            return Ok(None);
        }
        self.is_done = true;
        self.best.take().map(|(_, picture)| write_poster(&picture, job)).transpose()
    }
}

/// Mean distance of brightness from its mean over a sparse grid: nothing for a black, white or
/// foggy picture, much for one with things in it.
fn detail(picture: &frame::Video) -> u64 {
    const STEP: usize = 8;
    let (stride, luma) = (picture.stride(0), picture.data(0));
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let points = || {
        (0..height)
            .step_by(STEP)
            .flat_map(move |row| luma[row * stride..][..width].iter().step_by(STEP).map(|value| u64::from(*value)))
    };
    let count = points().count().max(1) as u64;
    let mean = points().sum::<u64>() / count;
    points().map(|value| value.abs_diff(mean)).sum::<u64>() / count
}

fn write_poster(picture: &frame::Video, job: &Path) -> Result<PosterReport, MediaError> {
    let (width, height) = fit(picture, SHORT_EDGE, u32::min);
    let pixels = pixels(picture, width, height)?;
    let path = job.join(POSTER_FILE);
    let io = |e| MediaError::io("write the poster", e);
    let file = fs::File::create(&path).map_err(io)?;
    JpegEncoder::new_with_quality(BufWriter::new(file), QUALITY)
        .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|e| io(std::io::Error::other(e)))?;
    Ok(PosterReport {
        file: POSTER_FILE.into(),
        width,
        height,
        bytes: fs::metadata(&path).map_err(io)?.len(),
        thumbhash: thumbhash(picture)?,
    })
}

fn thumbhash(picture: &frame::Video) -> Result<Vec<u8>, MediaError> {
    let (width, height) = fit(picture, THUMB_LONG_EDGE, u32::max);
    let rgba: Vec<u8> =
        pixels(picture, width, height)?.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
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

/// Rows of red, green and blue without padding.
fn pixels(picture: &frame::Video, width: u32, height: u32) -> Result<Vec<u8>, MediaError> {
    let shared = raw::share(picture)?;
    let mut graph = Graph::for_pictures(&shared, (1, 1000), 1, &filters::still(width, height))?;
    let still = graph.map(&shared)?;
    let (stride, data) = (still.stride(0), still.data(0));
    let row = width as usize * 3;
    Ok((0..height as usize).flat_map(|y| data[y * stride..][..row].iter().copied()).collect())
}

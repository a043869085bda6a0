//! A small picture for every second, a sheet for every chunk.

use std::{ops::Range, path::Path};

use ffmpeg_next::frame;

use super::{
    MediaError,
    still::{Scaler, write_jpeg},
};
use crate::{
    package::{STORYBOARD_FOLDER, sheet_file},
    plan::{SHEET_COLUMNS, TranscodePlan},
};

/// Quality of the sheets, of 100.
const QUALITY: u8 = 68;

/// Collects the pictures of the chunk that is being read.
pub(super) struct Storyboard<'a> {
    plan: &'a TranscodePlan,
    scaler: Scaler,
    /// Pixels of the chunk's pictures so far.
    tiles: Vec<Vec<u8>>,
    next_second: u64,
}

impl<'a> Storyboard<'a> {
    /// Begins with the chunk `first`.
    pub(super) fn new(plan: &'a TranscodePlan, first: usize) -> Self {
        let next_second = plan.chunk_seconds(first).start;
        Self { plan, scaler: Scaler::new(plan.tile_size()), tiles: Vec::new(), next_second }
    }

    /// Takes the picture if a second begins while it is shown.
    pub(super) fn offer(&mut self, picture: &frame::Video, slots: &Range<u64>) -> Result<(), MediaError> {
        while !self.plan.is_family && slots.contains(&self.plan.second_slot(self.next_second)) {
            self.tiles.push(self.scaler.pixels(picture)?);
            self.next_second += 1;
        }
        Ok(())
    }

    /// Writes the chunk's sheet and returns its size; none when no second begins in the chunk.
    pub(super) fn end_chunk(&mut self, job: &Path, chunk: usize) -> Result<Option<u64>, MediaError> {
        let tiles = std::mem::take(&mut self.tiles);
        if tiles.is_empty() {
            return Ok(None);
        }
        let size = self.plan.sheet_size(tiles.len() as u64);
        let pixels = lay_out(&tiles, self.plan.tile_size(), size);
        write_jpeg(&job.join(STORYBOARD_FOLDER).join(sheet_file(chunk)), &pixels, size, QUALITY).map(Some)
    }
}

/// Tiles row by row on a black sheet.
fn lay_out(tiles: &[Vec<u8>], (tile_width, tile_height): (u32, u32), (width, height): (u32, u32)) -> Vec<u8> {
    let (row, line) = (tile_width as usize * 3, width as usize * 3);
    let mut sheet = vec![0; line * height as usize];
    for (place, tile) in tiles.iter().enumerate() {
        let (column, band) = (place % SHEET_COLUMNS as usize, place / SHEET_COLUMNS as usize);
        for (y, pixels) in tile.chunks_exact(row).enumerate() {
            let at = (band * tile_height as usize + y) * line + column * row;
            sheet[at..at + row].copy_from_slice(pixels);
        }
    }
    sheet
}

//! Bright pictures through the tone table.

use ffmpeg_next::{color, format::Pixel, frame};

use super::MediaError;
use crate::{
    plan::Colour,
    tone::{Look, PictureRows, ScreenRows, ToneTable, Transfer},
};

/// The one pixel format the table reads; filters bring every other bright picture to it.
pub(super) const BRIGHT_FORMAT: &str = "yuv420p10le";

/// Makes 8-bit BT.709 pictures of 10-bit BT.2020 ones.
pub(super) struct Toner {
    table: ToneTable,
    rows: ScreenRows,
}

impl Toner {
    /// For sources of this colour; none when they are not bright.
    pub(super) fn for_colour(colour: &Colour) -> Option<Self> {
        let transfer = match colour.transfer.as_str() {
            "arib-std-b67" => Transfer::Hlg,
            "smpte2084" => Transfer::Pq { peak_nits: colour.peak_nits },
            _ => return None,
        };
        Some(Self { table: ToneTable::new(&Look::new(transfer)), rows: ScreenRows::default() })
    }

    /// The picture as an ordinary screen shows it.
    pub(super) fn show(&mut self, picture: &frame::Video) -> Result<frame::Video, MediaError> {
        let (width, height) = (picture.width(), picture.height());
        if picture.format() != Pixel::YUV420P10LE || width % 2 + height % 2 != 0 {
            return Err(MediaError::Inconsistent("a bright picture of an unexpected format".into()));
        }
        let mut shown = frame::Video::new(Pixel::YUV420P, width, height);
        shown.set_pts(picture.pts());
        shown.set_color_range(color::Range::MPEG);
        shown.set_color_space(color::Space::BT709);
        shown.set_color_primaries(color::Primaries::BT709);
        shown.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        let (width, height) = (width as usize, height as usize);
        for pair in 0..height / 2 {
            let source = PictureRows {
                luma: [0, 1].map(|lower| row(picture, 0, 2 * pair + lower, width)),
                chroma: [1, 2].map(|plane| row(picture, plane, pair, width / 2)),
            };
            self.table.convert(source, &mut self.rows);
            put(&mut shown, 0, 2 * pair, &self.rows.luma[0]);
            put(&mut shown, 0, 2 * pair + 1, &self.rows.luma[1]);
            put(&mut shown, 1, pair, &self.rows.chroma[0]);
            put(&mut shown, 2, pair, &self.rows.chroma[1]);
        }
        Ok(shown)
    }
}

/// The bytes of one row of 16-bit numbers.
fn row(picture: &frame::Video, plane: usize, row: usize, pixels: usize) -> &[u8] {
    &picture.data(plane)[row * picture.stride(plane)..][..2 * pixels]
}

fn put(picture: &mut frame::Video, plane: usize, row: usize, pixels: &[u8]) {
    let start = row * picture.stride(plane);
    picture.data_mut(plane)[start..][..pixels.len()].copy_from_slice(pixels);
}

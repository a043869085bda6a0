//! Pictures people send to stand for their clips: taken apart under limits and written anew.
//!
//! Nothing that was sent is ever served: what comes out is a JPEG of ours, made of pixels alone.

use std::io::Cursor;
use std::sync::Arc;

use axum::http::StatusCode;
use estrade_http::{Problem, Result};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, RgbImage};
use tokio::sync::Semaphore;

/// Largest picture taken, bytes.
pub(crate) const PICTURE_MAX_BYTES: usize = 8 << 20;
/// Most pixels in it: the cameras of most phones.
const MAX_PIXELS: u64 = 26_000_000;
/// No side is longer.
const MAX_SIDE: u32 = 12_000;
/// Shortest edge of something that can be looked at.
const MIN_SIDE: u32 = 64;
/// Memory one picture may take while it is decoded, bytes.
const MAX_MEMORY: u64 = 256 << 20;
/// Pictures taken apart at a time.
const PLACES: usize = 2;
/// Posters have at most this short edge, as the automatic ones have.
const SHORT_EDGE: u32 = 720;
/// … and no side longer than this, however long and thin they are.
const LONGEST_SIDE: u32 = 2560;
/// The picture a thumbhash is made of has at most this long edge.
const THUMB_LONG_EDGE: u32 = 100;
/// Quality of the JPEG, of 100.
const QUALITY: u8 = 84;

/// A picture as it is stored.
#[derive(Debug)]
pub(crate) struct Picture {
    pub jpeg: Vec<u8>,
    /// Base64.
    pub thumbhash: String,
}

/// Takes pictures apart, a few at a time, away from the threads that answer.
#[derive(Debug, Clone)]
pub struct PictureDesk {
    places: Arc<Semaphore>,
}

impl Default for PictureDesk {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)) }
    }
}

/// Why a picture was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error("this is not a picture we can read: send a JPEG, PNG or WebP")]
    Unreadable,
    #[error("the picture has too many pixels: 26 million are the most, and 12,000 a side")]
    TooLarge,
    #[error("the picture is too small: 64 pixels a side are the least")]
    TooSmall,
}

impl Refused {
    fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "not_a_picture",
            Self::TooLarge => "picture_too_large",
            Self::TooSmall => "picture_too_small",
        }
    }
}

impl PictureDesk {
    /// The picture as it is stored, or why not.
    pub(crate) async fn take(&self, format: ImageFormat, bytes: bytes::Bytes) -> Result<Picture> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| Problem::internal(&error))?;
        let work = tokio::task::spawn_blocking(move || {
            let taken = take_apart(format, &bytes);
            drop(place);
            taken
        });
        // A reader that panics has found something that is no picture.
        let taken = work.await.unwrap_or(Err(Refused::Unreadable));
        taken.map_err(|refused| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, refused.code(), refused.to_string()))
    }
}

fn take_apart(format: ImageFormat, bytes: &[u8]) -> Result<Picture, Refused> {
    let picture = shrink(&decode(format, bytes)?);
    let jpeg = encode(&picture).ok_or(Refused::Unreadable)?;
    Ok(Picture { jpeg, thumbhash: thumbhash(&picture) })
}

/// Decodes what its header says can be afforded; upright, without transparency.
fn decode(format: ImageFormat, bytes: &[u8]) -> Result<DynamicImage, Refused> {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| refusal(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_MEMORY {
        return Err(Refused::TooLarge);
    }
    if width.min(height) < MIN_SIDE {
        return Err(Refused::TooSmall);
    }
    let orientation = decoder.orientation().map_err(|error| refusal(&error))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| refusal(&error))?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn refusal(error: &image::ImageError) -> Refused {
    if matches!(error, image::ImageError::Limits(_)) { Refused::TooLarge } else { Refused::Unreadable }
}

/// At poster size, on black where it is transparent.
fn shrink(picture: &DynamicImage) -> RgbImage {
    let (width, height) = (picture.width(), picture.height());
    let (short, long) = (f64::from(width.min(height)), f64::from(width.max(height)));
    let scale = (f64::from(SHORT_EDGE) / short).min(f64::from(LONGEST_SIDE) / long);
    let picture = if scale < 1.0 { resize(picture, scale) } else { picture.clone() };
    let mut flat = picture.to_rgba8();
    for pixel in flat.pixels_mut() {
        let alpha = u16::from(pixel[3]);
        for channel in 0..3 {
            pixel[channel] = u8::try_from(u16::from(pixel[channel]) * alpha / 255).unwrap_or(u8::MAX);
        }
    }
    DynamicImage::ImageRgba8(flat).to_rgb8()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of pixels, and less")]
fn resize(picture: &DynamicImage, scale: f64) -> DynamicImage {
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    picture.resize_exact(side(picture.width()), side(picture.height()), FilterType::Triangle)
}

fn encode(picture: &RgbImage) -> Option<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .write_image(picture, picture.width(), picture.height(), image::ExtendedColorType::Rgb8)
        .ok()?;
    Some(jpeg)
}

fn thumbhash(picture: &RgbImage) -> String {
    let small = DynamicImage::ImageRgb8(picture.clone()).thumbnail(THUMB_LONG_EDGE, THUMB_LONG_EDGE).to_rgba8();
    let hash = thumbhash::rgba_to_thumb_hash(small.width() as usize, small.height() as usize, &small);
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash)
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let pixels =
            RgbImage::from_fn(
                width,
                height,
                |x, _| if x * 2 < width { Rgb([220, 30, 30]) } else { Rgb([30, 30, 220]) },
            );
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(pixels).write_to(&mut bytes, format).expect("encoded");
        bytes.into_inner()
    }

    /// A JPEG whose EXIF says that it lies on its side, and where it was taken.
    fn lying_jpeg() -> Vec<u8> {
        let plain = picture(200, 100, ImageFormat::Jpeg);
        let orientation = [0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0];
        let tiff = [b"II*\0\x08\0\0\0\x01\0".as_slice(), &orientation, &[0; 4], b"52.5200N 13.4050E"].concat();
        let body = [b"Exif\0\0".as_slice(), &tiff].concat();
        let length = u16::try_from(body.len() + 2).expect("short").to_be_bytes();
        [&plain[..2], &[0xff, 0xe1], &length, &body, &plain[2..]].concat()
    }

    fn read(jpeg: &[u8]) -> RgbImage {
        image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).expect("a JPEG").to_rgb8()
    }

    #[test]
    fn every_format_becomes_a_jpeg_of_poster_size() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let taken = take_apart(format, &picture(2160, 3840, format)).expect("taken");
            let poster = read(&taken.jpeg);
            assert_eq!(poster.dimensions(), (720, 1280), "{format:?}");
            let [red, _, blue] = poster.get_pixel(100, 600).0;
            assert!(red > 180 && blue < 80, "{format:?}");
            assert!((16..=128).contains(&taken.thumbhash.len()));
        }
    }

    #[test]
    fn a_picture_on_its_side_stands_up_and_its_place_is_forgotten() {
        let lying = lying_jpeg();
        assert!(lying.windows(8).any(|bytes| bytes == b"52.5200N"));
        let taken = take_apart(ImageFormat::Jpeg, &lying).expect("taken");
        assert_eq!(read(&taken.jpeg).dimensions(), (100, 200));
        assert!(!taken.jpeg.windows(4).any(|bytes| bytes == b"Exif" || bytes == b"52.5"));
    }

    #[test]
    fn a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_decoded() {
        // A PNG whose header says 60,000 by 60,000.
        let mut bomb = picture(100, 100, ImageFormat::Png);
        for at in [16, 20] {
            bomb[at..at + 4].copy_from_slice(&60_000u32.to_be_bytes());
        }
        assert!(take_apart(ImageFormat::Png, &bomb).is_err());
        let thin = picture(9000, 3000, ImageFormat::Png);
        assert_eq!(take_apart(ImageFormat::Png, &thin).map(|_| ()), Err(Refused::TooLarge));
        let tiny = picture(20, 200, ImageFormat::Png);
        assert_eq!(take_apart(ImageFormat::Png, &tiny).map(|_| ()), Err(Refused::TooSmall));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_desk_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..2000, value: u8) {
            for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
                let _ = take_apart(format, &bytes);
                let mut flipped = picture(64, 64, format);
                let end = flipped.len();
                flipped[at % end] = value;
                let _ = take_apart(format, &flipped);
            }
        }
    }
}

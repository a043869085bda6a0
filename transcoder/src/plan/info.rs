//! What the probe found out about a source.

use serde::{Deserialize, Serialize};

use super::{CodedVideo, Orientation, Rate, WhyEncoded};
use crate::loudness::Loudness;

/// A fraction as libav writes time bases and aspect ratios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    /// Numerator.
    pub num: i64,
    /// Denominator, positive.
    pub den: i64,
}

impl Ratio {
    /// A fraction of the two numbers.
    pub const fn new(num: i64, den: i64) -> Self {
        Self { num, den }
    }
}

/// Facts about a source, measured from its packets and first frames, not from its header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaInfo {
    /// Name of the demuxer, for operators.
    pub container: String,
    /// Size of the file.
    pub size_bytes: u64,
    /// All streams of the file.
    pub streams: u32,
    /// Streams that carry moving pictures.
    pub video_streams: u32,
    /// Packets need a key we do not have.
    pub encrypted: bool,
    /// The index of the file points beyond its end.
    pub truncated: bool,
    /// The stream people are meant to see.
    pub video: Option<VideoInfo>,
    /// The stream people are meant to hear.
    pub audio: Option<AudioInfo>,
}

/// The video stream of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoInfo {
    /// Index of the stream in the file.
    pub stream: usize,
    /// Name of the codec, for operators and refusals.
    pub codec: String,
    /// The decoder we use for it; none when the codec is not on our list.
    pub decoder: Option<String>,
    /// Width of the decoded picture before rotation.
    pub width: u32,
    /// Height of the decoded picture before rotation.
    pub height: u32,
    /// Width of a sample divided by its height.
    pub sample_aspect: Ratio,
    /// How the picture must be turned to stand upright.
    pub orientation: Orientation,
    /// Length of one tick in seconds.
    pub time_base: Ratio,
    /// Time of the first picture shown, in ticks.
    pub start_ticks: i64,
    /// From the first picture to the end of the last, in microseconds.
    pub duration_us: u64,
    /// Pictures in the stream.
    pub frames: u64,
    /// The rate the pictures were taken at.
    pub rate: Rate,
    /// Pictures come at uneven times.
    pub variable_rate: bool,
    /// Two fields woven into each picture.
    pub interlaced: bool,
    /// A first picture could be decoded.
    pub decodable: bool,
    /// How numbers become light.
    pub colour: Colour,
    /// Its pictures as they are coded, if they could be shown as they are.
    pub coded: Result<CodedVideo, WhyEncoded>,
}

/// Colour description in the names libav's filters understand, gaps filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colour {
    /// Pixel format of the decoded picture.
    pub pixel_format: String,
    /// Bits per component.
    pub bit_depth: u32,
    /// Full range (0–255) instead of video range (16–235).
    pub full_range: bool,
    /// Primaries, such as `bt709` or `bt2020`.
    pub primaries: String,
    /// Transfer characteristic, such as `bt709`, `smpte2084` (PQ) or `arib-std-b67` (HLG).
    pub transfer: String,
    /// Matrix between RGB and YCbCr, such as `bt709` or `smpte170m`.
    pub matrix: String,
    /// Brightest light of a PQ source, in candela per square metre.
    #[serde(default = "usual_peak_nits")]
    pub peak_nits: u32,
}

/// What PQ sources that do not say otherwise are made for.
const USUAL_PEAK_NITS: u32 = 1000;
/// Claims outside of this are not believed: below an ordinary screen's white, or beyond what PQ can code.
const BELIEVED_PEAK_NITS: std::ops::RangeInclusive<u32> = 203..=10_000;

fn usual_peak_nits() -> u32 {
    USUAL_PEAK_NITS
}

/// Pictures at least this high were made with BT.709 in mind, unless they say otherwise.
const HIGH_DEFINITION: u32 = 576;

impl Colour {
    /// From the numbers of ITU-T H.273 (primaries, transfer, matrix), guessing what is unspecified
    /// as players do: from the size of the picture, and BT.2020 where the transfer is an HDR one.
    pub fn from_codes(
        (pixel_format, bit_depth, full_range): (String, u32, bool),
        [primaries, transfer, matrix]: [i32; 3],
        short_edge: u32,
    ) -> Self {
        let transfer = match transfer {
            4 => "bt470m",
            5 => "bt470bg",
            6 => "smpte170m",
            7 => "smpte240m",
            8 => "linear",
            13 => "iec61966-2-1",
            14 => "bt2020-10",
            15 => "bt2020-12",
            16 => "smpte2084",
            18 => "arib-std-b67",
            _ => "bt709",
        };
        let is_hdr = matches!(transfer, "smpte2084" | "arib-std-b67");
        let primaries = match primaries {
            4 => "bt470m",
            5 => "bt470bg",
            6 => "smpte170m",
            7 => "smpte240m",
            9 => "bt2020",
            11 => "smpte431",
            12 => "smpte432",
            1 => "bt709",
            _ if is_hdr => "bt2020",
            _ => "bt709",
        };
        let matrix = match matrix {
            0 if pixel_format.starts_with("gbr") || pixel_format.starts_with("rgb") => "gbr",
            1 => "bt709",
            4 => "fcc",
            5 => "bt470bg",
            6 => "smpte170m",
            7 => "smpte240m",
            9 => "bt2020nc",
            10 => "bt2020c",
            _ if is_hdr => "bt2020nc",
            _ if short_edge > HIGH_DEFINITION => "bt709",
            _ => "smpte170m",
        };
        Self {
            pixel_format,
            bit_depth,
            full_range,
            primaries: primaries.into(),
            transfer: transfer.into(),
            matrix: matrix.into(),
            peak_nits: USUAL_PEAK_NITS,
        }
    }

    /// With the brightest light the source claims, if that can be believed.
    #[must_use]
    pub fn with_peak_nits(mut self, claimed: Option<u32>) -> Self {
        self.peak_nits = claimed.filter(|nits| BELIEVED_PEAK_NITS.contains(nits)).unwrap_or(USUAL_PEAK_NITS);
        self
    }

    /// True for HLG and PQ, whose highlights must be brought down for ordinary screens.
    pub fn is_hdr(&self) -> bool {
        matches!(self.transfer.as_str(), "smpte2084" | "arib-std-b67")
    }

    /// True for primaries that show other colours when taken for those of BT.709, such as Display P3, which phones
    /// record their own screens in. The others in use differ from BT.709 by less than anybody sees.
    pub fn is_wide(&self) -> bool {
        matches!(self.primaries.as_str(), "bt2020" | "smpte431" | "smpte432" | "bt470m")
    }
}

/// The audio stream of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioInfo {
    /// Index of the stream in the file.
    pub stream: usize,
    /// Name of the codec, for operators.
    pub codec: String,
    /// The decoder we use for it; none when the codec is not on our list.
    pub decoder: Option<String>,
    /// Samples a second.
    pub sample_rate_hz: u32,
    /// Number of channels.
    pub channels: u32,
    /// Length of one tick in seconds.
    pub time_base: Ratio,
    /// Time of the first sample, in ticks.
    pub start_ticks: i64,
    /// From the first sample to the end of the last, in microseconds.
    pub duration_us: u64,
    /// Packets in the stream.
    pub packets: u64,
    /// How loud it is, as it will be encoded; none when it is silent.
    #[serde(default)]
    pub loudness: Option<Loudness>,
}

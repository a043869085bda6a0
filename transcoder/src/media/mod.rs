//! Everything that touches libav, small and safe.
//!
//! Runs in the confined child only. One decoder feeds all rungs; every rung scales and encodes on a
//! thread of its own; sound has its own reader, so badly interleaved files do not hold pictures up.

mod audio;
mod chunks;
mod codecs;
mod convert;
mod decode;
mod detail;
mod encode;
mod error;
mod filters;
mod first;
mod graph;
mod input;
mod listen;
mod look;
mod pictures;
mod poster;
mod preview;
mod probe;
mod raw;
mod repackage;
mod rung;
mod session;
mod sound;
mod stages;
mod still;
mod storyboard;
mod stream;
mod toner;
mod writer;

pub use error::MediaError;
pub use look::look;
pub use poster::{BETTER_POSTER_FILE, CHUNKS_LOOKED_AT, POSTER_FILE, PosterReport, is_good_poster, make_poster};
pub use probe::probe;
pub use session::{MediaEvent, Stats, Work, transcode};
pub use stages::{RungTimes, StageTimes};

/// No single allocation of libav may be larger: one plane of the largest picture we take, in 16 bits.
const MAX_ALLOCATION: usize = 96 << 20;

/// Prepares libav: quiet, and bounded in what it allocates at once.
pub fn prepare() -> Result<(), MediaError> {
    ffmpeg_next::init().map_err(|source| MediaError::av("start libav", source))?;
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Quiet);
    raw::limit_allocations(MAX_ALLOCATION);
    Ok(())
}

/// What this build of libav can do that we need: missing parts by name, for `doctor`.
pub fn missing_parts() -> Vec<String> {
    let encoders = ["libx264", "libsvtav1", "aac", "libwebp_anim"].into_iter().filter(|name| raw::has_no_encoder(name));
    let filters = ["zscale", "bwdif", "scale", "transpose", "extractplanes", "vstack", "aresample", "pan"]
        .into_iter()
        .filter(|name| ffmpeg_next::filter::find(name).is_none());
    let decoders = codecs::all_decoders().filter(|name| raw::has_no_decoder(name));
    encoders.chain(filters).chain(decoders).map(str::to_owned).collect()
}

/// The version of libavcodec that runs, such as `59.37.100`.
pub fn libav_version() -> String {
    let version = ffmpeg_next::codec::version();
    format!("{}.{}.{}", version >> 16, (version >> 8) & 0xff, version & 0xff)
}

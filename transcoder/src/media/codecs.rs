//! The codecs and containers we read: what phones, cameras and editors write, nothing else.

/// Demuxers that may open a source.
pub(super) const CONTAINERS: &str = "mov,mp4,matroska,webm,mpegts,avi";

/// Codec names of libav and the decoder we use for each.
const VIDEO: [(&str, &str); 10] = [
    ("h264", "h264"),
    ("hevc", "hevc"),
    ("vp8", "vp8"),
    ("vp9", "vp9"),
    ("av1", "libdav1d"),
    ("mpeg4", "mpeg4"),
    ("h263", "h263"),
    ("mpeg2video", "mpeg2video"),
    ("mjpeg", "mjpeg"),
    ("prores", "prores"),
];

/// The same for sound.
const AUDIO: [(&str, &str); 18] = [
    ("aac", "aac"),
    ("mp3", "mp3float"),
    ("opus", "opus"),
    ("vorbis", "vorbis"),
    ("ac3", "ac3"),
    ("eac3", "eac3"),
    ("flac", "flac"),
    ("alac", "alac"),
    ("mp2", "mp2float"),
    ("amr_nb", "amrnb"),
    ("amr_wb", "amrwb"),
    ("pcm_s16le", "pcm_s16le"),
    ("pcm_s16be", "pcm_s16be"),
    ("pcm_s24le", "pcm_s24le"),
    ("pcm_s24be", "pcm_s24be"),
    ("pcm_s32le", "pcm_s32le"),
    ("pcm_f32le", "pcm_f32le"),
    ("pcm_mulaw", "pcm_mulaw"),
];

/// The decoder for a video codec, if we take it.
pub(super) fn video_decoder(codec: &str) -> Option<&'static str> {
    find(&VIDEO, codec)
}

/// The decoder for an audio codec, if we take it.
pub(super) fn audio_decoder(codec: &str) -> Option<&'static str> {
    find(&AUDIO, codec)
}

/// All decoders we use.
pub(super) fn all_decoders() -> impl Iterator<Item = &'static str> {
    VIDEO.iter().chain(&AUDIO).map(|(_, decoder)| *decoder)
}

/// The list libav checks when it looks into streams on its own.
pub(super) fn decoder_whitelist() -> String {
    all_decoders().collect::<Vec<_>>().join(",")
}

fn find(table: &'static [(&str, &str)], codec: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == codec).map(|(_, decoder)| *decoder)
}

//! Containers and playlists as pure functions: values in, bytes and text out.

mod assemble;
mod avc;
mod boxes;
mod check;
mod facts;
mod fragment;
mod init;
mod playlist;

pub use assemble::{Package, Rendition, RenditionKind, Segment, assemble};
pub use avc::{
    AvcConfig, AvcError, AvcWatch, Picture, PictureSet, SequenceSet, annex_b_to_sample, nal_units, read_picture,
};
pub use check::{CheckError, InitFacts, SegmentFacts, check_init, check_segment};
pub use facts::{AUDIO_RENDITION, ChunkFacts, INIT_FILE, InitReport, RenditionChunk, segment_file};
pub use fragment::{Fragment, Sample, fragment, picture_decode_ticks};
pub use init::{AudioTrack, VideoTrack, audio_init, video_init};
pub use playlist::{MediaPlaylist, Variant, media_playlist, multivariant_playlist, peak_bits_per_second};

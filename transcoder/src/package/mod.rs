//! Containers and playlists as pure functions: values in, bytes and text out.

mod assemble;
mod av1;
mod avc;
mod boxes;
mod check;
mod entry;
mod facts;
mod fragment;
mod init;
mod movie;
mod pictures;
mod playlist;
mod samples;
mod slices;
mod stills;

pub use assemble::{Package, Rendition, RenditionKind, Segment, assemble, multivariant_with};
pub use av1::{Av1Config, Av1Error, check_av1_sample, units_to_sample};
pub use avc::{
    AvcConfig, AvcError, AvcWatch, Picture, PictureSet, SequenceSet, annex_b_to_sample, nal_units, read_picture,
};
pub use check::{CheckError, InitFacts, SegmentFacts, check_init, check_segment};
pub use facts::{AUDIO_RENDITION, ChunkFacts, INIT_FILE, InitReport, KEYS_PLAYLIST_FILE, RenditionChunk, segment_file};
pub use fragment::{Fragment, Sample, SampleOrder, fragment, picture_decode_ticks};
pub use init::{AudioTrack, DecoderRecord, VideoTrack, audio_init, video_init};
pub use movie::{MovieTrack, movie_head};
pub use pictures::{check_jpeg, check_webp};
pub use playlist::{
    KeyVariant, MediaPlaylist, Multivariant, SoundVariant, Variant, keys_playlist, media_playlist,
    multivariant_playlist, peak_bits_per_second,
};
pub use samples::{SampleFacts, SegmentSamples, TrackFacts, read_segment, read_track};
pub use slices::check_pictures;
pub use stills::{PREVIEW_FILE, STORYBOARD_FOLDER, sheet_file, storyboard_index};

#[cfg(test)]
mod tests;

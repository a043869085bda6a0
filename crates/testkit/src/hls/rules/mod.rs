//! The rules, in the order in which they are reported.
//!
//! Sources: "RFC" is RFC 8216 (HTTP Live Streaming) with its section; "Apple" is Apple's HLS authoring
//! specification with its chapter; "ISO" are ISO 14496-12 (MP4), 14496-15 (H.264 in MP4) and 23000-19 (CMAF);
//! "ours" is stricter than any standard, for a reason given beside it.

mod containers;
mod extras;
mod pictures;
mod playlists;
mod rates;
mod sound;
mod timing;

use super::Level::{Must, Should};
use super::{Facts, Level, Rule};

const fn rule(name: &'static str, level: Level, source: &'static str, check: fn(&Facts<'_>) -> Vec<String>) -> Rule {
    Rule { name, level, source, check }
}

/// Every rule that is checked.
pub const RULES: &[Rule] = &[
    rule("readable", Must, "RFC 4; ISO 14496-12", playlists::readable),
    rule("version", Must, "RFC 7", playlists::version),
    rule("map", Must, "RFC 4.3.2.5; Apple, media segmentation", playlists::map),
    rule("target_duration", Must, "RFC 4.3.3.1", playlists::target_duration),
    rule("target_duration_short", Should, "Apple, media segmentation", playlists::target_duration_short),
    rule("media_sequence", Must, "RFC 4.3.3.2, 6.2.1", playlists::media_sequence),
    rule("playlist_type", Must, "RFC 4.3.3.5; Apple, playlists", playlists::playlist_type),
    rule("end_list", Must, "RFC 4.3.3.4; Apple, playlists", playlists::end_list),
    rule(
        "starts_at_start",
        Must,
        "RFC 4.3.5.2; ours: an EVENT is joined near its end otherwise",
        playlists::starts_at_start,
    ),
    rule("segments_once", Must, "ours: a segment listed twice is a mistake", playlists::segments_once),
    rule("first_segment_short", Should, "ours: playback starts with one second", playlists::first_segment_short),
    rule("discontinuities", Must, "RFC 4.3.2.3, 6.2.4; ours: there is no reason for one", playlists::discontinuities),
    rule("variant_attributes", Must, "RFC 4.3.4.2; Apple, multivariant playlist", playlists::variant_attributes),
    rule("start_variant", Should, "Apple, bit rates; ours: 540 and below start at once", playlists::start_variant),
    rule("independent_declared", Must, "RFC 4.3.5.1; Apple, multivariant playlist", playlists::independent_declared),
    rule("independent_true", Must, "RFC 4.3.5.1", timing::independent_true),
    rule("sync_flags", Must, "ISO 14496-12, 14496-15", timing::sync_flags),
    rule("key_distance", Should, "Apple, video encoding: key frames every two seconds", timing::key_distance),
    rule("decode_times", Must, "ISO 14496-12: tfdt", timing::decode_times),
    rule("shown_after_decoded", Must, "ISO 14496-12: ctts; ours: no negative shifts", timing::shown_after_decoded),
    rule("shown_without_gaps", Must, "RFC 3, 6.2.1; ours: one steady grid", timing::shown_without_gaps),
    rule(
        "segments_hold_their_time",
        Must,
        "RFC 3: what is shown in a segment lies in it",
        timing::segments_hold_their_time,
    ),
    rule("durations_true", Must, "RFC 4.3.2.1, 4.3.3.1", timing::durations_true),
    rule("aligned", Must, "RFC 6.2.4; Apple, media segmentation", timing::aligned),
    rule("one_timeline", Must, "RFC 6.2.4", timing::one_timeline),
    rule("end_together", Must, "RFC 6.2.4; ours: within a frame", timing::end_together),
    rule("codecs_true", Must, "RFC 4.3.4.2; RFC 6381; Apple, multivariant playlist", pictures::codecs_true),
    rule("codec_allowed", Must, "Apple, video encoding", pictures::codec_allowed),
    rule("record_true", Must, "ISO 14496-15; AV1 in ISO media files 2.3", pictures::record_true),
    rule("avc1", Must, "ISO 14496-15; Apple, video encoding", pictures::avc1),
    rule("samples_whole", Must, "ISO 14496-15", pictures::samples_whole),
    rule("level_suffices", Must, "ITU-T H.264 A.3; Apple, video encoding", pictures::level_suffices),
    rule("level_tight", Should, "Apple, video encoding: no higher level than needed", pictures::level_tight),
    rule("resolution_true", Must, "RFC 4.3.4.2", pictures::resolution_true),
    rule("frame_rate_true", Must, "RFC 4.3.4.2; Apple, video encoding: at most 60", pictures::frame_rate_true),
    rule("square_pixels", Must, "ours: players disagree on anything else", pictures::square_pixels),
    rule("upright", Must, "ours: players of fragments ignore matrices", pictures::upright),
    rule("progressive", Must, "Apple, video encoding: de-interlace", pictures::progressive),
    rule("eight_bits", Must, "ours: what every phone decodes", pictures::eight_bits),
    rule(
        "colour_declared",
        Must,
        "Apple, video encoding: one colour space; ISO 14496-12: colr",
        pictures::colour_declared,
    ),
    rule("colour_range", Must, "RFC 8216bis 4.4.6.2: VIDEO-RANGE", pictures::colour_range),
    rule("peak_true", Must, "RFC 4.3.4.2; Apple, bit rates: within 10 %", rates::peak_true),
    rule("average_true", Must, "RFC 4.3.4.2; Apple, bit rates: within 10 %", rates::average_true),
    rule("peak_to_average", Should, "Apple, bit rates: at most 200 %", rates::peak_to_average),
    rule("steps", Should, "Apple, bit rates: neighbours 1.5 to 2 times apart", rates::steps),
    rule("one_audio_group", Must, "RFC 4.3.4.1, 4.3.4.2", sound::one_audio_group),
    rule("audio_codec", Must, "Apple, audio encoding", sound::audio_codec),
    rule("audio_rate", Should, "Apple, audio encoding: 32 to 160 kb/s", sound::audio_rate),
    rule("channels_true", Must, "RFC 4.3.4.1", sound::channels_true),
    rule("one_track", Must, "ISO 23000-19", containers::one_track),
    rule("init_empty", Must, "ISO 23000-19; RFC 3.3", containers::init_empty),
    rule("init_small", Should, "ours: the first bytes hold a picture", containers::init_small),
    rule("brands", Should, "ISO 23000-19", containers::brands),
    rule("default_base_is_moof", Must, "ISO 23000-19; RFC 3.3", containers::default_base_is_moof),
    rule("fragments_filled", Must, "ISO 14496-12; ours: no byte that nobody looks at", containers::fragments_filled),
    rule("sequence_numbers", Must, "ISO 14496-12: mfhd", containers::sequence_numbers),
    rule("no_metadata", Must, "ours: nothing that could name a place, a person or a device", containers::no_metadata),
    rule("i_frames", Must, "RFC 4.3.3.6, 4.3.4.3; Apple, trick play", extras::i_frames),
    rule("subtitles", Must, "RFC 3.5, 4.3.4.1; Apple, subtitles", extras::subtitles),
];

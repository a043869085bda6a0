//! At least one fault for every rule.

use super::super::Package;
use super::Fault;
use super::edit::{
    Sps, append, bytes, cut, later, lengths, rename, text, times, with_i_frames, with_subtitles, without_last,
    without_line,
};

const INDEX: &str = "index.m3u8";
const LOW: &str = "v360/index.m3u8";
const LOW_INIT: &str = "v360/init.mp4";
const TOP: &str = "v406/index.m3u8";
const TOP_INIT: &str = "v406/init.mp4";
const SOUND: &str = "audio/index.m3u8";
const SOUND_INIT: &str = "audio/init.mp4";
const FIRST: &str = "v360/s00000.m4s";
const SECOND: &str = "v360/s00001.m4s";

/// What `tfhd`, `trun` and samples say of a picture that needs others.
const DEPENDENT: [u8; 4] = [1, 1, 0, 0];

const fn fault(rule: &'static str, what: &'static str, seed: fn(&mut Package)) -> Fault {
    Fault { rule, what, seed }
}

fn swap_variants(package: &mut Package) {
    let text = String::from_utf8(package.get(INDEX).expect("a playlist").to_vec()).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("#EXT-X-STREAM-INF")).expect("a variant");
    let mut swapped = lines.clone();
    swapped[at..at + 4].rotate_left(2);
    package.insert(INDEX, (swapped.join("\n") + "\n").into_bytes());
}

/// Every fault.
pub const FAULTS: &[Fault] = &[
    fault("readable", "a segment is missing", |p| p.remove(SECOND)),
    fault("readable", "a playlist is missing", |p| p.remove(LOW)),
    fault("readable", "no #EXTM3U", |p| text(p, LOW, "#EXTM3U\n", "")),
    fault("readable", "a byte order mark", |p| text(p, INDEX, "#EXTM3U", "\u{feff}#EXTM3U")),
    fault("readable", "an attribute twice", |p| text(p, INDEX, "BANDWIDTH=", "FRAME-RATE=1,BANDWIDTH=")),
    fault("readable", "a quote is not closed", |p| text(p, INDEX, "\",RESOLUTION", ",RESOLUTION")),
    fault("readable", "an address leads out", |p| text(p, LOW, "s00001", "../v360/s00001")),
    fault("readable", "a segment without EXTINF", |p| text(p, LOW, "#EXT-X-ENDLIST", "s00009.m4s\n#EXT-X-ENDLIST")),
    fault("readable", "a segment is cut", |p| cut(p, SECOND, 1)),
    fault("readable", "a box claims too much", |p| bytes(p, SECOND, *b"traf", 0, &[9])),
    fault("readable", "an init is cut", |p| cut(p, LOW_INIT, 3)),
    fault("version", "too old for EXT-X-MAP", |p| text(p, LOW, "VERSION:7", "VERSION:5")),
    fault("version", "two versions", |p| text(p, INDEX, "VERSION:7\n", "VERSION:7\n#EXT-X-VERSION:7\n")),
    fault("map", "no EXT-X-MAP", |p| without_line(p, LOW, "#EXT-X-MAP")),
    fault("target_duration", "too small", |p| text(p, LOW, "TARGETDURATION:2", "TARGETDURATION:1")),
    fault("target_duration", "none", |p| without_line(p, LOW, "#EXT-X-TARGETDURATION")),
    fault("target_duration_short", "eight seconds", |p| text(p, LOW, "TARGETDURATION:2", "TARGETDURATION:8")),
    fault("media_sequence", "begins with the fourth", |p| text(p, LOW, "SEQUENCE:0", "SEQUENCE:3")),
    fault("playlist_type", "none", |p| without_line(p, LOW, "#EXT-X-PLAYLIST-TYPE")),
    fault("end_list", "none", |p| without_line(p, SOUND, "#EXT-X-ENDLIST")),
    fault("starts_at_start", "none", |p| without_line(p, LOW, "#EXT-X-START")),
    fault("starts_at_start", "later", |p| text(p, LOW, "TIME-OFFSET=0", "TIME-OFFSET=3")),
    fault("segments_once", "a segment twice", |p| text(p, LOW, "s00002", "s00001")),
    fault("first_segment_short", "three seconds", |p| lengths(p, LOW, &[3.0, 2.0, 2.0, 2.0])),
    fault("discontinuities", "one", |p| text(p, LOW, "s00002", "#EXT-X-DISCONTINUITY\ns00002")),
    fault("variant_attributes", "no AVERAGE-BANDWIDTH", |p| text(p, INDEX, "AVERAGE-BANDWIDTH", "X-BANDWIDTH")),
    fault("variant_attributes", "no FRAME-RATE", |p| text(p, INDEX, "FRAME-RATE", "X-RATE")),
    fault("start_variant", "the smallest first", swap_variants),
    fault("independent_declared", "nowhere", |p| {
        without_line(p, INDEX, "#EXT-X-INDEPENDENT-SEGMENTS");
        without_line(p, LOW, "#EXT-X-INDEPENDENT-SEGMENTS");
    }),
    fault("independent_true", "a segment begins with another picture", |p| bytes(p, SECOND, *b"mdat", 4, &[0x41])),
    fault("sync_flags", "a key picture is not marked", |p| bytes(p, SECOND, *b"trun", 12, &DEPENDENT)),
    fault("key_distance", "three seconds", |p| bytes(p, SECOND, *b"mdat", 4, &[0x41])),
    fault("decode_times", "a tick late", |p| bytes(p, SECOND, *b"tfdt", 11, &[0xfe])),
    fault("decode_times", "no tfdt", |p| rename(p, SECOND, *b"tfdt", *b"free")),
    fault("shown_after_decoded", "negative shifts", |p| bytes(p, SECOND, *b"trun", 0, &[1])),
    fault("shown_after_decoded", "shown before it is decoded", |p| {
        bytes(p, SECOND, *b"trun", 0, &[1]);
        bytes(p, SECOND, *b"trun", 20, &[0xff, 0xff, 0xff, 0xff]);
    }),
    fault("shown_without_gaps", "a picture at the place of another", |p| bytes(p, SECOND, *b"trun", 28, &[0, 0, 0, 0])),
    fault("segments_hold_their_time", "a picture of the segment before", |p| {
        bytes(p, SECOND, *b"trun", 20, &[0, 0, 0, 0]);
    }),
    fault("durations_true", "a tenth too much", |p| text(p, LOW, "INF:2.000000", "INF:2.100000")),
    fault("aligned", "one segment fewer", |p| without_last(p, LOW)),
    fault("aligned", "a second later", |p| later(p, "v360", 30_000)),
    fault("one_timeline", "a second later", |p| later(p, "audio", 48_000)),
    fault("end_together", "the sound ends early", |p| without_last(p, SOUND)),
    fault("codecs_true", "another profile", |p| text(p, INDEX, "avc1.64001e", "avc1.4d401e")),
    fault("codecs_true", "no sound", |p| text(p, INDEX, ",mp4a.40.2", "")),
    fault("codec_allowed", "level 5.1", |p| Sps { level: 51, ..Sps::OURS }.put(p, TOP_INIT)),
    fault("codec_allowed", "High 10", |p| Sps { profile: 110, ..Sps::OURS }.put(p, TOP_INIT)),
    fault("record_true", "another level than the SPS", |p| bytes(p, LOW_INIT, *b"avcC", 3, &[40])),
    fault("avc1", "avc3", |p| rename(p, LOW_INIT, *b"avc1", *b"avc3")),
    fault("avc1", "parameter sets in a segment", |p| bytes(p, SECOND, *b"mdat", 4, &[0x67])),
    fault("samples_whole", "a NAL unit is too long", |p| bytes(p, SECOND, *b"mdat", 0, &[9])),
    fault("level_suffices", "level 1", |p| Sps { level: 10, ..Sps::OURS }.put(p, TOP_INIT)),
    fault("level_tight", "level 4.2", |p| Sps { level: 42, ..Sps::OURS }.put(p, TOP_INIT)),
    fault("resolution_true", "two lines fewer", |p| text(p, INDEX, "720x406", "720x404")),
    fault("resolution_true", "another size of the track", |p| bytes(p, LOW_INIT, *b"tkhd", 76, &[0, 1])),
    fault("frame_rate_true", "25", |p| text(p, INDEX, "FRAME-RATE=30.000", "FRAME-RATE=25.000")),
    fault("square_pixels", "pasp", |p| bytes(p, LOW_INIT, *b"pasp", 3, &[2])),
    fault("square_pixels", "coded", |p| Sps { aspect: [4, 3], ..Sps::OURS }.put(p, TOP_INIT)),
    fault("upright", "a matrix that turns", |p| bytes(p, LOW_INIT, *b"tkhd", 40, &[0, 0, 0, 0, 0, 1])),
    fault("progressive", "fields", |p| Sps { is_progressive: false, ..Sps::OURS }.put(p, TOP_INIT)),
    fault("eight_bits", "ten", |p| Sps { bits: 10, ..Sps::OURS }.put(p, TOP_INIT)),
    fault("colour_declared", "none", |p| rename(p, LOW_INIT, *b"colr", *b"free")),
    fault("colour_declared", "not as coded", |p| bytes(p, LOW_INIT, *b"colr", 5, &[9])),
    fault("colour_range", "PQ", |p| text(p, INDEX, "VIDEO-RANGE=SDR", "VIDEO-RANGE=PQ")),
    fault("peak_true", "twice", |p| times(p, "v360", ":BANDWIDTH=", 2.0)),
    fault("peak_true", "four fifths", |p| times(p, "v406", ":BANDWIDTH=", 0.8)),
    fault("average_true", "twice", |p| times(p, "v360", "AVERAGE-BANDWIDTH=", 2.0)),
    fault("peak_to_average", "one busy second", |p| {
        lengths(p, TOP, &[1.0, 0.5, 0.5, 40.0]);
    }),
    fault("steps", "six times", |p| times(p, "v406", ":BANDWIDTH=", 6.0)),
    fault("steps", "the larger one is cheaper", |p| times(p, "v406", ":BANDWIDTH=", 0.1)),
    fault("one_audio_group", "a variant without", |p| text(p, INDEX, ",AUDIO=\"audio\"\nv360", "\nv360")),
    fault("one_audio_group", "no default", |p| text(p, INDEX, "DEFAULT=YES", "DEFAULT=NO")),
    fault("one_audio_group", "two groups", |p| {
        let other = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"B\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",\
                     URI=\"audio/index.m3u8\"\n#EXT-X-STREAM-INF";
        text(p, INDEX, "#EXT-X-STREAM-INF", other);
    }),
    fault("audio_codec", "AAC Main", |p| bytes(p, SOUND_INIT, *b"esds", 26, &[0x09])),
    fault("audio_codec", "22 kHz", |p| bytes(p, SOUND_INIT, *b"mp4a", 24, &[0x56, 0x22])),
    fault("audio_rate", "ten times too much", |p| lengths(p, SOUND, &[0.1, 0.2, 0.2, 0.2])),
    fault("channels_true", "six", |p| text(p, INDEX, "CHANNELS=\"2\"", "CHANNELS=\"6\"")),
    fault("channels_true", "one, it says", |p| bytes(p, SOUND_INIT, *b"mp4a", 17, &[1])),
    fault("one_track", "a fragment of another", |p| bytes(p, SECOND, *b"tfhd", 7, &[2])),
    fault("init_empty", "samples", |p| bytes(p, LOW_INIT, *b"stts", 7, &[1])),
    fault("init_empty", "no mvex", |p| rename(p, LOW_INIT, *b"mvex", *b"free")),
    fault("init_small", "two kilobytes", |p| append(p, LOW_INIT, *b"free", &[0; 2000])),
    fault("brands", "no cmfc", |p| rename(p, LOW_INIT, *b"cmfc", *b"what")),
    fault("default_base_is_moof", "the flag is missing", |p| bytes(p, SECOND, *b"tfhd", 1, &[0])),
    fault("fragments_filled", "a byte off", |p| bytes(p, SECOND, *b"trun", 11, &[0xff])),
    fault("sequence_numbers", "the first again", |p| bytes(p, SECOND, *b"mfhd", 7, &[1])),
    fault("no_metadata", "a box for it", |p| append(p, LOW_INIT, *b"uuid", &[0; 16])),
    fault("no_metadata", "a time", |p| bytes(p, LOW_INIT, *b"mvhd", 7, &[1])),
    fault("no_metadata", "a name", |p| bytes(p, LOW_INIT, *b"hdlr", 24, b"x")),
    fault("i_frames", "no EXT-X-I-FRAMES-ONLY", |p| {
        with_i_frames(p);
        without_line(p, "v360/iframes.m3u8", "#EXT-X-I-FRAMES-ONLY");
    }),
    fault("i_frames", "half a picture", |p| {
        with_i_frames(p);
        text(
            p,
            "v360/iframes.m3u8",
            "#EXT-X-BYTERANGE:",
            "#EXT-X-BYTERANGE:1@0\ns00003.m4s\n#EXTINF:2,\n#EXT-X-BYTERANGE:",
        );
    }),
    fault("i_frames", "no RESOLUTION", |p| {
        with_i_frames(p);
        text(p, INDEX, "RESOLUTION=638x360,URI", "URI");
    }),
    fault("subtitles", "no WebVTT", |p| {
        with_subtitles(p);
        p.insert("subs/all.vtt", b"1\n00:00:00,000 --> 00:00:02,000\nHello\n".to_vec());
    }),
    fault("subtitles", "a variant without", |p| {
        with_subtitles(p);
        text(p, INDEX, ",SUBTITLES=\"subs\"\nv360", "\nv360");
    }),
    fault("subtitles", "no language", |p| {
        with_subtitles(p);
        text(p, INDEX, "LANGUAGE=\"en\",", "");
    }),
    fault("subtitles", "three seconds", |p| {
        with_subtitles(p);
        text(p, "subs/index.m3u8", "INF:7.0", "INF:3.0");
    }),
    fault("decode_times", "the first at a later time", |p| bytes(p, FIRST, *b"tfdt", 11, &[5])),
];

//! HLS playlists as text.

use std::fmt::Write as _;

use super::{INIT_FILE, KEYS_PLAYLIST_FILE, Segment, segment_file};

/// Version that allows fragmented MP4 in ordinary playlists.
const VERSION: u32 = 7;
/// Group that all variants take their sound from.
const AUDIO_GROUP: &str = "audio";

/// A media playlist in the making.
#[derive(Debug, Clone)]
pub struct MediaPlaylist<'a> {
    /// Longest segment of the whole plan in whole seconds: must not change while the playlist grows.
    pub target_secs: u64,
    /// Segments that exist.
    pub segments: &'a [Segment],
    /// Nothing will be added.
    pub complete: bool,
}

/// One line of the multivariant playlist.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant<'a> {
    /// Folder of the rendition.
    pub name: &'a str,
    /// Peak bits a second, sound included.
    pub bandwidth: u64,
    /// Mean bits a second, sound included.
    pub average_bandwidth: u64,
    /// Codec strings of picture and sound.
    pub codecs: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pictures a second.
    pub frame_rate: f64,
}

/// The text of a media playlist. It starts at its beginning even while it grows, and
/// says so, because players otherwise join an unfinished playlist near its end.
pub fn media_playlist(playlist: &MediaPlaylist<'_>) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-START:TIME-OFFSET=0\n\
         #EXT-X-MAP:URI=\"{INIT_FILE}\"\n",
        playlist.target_secs
    );
    for (index, segment) in playlist.segments.iter().enumerate() {
        let (secs, micros) = (segment.duration_us / 1_000_000, segment.duration_us % 1_000_000);
        writeln!(text, "#EXTINF:{secs}.{micros:06},\n{}", segment_file(index)).expect("text grows");
    }
    if playlist.complete {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text
}

/// The text of a playlist of key pictures: of each segment the part up to the end of its first
/// picture, which stands until the next segment begins.
pub fn keys_playlist(playlist: &MediaPlaylist<'_>) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"{INIT_FILE}\"\n",
        playlist.target_secs
    );
    for (index, segment) in playlist.segments.iter().enumerate() {
        let (secs, micros) = (segment.duration_us / 1_000_000, segment.duration_us % 1_000_000);
        writeln!(text, "#EXTINF:{secs}.{micros:06},\n#EXT-X-BYTERANGE:{}@0\n{}", segment.bytes, segment_file(index))
            .expect("text grows");
    }
    if playlist.complete {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text
}

/// A rendition whose key pictures have a playlist.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyVariant<'a> {
    /// Folder of the rendition.
    pub name: &'a str,
    /// Peak bits a second of the key pictures.
    pub bandwidth: u64,
    /// Mean bits a second of them.
    pub average_bandwidth: u64,
    /// Codec string.
    pub codecs: &'a str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The sound without pictures, as a variant.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundVariant<'a> {
    /// Peak bits a second.
    pub bandwidth: u64,
    /// Mean bits a second.
    pub average_bandwidth: u64,
    /// Codec string.
    pub codecs: &'a str,
}

/// What the multivariant playlist lists.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Multivariant<'a> {
    /// Variants with pictures; players begin with the first one.
    pub variants: Vec<Variant<'a>>,
    /// The sound, which all variants share.
    pub sound: Option<SoundVariant<'a>>,
    /// Key pictures for scrubbing.
    pub keys: Vec<KeyVariant<'a>>,
}

/// The text of the multivariant playlist. Sound without pictures comes last among the variants, so
/// that no player begins with it; players that know nothing of key pictures skip their lines.
pub fn multivariant_playlist(multivariant: &Multivariant<'_>) -> String {
    let Multivariant { variants, sound, keys } = multivariant;
    let has_audio = sound.is_some();
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    if has_audio {
        writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"Audio\",DEFAULT=YES,\
             AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio/index.m3u8\""
        )
        .expect("text grows");
    }
    let group = if has_audio { format!(",AUDIO=\"{AUDIO_GROUP}\"") } else { String::new() };
    for variant in variants {
        writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\",RESOLUTION={}x{},\
             FRAME-RATE={:.3},VIDEO-RANGE=SDR{group}\n{}/index.m3u8",
            variant.bandwidth,
            variant.average_bandwidth,
            variant.codecs,
            variant.width,
            variant.height,
            variant.frame_rate,
            variant.name,
        )
        .expect("text grows");
    }
    if let Some(sound) = sound {
        writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"\naudio/index.m3u8",
            sound.bandwidth, sound.average_bandwidth, sound.codecs,
        )
        .expect("text grows");
    }
    for key in keys {
        writeln!(
            text,
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\",RESOLUTION={}x{},\
             VIDEO-RANGE=SDR,URI=\"{}/{KEYS_PLAYLIST_FILE}\"",
            key.bandwidth, key.average_bandwidth, key.codecs, key.width, key.height, key.name,
        )
        .expect("text grows");
    }
    text
}

/// The highest bit rate of any run of segments that lasts between half and one and a half times the
/// target, as RFC 8216 defines `BANDWIDTH`; the mean when no run is that long.
pub fn peak_bits_per_second(segments: &[Segment], target_secs: u64) -> u64 {
    let (shortest, longest) = (target_secs * 500_000, target_secs * 1_500_000);
    let mut peak = 0;
    for start in 0..segments.len() {
        let (mut bytes, mut duration_us) = (0, 0);
        for segment in &segments[start..] {
            bytes += segment.bytes;
            duration_us += segment.duration_us;
            if duration_us > longest {
                break;
            }
            if duration_us >= shortest {
                peak = peak.max(bits_per_second(bytes, duration_us));
            }
        }
    }
    if peak == 0 { mean_bits_per_second(segments) } else { peak }
}

/// Bits of all segments by their duration.
pub(super) fn mean_bits_per_second(segments: &[Segment]) -> u64 {
    let bytes = segments.iter().map(|segment| segment.bytes).sum();
    let duration_us = segments.iter().map(|segment| segment.duration_us).sum();
    bits_per_second(bytes, duration_us)
}

fn bits_per_second(bytes: u64, duration_us: u64) -> u64 {
    if duration_us == 0 {
        return 0;
    }
    let bits = u128::from(bytes) * 8_000_000;
    u64::try_from(bits.div_ceil(u128::from(duration_us))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(secs: u64, bytes: u64) -> Segment {
        Segment { duration_us: secs * 1_000_000, bytes }
    }

    #[test]
    fn a_growing_media_playlist() {
        let segments = [segment(1, 1000), Segment { duration_us: 2_002_000, bytes: 5000 }];
        let playlist = MediaPlaylist { target_secs: 2, segments: &segments, complete: false };
        insta::assert_snapshot!(media_playlist(&playlist));
    }

    #[test]
    fn a_playlist_of_key_pictures() {
        let segments = [segment(1, 1000), Segment { duration_us: 2_002_000, bytes: 5000 }];
        let playlist = MediaPlaylist { target_secs: 2, segments: &segments, complete: true };
        insta::assert_snapshot!(keys_playlist(&playlist));
    }

    #[test]
    fn only_a_complete_playlist_ends() {
        let segments = [segment(1, 1000)];
        let mut playlist = MediaPlaylist { target_secs: 2, segments: &segments, complete: false };
        assert!(!media_playlist(&playlist).contains("ENDLIST"));
        playlist.complete = true;
        assert!(media_playlist(&playlist).ends_with("#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn a_multivariant_playlist_with_sound() {
        let variant = |name, width, height, bandwidth| Variant {
            name,
            bandwidth,
            average_bandwidth: bandwidth / 2,
            codecs: "avc1.64001f,mp4a.40.2".into(),
            width,
            height,
            frame_rate: 30_000.0 / 1001.0,
        };
        let mut multivariant = Multivariant {
            variants: vec![variant("v540", 540, 960, 1_400_000), variant("v360", 360, 640, 700_000)],
            sound: Some(SoundVariant { bandwidth: 100_000, average_bandwidth: 96_000, codecs: "mp4a.40.2" }),
            keys: vec![KeyVariant {
                name: "v360",
                bandwidth: 200_000,
                average_bandwidth: 90_000,
                codecs: "avc1.64001f",
                width: 360,
                height: 640,
            }],
        };
        insta::assert_snapshot!(multivariant_playlist(&multivariant));
        multivariant.sound = None;
        assert!(!multivariant_playlist(&multivariant).to_lowercase().contains("audio"));
    }

    #[test]
    fn the_peak_looks_at_runs_of_about_the_target() {
        let segments = [segment(1, 1_000_000), segment(2, 250_000), segment(2, 250_000)];
        assert_eq!(peak_bits_per_second(&segments, 2), 8_000_000);
        let tiny = [Segment { duration_us: 100_000, bytes: 1000 }];
        assert_eq!(peak_bits_per_second(&tiny, 2), 80_000);
    }

    proptest! {
        #[test]
        fn the_peak_is_never_below_the_mean(sizes in prop::collection::vec(1u64..1_000_000, 1..30)) {
            let segments: Vec<_> = sizes.iter().map(|bytes| segment(2, *bytes)).collect();
            prop_assert!(peak_bits_per_second(&segments, 2) >= mean_bits_per_second(&segments));
        }

        #[test]
        fn every_segment_is_listed_once(count in 0usize..120, complete: bool) {
            let segments = vec![segment(2, 1); count];
            let text = media_playlist(&MediaPlaylist { target_secs: 2, segments: &segments, complete });
            let files: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            let expected: Vec<_> = (0..count).map(segment_file).collect();
            prop_assert_eq!(files, expected);
        }
    }
}

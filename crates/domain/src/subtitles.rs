//! Captions in HLS: playlists as the transcoder wrote them in, playlists with subtitles out.
//!
//! The multivariant playlist gets a group of renditions. Each has a media playlist that repeats the
//! segments of the video's: all playlists of a presentation have one type and one target duration
//! (RFC 8216 §6.2.4), grow alike and end together. Clips without captions are served as written.

use std::fmt::Write as _;

use crate::PublicId;

/// The whole of the captions, for players that take them beside the media.
pub const CAPTIONS_FILE: &str = "captions.vtt";
/// Group that all variants take their subtitles from.
const GROUP: &str = "subs";
/// Said of captions that also tell what is heard besides speech.
const CHARACTERISTICS: &str =
    "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";
const VARIANT_TAG: &str = "#EXT-X-STREAM-INF:";

/// What captions are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaptionsKind {
    /// Everything heard, for those who do not hear it.
    Captions,
    /// What is said, for those who do not understand it.
    Subtitles,
}

impl CaptionsKind {
    /// Its name in rows and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Captions => "captions",
            Self::Subtitles => "subtitles",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Captions, Self::Subtitles].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A rendition of subtitles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Names its folder below the version. It is new whenever the captions are.
    pub id: PublicId,
    /// Language tag.
    pub language: String,
    /// What a player calls it.
    pub label: String,
    /// What it is for.
    pub kind: CaptionsKind,
}

/// The multivariant playlist with these tracks, in their order.
pub fn add_tracks(playlist: &str, tracks: &[Track]) -> String {
    if tracks.is_empty() {
        return playlist.to_owned();
    }
    let mut text = String::with_capacity(playlist.len() + 256 * tracks.len());
    let mut is_listed = false;
    for line in playlist.lines() {
        let is_variant = line.starts_with(VARIANT_TAG);
        if is_variant && !is_listed {
            list_tracks(&mut text, tracks);
            is_listed = true;
        }
        let group = if is_variant { format!(",SUBTITLES=\"{GROUP}\"") } else { String::new() };
        writeln!(text, "{line}{group}").expect("text grows");
    }
    text
}

fn list_tracks(text: &mut String, tracks: &[Track]) {
    let mut names = Vec::with_capacity(tracks.len());
    for track in tracks {
        let name = free_name(track, &names);
        let characteristics = match track.kind {
            CaptionsKind::Captions => format!(",CHARACTERISTICS=\"{CHARACTERISTICS}\""),
            CaptionsKind::Subtitles => String::new(),
        };
        writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{GROUP}\",NAME=\"{name}\",LANGUAGE=\"{}\",DEFAULT=NO,\
             AUTOSELECT=YES,FORCED=NO{characteristics},URI=\"{}/index.m3u8\"",
            track.language, track.id,
        )
        .expect("text grows");
        names.push(name);
    }
}

/// A name must be the group's only one (RFC 8216 §4.3.4.1.1), and cannot hold a quotation mark.
fn free_name(track: &Track, taken: &[String]) -> String {
    let label = track.label.replace('"', "'");
    let tagged = format!("{label} ({})", track.language);
    let numbered = (2u64..).map(|number| format!("{tagged} {number}"));
    let mut names = [label, tagged.clone()].into_iter().chain(numbered);
    names.find(|name| !taken.contains(name)).expect("there are more numbers than tracks")
}

/// The media playlist of any track, from the one of a video rendition: the same segments, as text.
pub fn media_playlist(video: &str) -> String {
    let mut text = String::with_capacity(video.len());
    let mut number = 0;
    for line in video.lines().filter(|line| !line.starts_with("#EXT-X-MAP")) {
        if line.starts_with('#') {
            writeln!(text, "{line}").expect("text grows");
        } else {
            writeln!(text, "s{number:05}.vtt").expect("text grows");
            number += 1;
        }
    }
    text
}

/// Beginning and end of a segment in milliseconds, by the media playlist of a video rendition; none
/// when it is not listed.
pub fn segment_times(video: &str, number: usize) -> Option<(u64, u64)> {
    let mut end_us = 0;
    let mut durations = video.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    for index in 0..=number {
        let start_us = end_us;
        end_us = micros(durations.next()?.split(',').next()?)?.checked_add(start_us)?;
        if index == number {
            return Some((start_us / 1000, end_us.div_ceil(1000)));
        }
    }
    None
}

/// Decimal seconds in microseconds.
fn micros(seconds: &str) -> Option<u64> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let digits = fraction.bytes().all(|b| b.is_ascii_digit()).then_some(fraction)?;
    let fraction = digits.bytes().chain(*b"000000").take(6).fold(0, |sum, b| sum * 10 + u64::from(b - b'0'));
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MULTIVARIANT: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",URI=\"audio/index.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"audio\"\nv540/index.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"audio\"\nv360/index.m3u8\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,URI=\"v360/iframes.m3u8\"\n";
    const VIDEO: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n\
        #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0\n#EXT-X-MAP:URI=\"init.mp4\"\n\
        #EXTINF:1.001000,\ns00000.m4s\n#EXTINF:2.0,\ns00001.m4s\n#EXTINF:0.5005,\ns00002.m4s\n#EXT-X-ENDLIST\n";

    fn track(id: u8, language: &str, label: &str, kind: CaptionsKind) -> Track {
        Track { id: PublicId::from_random([id; 20]), language: language.into(), label: label.into(), kind }
    }

    #[test]
    fn tracks_come_before_the_variants_that_use_them() {
        let tracks = [
            track(1, "en", "The \"real\" thing", CaptionsKind::Captions),
            track(2, "de", "Same", CaptionsKind::Subtitles),
            track(3, "de-AT", "Same", CaptionsKind::Subtitles),
        ];
        let start = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subs\",NAME=";
        assert_eq!(
            add_tracks(MULTIVARIANT, &tracks),
            format!(
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
                 #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",URI=\"audio/index.m3u8\"\n\
                 {start}\"The 'real' thing\",LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,\
                 CHARACTERISTICS=\"{CHARACTERISTICS}\",URI=\"11111111111111111111/index.m3u8\"\n\
                 {start}\"Same\",LANGUAGE=\"de\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI=\"22222222222222222222/index.m3u8\"\n\
                 {start}\"Same (de-AT)\",LANGUAGE=\"de-AT\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,\
                 URI=\"33333333333333333333/index.m3u8\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"audio\",SUBTITLES=\"subs\"\nv540/index.m3u8\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"audio\",SUBTITLES=\"subs\"\nv360/index.m3u8\n\
                 #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,URI=\"v360/iframes.m3u8\"\n"
            )
        );
        assert_eq!(add_tracks(MULTIVARIANT, &[]), MULTIVARIANT);
    }

    #[test]
    fn a_tracks_playlist_repeats_the_segments_of_the_video() {
        assert_eq!(
            media_playlist(VIDEO),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n\
             #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0\n#EXTINF:1.001000,\ns00000.vtt\n\
             #EXTINF:2.0,\ns00001.vtt\n#EXTINF:0.5005,\ns00002.vtt\n#EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn segments_have_times_when_they_are_listed() {
        assert_eq!(segment_times(VIDEO, 0), Some((0, 1001)));
        assert_eq!(segment_times(VIDEO, 1), Some((1001, 3001)));
        assert_eq!(segment_times(VIDEO, 2), Some((3001, 3502)));
        assert_eq!(segment_times(VIDEO, 3), None);
        assert_eq!(segment_times(VIDEO, usize::MAX), None);
        assert_eq!(segment_times("#EXTINF:x,\na\n", 0), None);
        let endless = "#EXTINF:18446744073709.5,\na\n".repeat(2);
        assert_eq!(segment_times(&endless, 1), None, "times beyond all numbers");
    }

    proptest! {
        #[test]
        fn no_playlist_makes_the_readers_panic(
            text in "(#EXTINF:|#EXT-X-STREAM-INF:|[0-9]{0,22}|[.,\n]|\\PC){0,40}", number in 0usize..40
        ) {
            let _ = (segment_times(&text, number), media_playlist(&text));
            let tracks = [track(1, "en", &text, CaptionsKind::Captions)];
            let _ = add_tracks(&text, &tracks);
        }

        #[test]
        fn names_are_unique(tracks in prop::collection::vec(("[az]{2}", "L( \\([az]{2}\\)( [23])?)?|[\"']"), 0..9)) {
            let tracks: Vec<Track> = (1..)
                .zip(&tracks)
                .map(|(id, (language, label))| track(id, language, label, CaptionsKind::Subtitles))
                .collect();
            let playlist = add_tracks(MULTIVARIANT, &tracks);
            let names = playlist.lines().filter(|line| line.contains("TYPE=SUBTITLES"));
            let names = names.map(|line| line.split('"').nth(3).expect("a name"));
            let unique: std::collections::HashSet<&str> = names.collect();
            prop_assert_eq!(unique.len(), tracks.len());
        }

        #[test]
        fn segments_follow_one_another(lengths_us in prop::collection::vec(1u64..5_000_000, 1..20)) {
            let text: String = (0..).zip(&lengths_us).fold(String::new(), |text, (number, us)| {
                format!("{text}#EXTINF:{}.{:06},\ns{number:05}.m4s\n", us / 1_000_000, us % 1_000_000)
            });
            let mut end_us = 0;
            for (number, length) in lengths_us.iter().enumerate() {
                let start_us = end_us;
                end_us += length;
                prop_assert_eq!(segment_times(&text, number), Some((start_us / 1000, end_us.div_ceil(1000))));
            }
            prop_assert_eq!(segment_times(&text, lengths_us.len()), None);
        }
    }
}

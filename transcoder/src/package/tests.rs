//! What holds of all readers and writers of this folder together: good files are read back as they were meant, by the
//! second reader too, and no bytes whatsoever make any reader panic.

use estrade_testkit::hls;
use proptest::prelude::*;

use super::*;
use crate::plan::Framing;

const RECORD: &[u8] = &[1, 100, 0, 31, 0xff, 0xe1, 0, 4, 0x67, 100, 0, 31, 1, 0, 2, 0x68, 0xeb];
/// Slices of a key picture and of an ordinary one.
const KEY: &[u8] = &[0, 0, 0, 4, 0x65, 0x88, 0x84, 0x21];
const ORDINARY: &[u8] = &[0, 0, 0, 3, 0x41, 0x9a, 0x24];

fn init() -> Vec<u8> {
    video_init(&VideoTrack { width: 360, height: 640, timescale: 30_000, decoder_record: DecoderRecord::Avc(RECORD) })
}

fn sound_init() -> Vec<u8> {
    audio_init(&AudioTrack { rate_hz: 48_000, channels: 2, bits_per_second: 96_000, specific_config: &[0x11, 0x90] })
}

fn media(first: u64, order: SampleOrder) -> Vec<u8> {
    let sample = |bytes: &[u8], is_key| Sample { bytes: bytes.to_vec(), shift_ticks: 2000, is_key };
    // Later segments have a key picture in their middle too.
    let middle = if first > 9 { sample(KEY, true) } else { sample(ORDINARY, false) };
    let samples = [sample(KEY, true), sample(ORDINARY, false), middle, sample(ORDINARY, false)];
    fragment(&Fragment { sequence: 1, first, sample_ticks: 1000, order, samples: &samples })
}

/// Every reader of ours, and the second one.
fn read(bytes: &[u8]) {
    let _ = (check_init(bytes), check_segment(bytes), check_pictures(bytes, SampleOrder::Reordered));
    let _ = (check_pictures(bytes, SampleOrder::Straight), units_to_sample(bytes), Av1Config::from_units(bytes));
    let _ = (check_jpeg(bytes), check_webp(bytes));
    if let Ok(facts) = read_track(bytes) {
        let _ = movie_head(vec![MovieTrack::new(facts, true)], u64::MAX);
    }
    if let Ok(samples) = read_segment(bytes) {
        let mut track = MovieTrack::new(TrackFacts { timescale: 1, size: (0, 0), description: Vec::new() }, false);
        let start = SegmentSamples { start_ticks: 0, ..samples };
        assert!(track.add(&start, 0));
        let _ = movie_head(vec![track], bytes.len() as u64);
    }
    for framing in [Framing::StartCodes, Framing::Lengths(1), Framing::Lengths(2), Framing::Lengths(4)] {
        if let Ok(picture) = read_picture(framing, bytes) {
            assert_eq!(picture.to_sample().len() as u64, picture.sample_bytes());
        }
    }
    let _ = (AvcConfig::from_annex_b(bytes), annex_b_to_sample(bytes));
    hls::read_anything(bytes);
}

/// A good file, broken in one of the ways that find mistakes.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let playlist = media_playlist(&MediaPlaylist {
        target_secs: 2,
        segments: &[Segment { duration_us: 1_000_000, bytes: 10 }; 3],
        complete: true,
    });
    let good = prop::sample::select(vec![
        init(),
        sound_init(),
        media(0, SampleOrder::Reordered),
        media(92, SampleOrder::Reordered),
        media(90, SampleOrder::Sound),
        playlist.into_bytes(),
    ]);
    let numbers = [0u32, 1, 7, 8, 9, 0x7fff_ffff, 0x8000_0000, u32::MAX - 7, u32::MAX];
    let numbers = prop_oneof![prop::sample::select(numbers.to_vec()), any::<u32>()];
    let how = (0u8..5, any::<prop::sample::Index>(), any::<prop::sample::Index>(), numbers);
    (good, prop::collection::vec(how, 1..4)).prop_map(|(mut bytes, changes)| {
        for (kind, at, to, number) in changes {
            let (at, to) = (at.index(bytes.len()), to.index(bytes.len()));
            let (from, end) = (at.min(to), at.max(to));
            match kind {
                0 => bytes[at] = number.to_be_bytes()[3],
                1 => bytes.truncate(at.max(1)),
                2 => {
                    let piece = bytes[from..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                3 => {
                    bytes.drain(from..end);
                }
                _ => {
                    let end = (at + 4).min(bytes.len());
                    bytes[at..end].copy_from_slice(&number.to_be_bytes()[..end - at]);
                }
            }
        }
        bytes
    })
}

fn segments() -> impl Strategy<Value = Vec<Segment>> {
    let segment = (1u64..4_000_000, 1u64..1 << 40).prop_map(|(duration_us, bytes)| Segment { duration_us, bytes });
    prop::collection::vec(segment, 0..40)
}

fn name() -> impl Strategy<Value = String> {
    "v[0-9]{2,4}"
}

#[test]
fn good_files_are_read() {
    assert_eq!(check_init(&init()).map(|facts| facts.sample_entry), Ok("avc1".to_owned()));
    assert_eq!(check_init(&sound_init()).map(|facts| facts.sample_entry), Ok("mp4a".to_owned()));
    for first in [0, 92] {
        assert!(
            check_segment(&media(first, SampleOrder::Reordered)).is_ok()
                && check_pictures(&media(first, SampleOrder::Reordered), SampleOrder::Reordered).is_ok()
        );
    }
    assert!(check_segment(&media(90, SampleOrder::Sound)).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_broken_file_makes_a_reader_panic(bytes in broken()) {
        read(&bytes);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read(&bytes);
    }

    #[test]
    fn what_passes_the_check_is_read_to_the_same_samples(bytes in broken()) {
        if let Ok(facts) = check_segment(&bytes) {
            let read = read_segment(&bytes).expect("it was checked");
            prop_assert_eq!((read.start_ticks, read.samples.len()), (facts.start_ticks, facts.samples as usize));
            let first = u64::from(read.samples[0].bytes);
            prop_assert_eq!(read.data.start as u64 + first, facts.key_bytes);
        }
    }
}

proptest! {
    #[test]
    fn a_media_playlist_is_read_back_as_it_was_meant(segments in segments(), target_secs in 1u64..9, complete: bool) {
        let text = media_playlist(&MediaPlaylist { target_secs, segments: &segments, complete });
        let read = hls::MediaPlaylist::parse(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!((read.target_secs, read.has_end, read.is_i_frames), (Some(target_secs), complete, false));
        prop_assert_eq!((read.kind.as_deref(), read.start_secs), (Some("EVENT"), Some(0.0)));
        prop_assert_eq!(read.maps, vec![hls::Piece { uri: INIT_FILE.into(), range: None }]);
        prop_assert_eq!(read.entries.len(), segments.len());
        for (index, (entry, segment)) in read.entries.iter().zip(&segments).enumerate() {
            prop_assert_eq!(&entry.piece, &hls::Piece { uri: segment_file(index), range: None });
            prop_assert_eq!(micros(entry.secs), segment.duration_us);
            prop_assert!(entry.has_map && !entry.has_discontinuity);
        }
    }

    #[test]
    fn a_playlist_of_key_pictures_is_read_back_as_it_was_meant(segments in segments(), complete: bool) {
        let text = keys_playlist(&MediaPlaylist { target_secs: 2, segments: &segments, complete });
        let read = hls::MediaPlaylist::parse(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!((read.is_i_frames, read.has_end, read.entries.len()), (true, complete, segments.len()));
        for (index, (entry, segment)) in read.entries.iter().zip(&segments).enumerate() {
            prop_assert_eq!(&entry.piece, &hls::Piece { uri: segment_file(index), range: Some((0, segment.bytes)) });
            prop_assert_eq!(micros(entry.secs), segment.duration_us);
        }
    }

    #[test]
    fn a_multivariant_playlist_is_read_back_as_it_was_meant(
        variants in prop::collection::vec((name(), any::<[u32; 2]>(), 1u32..5000, 1u32..5000, 5.0f64..61.0), 1..6),
        sound: Option<[u32; 2]>,
    ) {
        let codecs = || "avc1.64001f,mp4a.40.2".to_owned();
        let meant = Multivariant {
            variants: variants.iter().map(|(name, [peak, mean], width, height, frame_rate)| Variant {
                name, bandwidth: (*peak).into(), average_bandwidth: (*mean).into(), codecs: codecs(),
                width: *width, height: *height, frame_rate: *frame_rate,
            }).collect(),
            sound: sound.map(|[peak, mean]| SoundVariant {
                bandwidth: peak.into(), average_bandwidth: mean.into(), codecs: "mp4a.40.2",
            }),
            keys: variants.iter().map(|(name, [peak, mean], width, height, _)| KeyVariant {
                name, bandwidth: (*peak).into(), average_bandwidth: (*mean).into(), codecs: "avc1.64001f",
                width: *width, height: *height,
            }).collect(),
        };
        let read = hls::Multivariant::parse(&multivariant_playlist(&meant)).map_err(TestCaseError::fail)?;
        prop_assert_eq!(read.variants.len(), variants.len() + usize::from(sound.is_some()));
        prop_assert_eq!((read.i_frames.len(), read.renditions.len()), (variants.len(), usize::from(sound.is_some())));
        for (line, variant) in read.variants.iter().zip(&meant.variants) {
            let Variant { name, bandwidth, average_bandwidth, codecs, width, height, frame_rate } = variant;
            let attributes = &line.attributes;
            prop_assert_eq!(&line.uri, &format!("{name}/index.m3u8"));
            prop_assert_eq!(attributes.number("BANDWIDTH"), Some(*bandwidth));
            prop_assert_eq!(attributes.number("AVERAGE-BANDWIDTH"), Some(*average_bandwidth));
            prop_assert_eq!(attributes.get("CODECS"), Some(codecs.as_str()));
            let size = format!("{width}x{height}");
            prop_assert_eq!(attributes.get("RESOLUTION"), Some(size.as_str()));
            prop_assert!((attributes.decimal("FRAME-RATE").unwrap_or(0.0) - frame_rate).abs() < 0.001);
            prop_assert_eq!(attributes.get("AUDIO").is_some(), sound.is_some());
        }
        for (line, key) in read.i_frames.iter().zip(&meant.keys) {
            let uri = format!("{}/{KEYS_PLAYLIST_FILE}", key.name);
            prop_assert_eq!(line.get("URI"), Some(uri.as_str()));
            prop_assert_eq!(line.number("BANDWIDTH"), Some(key.bandwidth));
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "lengths of segments")]
fn micros(secs: f64) -> u64 {
    (secs * 1e6).round() as u64
}

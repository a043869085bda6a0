//! Reading our own segments back, sample by sample: what a file to share is put together from.

use std::ops::Range;

use super::check::{CheckError, child, read_u32, read_u64, split};

/// Most samples in one segment.
const MOST_SAMPLES: u32 = 4096;
/// Flags of `tfhd` and `trun` and the bytes that come with them, in order.
const TFHD_FIELDS: [(u32, usize); 5] = [(0x01, 8), (0x02, 4), (0x08, 4), (0x10, 4), (0x20, 4)];
const DEFAULT_LENGTH: u32 = 0x08;
const DEFAULT_SIZE: u32 = 0x10;
const HAS_OFFSET: u32 = 0x001;
const HAS_FIRST_FLAGS: u32 = 0x004;
const HAS_LENGTH: u32 = 0x100;
const HAS_SIZE: u32 = 0x200;
const HAS_FLAGS: u32 = 0x400;
const HAS_SHIFT: u32 = 0x800;

/// Where and when one sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleFacts {
    /// Its size.
    pub bytes: u32,
    /// Ticks until the next one is decoded.
    pub length_ticks: u32,
    /// Presentation time minus decoding time, in ticks.
    pub shift_ticks: u32,
}

/// The samples of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSamples {
    /// Decoding time of the first one, in ticks.
    pub start_ticks: u64,
    /// In decoding order.
    pub samples: Vec<SampleFacts>,
    /// Where in the segment their bytes are, one after the other.
    pub data: Range<usize>,
}

/// What of an initialisation segment describes its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackFacts {
    /// Ticks a second.
    pub timescale: u32,
    /// Width and height, as fixed-point numbers.
    pub size: (u32, u32),
    /// The body of its sample description.
    pub description: Vec<u8>,
}

/// The track of an initialisation segment.
pub fn read_track(init: &[u8]) -> Result<TrackFacts, CheckError> {
    let top = split(init)?;
    let trak = at(&top, [*b"moov", *b"trak"])?;
    let tkhd = child(&trak, *b"tkhd").ok_or(CheckError::Missing("tkhd"))?;
    let mdia = split(child(&trak, *b"mdia").ok_or(CheckError::Missing("mdia"))?)?;
    let mdhd = child(&mdia, *b"mdhd").ok_or(CheckError::Missing("mdhd"))?;
    let stbl = at(&mdia, [*b"minf", *b"stbl"])?;
    let stsd = child(&stbl, *b"stsd").ok_or(CheckError::Missing("stsd"))?;
    // Version 0 of both, as we write them.
    let timescale = read_u32(mdhd, 12).filter(|ticks| *ticks > 0).ok_or(CheckError::Missing("a timescale"))?;
    let side = |at| read_u32(tkhd, at).ok_or_else(|| CheckError::Size("tkhd".into()));
    Ok(TrackFacts { timescale, size: (side(76)?, side(80)?), description: stsd.to_vec() })
}

/// The boxes inside of a box inside of a box.
fn at<'a>(boxes: &[super::check::Found<'a>], path: [[u8; 4]; 2]) -> Result<Vec<super::check::Found<'a>>, CheckError> {
    let [outer, inner] = path;
    let missing = CheckError::Missing("a box of the track");
    let outer = split(child(boxes, outer).ok_or(missing.clone())?)?;
    split(child(&outer, inner).ok_or(missing)?)
}

/// The samples of a media segment: one fragment with one run, its data after it.
pub fn read_segment(bytes: &[u8]) -> Result<SegmentSamples, CheckError> {
    let top = split(bytes)?;
    let [moof, mdat] = top.as_slice() else {
        return Err(CheckError::Content("a segment is one moof and one mdat"));
    };
    let inside = split(moof.body)?;
    let track = split(child(&inside, *b"traf").ok_or(CheckError::Missing("traf"))?)?;
    let time = child(&track, *b"tfdt").ok_or(CheckError::Missing("tfdt"))?;
    let header = child(&track, *b"tfhd").ok_or(CheckError::Missing("tfhd"))?;
    let run = child(&track, *b"trun").ok_or(CheckError::Missing("trun"))?;
    let start_ticks = match time.first() {
        Some(1) => read_u64(time, 4),
        _ => read_u32(time, 4).map(u64::from),
    };
    let samples = read_run(run, header)?;
    let total: u64 = samples.iter().map(|sample| u64::from(sample.bytes)).sum();
    if total != mdat.body.len() as u64 {
        return Err(CheckError::Content("the samples do not fill the data"));
    }
    Ok(SegmentSamples {
        start_ticks: start_ticks.ok_or_else(|| CheckError::Size("tfdt".into()))?,
        samples,
        data: bytes.len() - mdat.body.len()..bytes.len(),
    })
}

/// A default of the fragment's header.
fn default_of(header: &[u8], wanted: u32) -> Option<u32> {
    let flags = read_u32(header, 0)? & 0x00ff_ffff;
    // After version, flags and the track's number.
    let before = TFHD_FIELDS.iter().take_while(|(flag, _)| *flag != wanted).filter(|(flag, _)| flags & flag != 0);
    let at = 8 + before.map(|(_, size)| size).sum::<usize>();
    (flags & wanted != 0).then(|| read_u32(header, at)).flatten()
}

fn read_run(run: &[u8], header: &[u8]) -> Result<Vec<SampleFacts>, CheckError> {
    let short = || CheckError::Size("trun".into());
    let flags = read_u32(run, 0).ok_or_else(short)? & 0x00ff_ffff;
    let count = read_u32(run, 4).ok_or_else(short)?;
    if count == 0 || count > MOST_SAMPLES {
        return Err(CheckError::Content("a segment has an impossible number of samples"));
    }
    let mut at = 8;
    at += [HAS_OFFSET, HAS_FIRST_FLAGS].iter().filter(|flag| flags & **flag != 0).count() * 4;
    let (length, size) = (default_of(header, DEFAULT_LENGTH), default_of(header, DEFAULT_SIZE));
    let mut samples = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let mut field = |flag: u32, default: Option<u32>| {
            if flags & flag == 0 {
                return default.ok_or_else(short);
            }
            at += 4;
            read_u32(run, at - 4).ok_or_else(short)
        };
        let length_ticks = field(HAS_LENGTH, length)?;
        let bytes = field(HAS_SIZE, size)?;
        field(HAS_FLAGS, Some(0))?;
        let shift_ticks = field(HAS_SHIFT, Some(0))?;
        samples.push(SampleFacts { bytes, length_ticks, shift_ticks });
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::{DecoderRecord, Fragment, Sample, SampleOrder, VideoTrack, fragment, video_init};

    fn segment(first: u64, order: SampleOrder) -> Vec<u8> {
        let samples: Vec<Sample> = (0..5u8)
            .map(|i| Sample { bytes: vec![i; 10 + usize::from(i)], shift_ticks: 700, is_key: i == 0 })
            .collect();
        fragment(&Fragment { sequence: 7, first, sample_ticks: 1000, order, samples: &samples })
    }

    #[test]
    fn what_we_write_is_read_back_sample_by_sample() {
        let bytes = segment(0, SampleOrder::Reordered);
        let read = read_segment(&bytes).expect("a segment");
        let sizes: Vec<u32> = read.samples.iter().map(|sample| sample.bytes).collect();
        let lengths: Vec<u32> = read.samples.iter().map(|sample| sample.length_ticks).collect();
        assert_eq!((sizes, lengths), (vec![10, 11, 12, 13, 14], vec![333, 333, 334, 1000, 1000]));
        assert!(read.samples.iter().all(|sample| sample.shift_ticks == 700));
        assert_eq!(bytes[read.data.clone()][..11], [[0; 10].as_slice(), &[1]].concat());
        let later = read_segment(&segment(92, SampleOrder::Reordered)).expect("a segment");
        assert_eq!((later.start_ticks, later.samples[0].length_ticks), (90_000, 1000));
        let sound = read_segment(&segment(90, SampleOrder::Sound)).expect("a segment");
        assert_eq!((sound.start_ticks, sound.samples[4].shift_ticks), (90_000, 0));
    }

    #[test]
    fn a_track_is_read_back() {
        let init = video_init(&VideoTrack {
            width: 540,
            height: 960,
            timescale: 30_000,
            decoder_record: DecoderRecord::Avc(&[1, 2, 3]),
        });
        let track = read_track(&init).expect("a track");
        assert_eq!((track.timescale, track.size), (30_000, (540 << 16, 960 << 16)));
        assert!(track.description.windows(4).any(|kind| kind == b"avcC"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..200, value: u8) {
            let _ = (read_segment(&bytes), read_track(&bytes));
            let mut flipped = segment(0, SampleOrder::Reordered);
            let end = flipped.len();
            flipped[at % end] = value;
            let _ = read_segment(&flipped);
        }
    }
}

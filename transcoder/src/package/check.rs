//! Reading boxes back: what the child wrote is looked at before anything is published.
//!
//! The child has handled a hostile file, so its output is hostile too until it has passed here.

use super::{entry::check_entry, init::TRACK_ID};

/// Boxes nested deeper than this are refused.
const DEEPEST: usize = 8;
/// Version and flags of `tfdt` and `tfhd` as our muxer writes them: offsets count from the fragment, length and flags are
/// the same for most samples.
const TFDT_OF_EIGHT_BYTES: u32 = 0x0100_0000;
const TFHD_FLAGS: u32 = 0x02_0000 | 0x08 | 0x20;
/// Most samples in one of our segments: 60 pictures a second for 2.5 seconds, and some slack.
const MOST_SAMPLES: u32 = 600;

/// Why a file of the child is not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// A box is longer than what surrounds it, or shorter than its own header.
    #[error("box {0:?} has an impossible size")]
    Size(String),
    /// A box that our muxer does not write, such as one that could carry a place or a name.
    #[error("box {0:?} does not belong here")]
    Unexpected(String),
    /// A box that must be there is not.
    #[error("box {0:?} is missing")]
    Missing(&'static str),
    /// Numbers that contradict each other or the plan.
    #[error("{0}")]
    Content(&'static str),
}

/// What an initialisation segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFacts {
    /// Four-character code of the sample entry, `avc1` or `mp4a`.
    pub sample_entry: String,
}

/// What a media segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFacts {
    /// Sequence number.
    pub sequence: u32,
    /// Decoding time of the first sample, in ticks.
    pub start_ticks: u64,
    /// Number of samples.
    pub samples: u32,
    /// Bytes up to the end of the first sample.
    pub key_bytes: u64,
}

pub(super) struct Found<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: &'a [u8],
}

impl Found<'_> {
    fn name(&self) -> String {
        String::from_utf8_lossy(&self.kind).into_owned()
    }
}

/// The boxes of `bytes`, one after the other, filling it exactly.
pub(super) fn split(mut bytes: &[u8]) -> Result<Vec<Found<'_>>, CheckError> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (Some(size), Some(kind)) = (read_u32(bytes, 0), bytes.get(4..8)) else {
            return Err(CheckError::Size("end of data".into()));
        };
        let kind: [u8; 4] = kind.try_into().expect("four bytes");
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size < 8 || size > bytes.len() {
            return Err(CheckError::Size(String::from_utf8_lossy(&kind).into_owned()));
        }
        found.push(Found { kind, body: &bytes[8..size] });
        bytes = &bytes[size..];
    }
    Ok(found)
}

pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|four| u32::from_be_bytes(four.try_into().expect("four bytes")))
}

pub(super) fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).map(|eight| u64::from_be_bytes(eight.try_into().expect("eight bytes")))
}

/// Boxes of ours that contain boxes.
const CONTAINERS: [&[u8; 4]; 7] = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"mvex"];
/// Boxes of ours that contain numbers.
const LEAVES: [&[u8; 4]; 14] = [
    b"ftyp", b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"vmhd", b"smhd", b"dref", b"stsd", b"stts", b"stsc", b"stsz",
    b"stco", b"trex",
];

/// Checks an initialisation segment: only boxes that our muxer writes, whole and in bounds.
pub fn check_init(bytes: &[u8]) -> Result<InitFacts, CheckError> {
    let top = split(bytes)?;
    if top.iter().map(|found| found.kind).ne([*b"ftyp", *b"moov"]) {
        return Err(CheckError::Missing("ftyp, moov"));
    }
    let mut entry = None;
    for found in &top {
        walk(found, 0, &mut entry)?;
    }
    entry.map(|sample_entry| InitFacts { sample_entry }).ok_or(CheckError::Missing("stsd"))
}

fn walk(found: &Found<'_>, depth: usize, entry: &mut Option<String>) -> Result<(), CheckError> {
    if depth > DEEPEST {
        return Err(CheckError::Content("boxes are nested too deeply"));
    }
    if CONTAINERS.contains(&&found.kind) {
        return split(found.body)?.iter().try_for_each(|inner| walk(inner, depth + 1, entry));
    }
    if !LEAVES.contains(&&found.kind) {
        return Err(CheckError::Unexpected(found.name()));
    }
    if &found.kind == b"stsd" {
        let entries = split(found.body.get(8..).ok_or_else(|| CheckError::Size("stsd".into()))?)?;
        let [only] = entries.as_slice() else {
            return Err(CheckError::Content("there is more than one sample entry"));
        };
        check_entry(only.kind, only.body)?;
        *entry = Some(only.name());
    }
    Ok(())
}

/// Checks a media segment: one fragment with the boxes that our muxer writes, whose samples fill its data exactly.
pub fn check_segment(bytes: &[u8]) -> Result<SegmentFacts, CheckError> {
    let [moof, mdat] = exactly(bytes, [*b"moof", *b"mdat"])?;
    let [header, traf] = exactly(moof, [*b"mfhd", *b"traf"])?;
    let [track, time, run] = exactly(traf, [*b"tfhd", *b"tfdt", *b"trun"])?;
    let head_bytes = bytes.len() - mdat.len();
    if header.len() != 8 || time.len() != 12 || read_u32(time, 0) != Some(TFDT_OF_EIGHT_BYTES) {
        return Err(CheckError::Size("mfhd, tfdt".into()));
    }
    if track.len() != 16 || read_u32(track, 0) != Some(TFHD_FLAGS) || read_u32(track, 4) != Some(TRACK_ID) {
        return Err(CheckError::Content("the fragment's header is not one of ours"));
    }
    // Where else the samples would be read from, nobody would have looked.
    if read_u32(run, 8).and_then(|offset| usize::try_from(offset).ok()) != Some(head_bytes) {
        return Err(CheckError::Content("the data does not begin where it belongs"));
    }
    let (samples, first, total) = sum_samples(run)?;
    if total != u64::try_from(mdat.len()).unwrap_or(u64::MAX) {
        return Err(CheckError::Content("the samples do not fill the data"));
    }
    Ok(SegmentFacts {
        sequence: read_u32(header, 4).ok_or_else(|| CheckError::Size("mfhd".into()))?,
        start_ticks: read_u64(time, 4).ok_or_else(|| CheckError::Size("tfdt".into()))?,
        samples,
        key_bytes: head_bytes as u64 + first,
    })
}

/// The bodies of boxes of these kinds in this order, and no others.
fn exactly<const COUNT: usize>(bytes: &[u8], kinds: [[u8; 4]; COUNT]) -> Result<[&[u8]; COUNT], CheckError> {
    let found = split(bytes)?;
    if let Some(other) = found.iter().find(|found| !kinds.contains(&found.kind)) {
        return Err(CheckError::Unexpected(other.name()));
    }
    let bodies: Vec<&[u8]> = found.iter().map(|found| found.body).collect();
    match bodies.try_into() {
        Ok(bodies) if found.iter().map(|found| found.kind).eq(kinds) => Ok(bodies),
        _ => Err(CheckError::Content("the boxes of a segment are not those of ours")),
    }
}

pub(super) fn child<'a>(boxes: &[Found<'a>], kind: [u8; 4]) -> Option<&'a [u8]> {
    let mut matching = boxes.iter().filter(|found| found.kind == kind);
    let first = matching.next()?;
    matching.next().is_none().then_some(first.body)
}

/// How a `trun` box of ours is laid out.
pub(super) struct RunLayout {
    flags: u32,
    /// Number of samples, at least one.
    pub(super) count: usize,
    /// Where the size of the first sample stands, …
    pub(super) first_size: usize,
    /// … and how far on that of the next one.
    pub(super) stride: usize,
}

impl RunLayout {
    /// The first sample has flags of its own.
    pub(super) fn has_first_flags(&self) -> bool {
        self.flags & 0x004 != 0
    }

    /// All samples have flags of their own, after their size.
    pub(super) fn has_own_flags(&self) -> bool {
        self.flags & 0x400 != 0
    }
}

/// The layout of a run, which its samples fill exactly.
pub(super) fn run_layout(run: &[u8]) -> Result<RunLayout, CheckError> {
    let short = || CheckError::Size("trun".into());
    let flags = read_u32(run, 0).ok_or_else(short)?;
    let count = read_u32(run, 4).ok_or_else(short)?;
    if count == 0 || count > MOST_SAMPLES {
        return Err(CheckError::Content("a segment has an impossible number of samples"));
    }
    let (begin, before_size, stride) = match flags {
        0x201 => (12, 0, 4),
        0xa05 => (16, 0, 8),
        0xb05 => (16, 4, 12),
        0xe01 => (12, 0, 12),
        0xf01 => (12, 4, 16),
        _ => return Err(CheckError::Content("the run has other flags than ours")),
    };
    let count = count as usize;
    if run.len() != begin + count * stride {
        return Err(short());
    }
    Ok(RunLayout { flags, count, first_size: begin + before_size, stride })
}

/// Number of the samples of a `trun` box, size of the first, and total size.
fn sum_samples(run: &[u8]) -> Result<(u32, u64, u64), CheckError> {
    let layout = run_layout(run)?;
    let size = |index: usize| {
        let size = read_u32(run, layout.first_size + index * layout.stride).map(u64::from);
        size.ok_or_else(|| CheckError::Size("trun".into()))
    };
    let mut total = 0;
    for index in 0..layout.count {
        total += size(index)?;
    }
    Ok((u32::try_from(layout.count).unwrap_or(u32::MAX), size(0)?, total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::{DecoderRecord, Fragment, Sample, SampleOrder, VideoTrack, fragment, video_init};

    const RECORD: &[u8] = &[1, 100, 0, 31, 0xff, 0xe1, 0, 4, 0x67, 100, 0, 31, 1, 0, 2, 0x68, 0xeb];

    fn segment(first: u64, order: SampleOrder) -> Vec<u8> {
        let samples: Vec<Sample> = (0..5u8)
            .map(|i| Sample { bytes: vec![i; 10 + usize::from(i)], shift_ticks: 1000, is_key: i == 0 })
            .collect();
        fragment(&Fragment { sequence: 7, first, sample_ticks: 1000, order, samples: &samples })
    }

    fn segment_with_keys(first: u64) -> Vec<u8> {
        let samples = vec![Sample { bytes: vec![1; 9], shift_ticks: 1000, is_key: true }; 5];
        fragment(&Fragment { sequence: 7, first, sample_ticks: 1000, order: SampleOrder::Reordered, samples: &samples })
    }

    fn init() -> Vec<u8> {
        video_init(&VideoTrack { width: 2, height: 2, timescale: 30, decoder_record: DecoderRecord::Avc(RECORD) })
    }

    #[test]
    fn what_we_write_passes() {
        // What comes after the first sample: four of 11 to 14 bytes, or of 9.
        let check = |bytes: &[u8], start_ticks, after: u64| {
            let key_bytes = bytes.len() as u64 - after;
            assert_eq!(check_segment(bytes), Ok(SegmentFacts { sequence: 7, start_ticks, samples: 5, key_bytes }));
        };
        check(&segment(92, SampleOrder::Reordered), 90_000, 50);
        check(&segment(0, SampleOrder::Reordered), 0, 50);
        check(&segment_with_keys(92), 90_000, 36);
        check(&segment_with_keys(0), 0, 36);
        check(&segment(90, SampleOrder::Sound), 90_000, 50);
        assert_eq!(check_init(&init()), Ok(InitFacts { sample_entry: "avc1".into() }));
    }

    #[test]
    fn a_box_that_could_carry_a_place_is_refused() {
        let mut bytes = init();
        let udta = [0, 0, 0, 8, b'u', b'd', b't', b'a'];
        let moov_at = 28;
        assert_eq!(&bytes[moov_at + 4..moov_at + 8], b"moov");
        bytes.extend_from_slice(&udta);
        let size = u32::try_from(bytes.len() - moov_at).expect("small");
        bytes[moov_at..moov_at + 4].copy_from_slice(&size.to_be_bytes());
        assert_eq!(check_init(&bytes), Err(CheckError::Unexpected("udta".into())));
    }

    #[test]
    fn a_cut_or_padded_segment_is_refused() {
        let whole = segment(90, SampleOrder::Reordered);
        for length in 0..whole.len() {
            assert!(check_segment(&whole[..length]).is_err(), "cut at {length}");
        }
        let mut padded = whole;
        padded.push(0);
        assert!(check_segment(&padded).is_err());
    }

    #[test]
    fn data_from_elsewhere_and_boxes_of_others_are_refused() {
        let whole = segment(90, SampleOrder::Reordered);
        let find = |kind: &[u8; 4]| whole.windows(4).position(|four| four == kind).expect("a box");
        let with = |at: usize, value: &[u8]| {
            let mut bytes = whole.clone();
            bytes[at..at + value.len()].copy_from_slice(value);
            check_segment(&bytes)
        };
        for (what, result) in [
            ("an offset of its own", with(find(b"trun") + 12, &[0, 0, 0, 9])),
            ("another track", with(find(b"tfhd") + 8, &[0, 0, 0, 2])),
            ("a place to count from", with(find(b"tfhd") + 4, &[0, 0, 0, 0x29])),
            ("a short time", with(find(b"tfdt") + 4, &[0])),
            ("another box", with(find(b"mfhd"), b"uuid")),
            ("boxes in another order", with(find(b"tfhd"), b"tfdt")),
        ] {
            assert!(result.is_err(), "{what}");
        }
        let mut longer = whole.clone();
        let udta = [0, 0, 0, 8, b'u', b'd', b't', b'a'];
        let mdat = find(b"mdat") - 4;
        longer.splice(mdat..mdat, udta);
        assert_eq!(check_segment(&longer), Err(CheckError::Unexpected("udta".into())));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_checker_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = check_init(&bytes);
            let _ = check_segment(&bytes);
        }

        #[test]
        fn no_flipped_byte_makes_the_checker_panic(at in 0usize..150, value: u8) {
            let mut bytes = segment(90, SampleOrder::Reordered);
            bytes[at] = value;
            let _ = check_segment(&bytes);
        }
    }
}

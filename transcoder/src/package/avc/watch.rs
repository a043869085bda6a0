//! Watching an H.264 stream go by, packet after packet, for what keeps it from being repackaged.

use super::{AvcError, PPS, PictureSet, SPS, SequenceSet, level, nal_type, read_picture, trim_trailing_zeros};
use crate::plan::{CodedPicture, CodedVideo, Framing, Grid, StreamHeader, WhyEncoded, find_keys};

/// Headers of containers longer than this are not those of a stream with one pair of parameter sets.
const MOST_HEADER_BYTES: usize = 4096;
/// Parameter sets in a container's header that are looked at.
const MOST_SETS: usize = 4;
/// A stream with more bytes than this is above every cap: ten megabits a second for as long as a clip may be.
const MOST_BYTES: u64 = 10_000_000 / 8 * 180;
/// Constrained Baseline is Baseline with this flag.
const CONSTRAINED: u8 = 0x40;
/// Unspecified in the tables of colours, and BT.709.
const ORDINARY_COLOURS: [u32; 2] = [1, 2];

/// Watches one stream. What is found wrong first is the verdict; nothing more is looked at then.
#[derive(Debug)]
pub struct AvcWatch {
    framing: Framing,
    sps: Option<(Vec<u8>, SequenceSet)>,
    pps: Option<(Vec<u8>, PictureSet)>,
    pictures: Vec<CodedPicture>,
    bytes: u64,
    trouble: Option<WhyEncoded>,
}

impl AvcWatch {
    /// For a stream with this header for the decoder: MP4's record, Annex B, or nothing.
    pub fn new(header: &[u8]) -> Self {
        let framing = Framing::of_header(header);
        let mut watch = Self { framing, sps: None, pps: None, pictures: Vec::new(), bytes: 0, trouble: None };
        watch.note(|watch| watch.see_header(header));
        watch
    }

    /// A packet of the stream, in decoding order. `is_left_out`: an edit list does not show it.
    pub fn see(&mut self, packet: &[u8], ticks: Option<i64>, is_left_out: bool) {
        self.note(|watch| if is_left_out { Err(WhyEncoded::EditList) } else { watch.see_packet(packet, ticks) });
    }

    /// The verdict, once the rate and the first picture's time are known.
    ///
    /// # Errors
    /// Why the stream cannot be repackaged.
    pub fn finish(self, grid: &Grid) -> Result<CodedVideo, WhyEncoded> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let (Some((sps, set)), Some((pps, picture_set))) = (self.sps, self.pps) else {
            return Err(WhyEncoded::ParameterSets);
        };
        if picture_set.sequence_id != set.id || picture_set.slice_groups != 1 || picture_set.is_redundant {
            return Err(WhyEncoded::ParameterSets);
        }
        if !level::keeps_its_level(&set, grid.rate.fps()) {
            return Err(WhyEncoded::Level);
        }
        let keys = find_keys(&self.pictures, grid)?;
        Ok(CodedVideo {
            header: StreamHeader { sps, pps, framing: self.framing },
            width: set.width,
            height: set.height,
            pictures: self.pictures.len() as u64,
            keys,
        })
    }

    fn note(&mut self, look: impl FnOnce(&mut Self) -> Result<(), WhyEncoded>) {
        if self.trouble.is_none() {
            self.trouble = look(self).err();
        }
        if self.trouble.is_some() {
            self.pictures = Vec::new();
        }
    }

    fn see_header(&mut self, header: &[u8]) -> Result<(), WhyEncoded> {
        if header.len() > MOST_HEADER_BYTES {
            return Err(WhyEncoded::ParameterSets);
        }
        let sets = match self.framing {
            Framing::StartCodes => self.framing.units(header),
            Framing::Lengths(_) => record_sets(header),
        };
        for set in sets.map_err(|_| WhyEncoded::ParameterSets)? {
            if matches!(nal_type(set), SPS | PPS) {
                self.see_set(set)?;
            }
        }
        Ok(())
    }

    fn see_packet(&mut self, packet: &[u8], ticks: Option<i64>) -> Result<(), WhyEncoded> {
        let picture = read_picture(self.framing, packet).map_err(|_| WhyEncoded::Stream)?;
        for set in &picture.sets {
            self.see_set(set)?;
        }
        if self.pps.as_ref().is_none_or(|(_, set)| set.id != picture.set_id) {
            return Err(WhyEncoded::ParameterSets);
        }
        let bytes = picture.sample_bytes();
        self.bytes += bytes;
        if self.bytes > MOST_BYTES {
            return Err(WhyEncoded::BitRate);
        }
        self.pictures.push(CodedPicture { ticks, bytes, is_key: picture.is_key });
        Ok(())
    }

    /// The first of its kind is kept, and all others must be the same to the last byte.
    fn see_set(&mut self, nal: &[u8]) -> Result<(), WhyEncoded> {
        // Zeros after a parameter set belong to its container.
        let nal = trim_trailing_zeros(nal);
        let known = if nal_type(nal) == SPS {
            self.sps.as_ref().map(|(known, _)| known)
        } else {
            self.pps.as_ref().map(|(known, _)| known)
        };
        match known {
            Some(known) if known == nal => return Ok(()),
            Some(_) => return Err(WhyEncoded::ParameterSets),
            None => {}
        }
        if nal_type(nal) == SPS {
            let set = SequenceSet::parse(nal).map_err(|_| WhyEncoded::ParameterSets)?;
            check_sequence(&set)?;
            self.sps = Some((nal.to_vec(), set));
        } else {
            let set = PictureSet::parse(nal).map_err(|_| WhyEncoded::ParameterSets)?;
            self.pps = Some((nal.to_vec(), set));
        }
        Ok(())
    }
}

/// What a sequence parameter set must say so that every player can show the pictures as they are.
fn check_sequence(set: &SequenceSet) -> Result<(), WhyEncoded> {
    let is_known = match set.profile {
        66 => set.constraints & CONSTRAINED != 0,
        77 | 100 => true,
        _ => false,
    };
    if !is_known {
        return Err(WhyEncoded::Profile);
    }
    if set.chroma_format != 1 || set.bit_depths != [8, 8] {
        return Err(WhyEncoded::PixelFormat);
    }
    if !set.is_progressive {
        return Err(WhyEncoded::Interlaced);
    }
    if set.has_gaps {
        return Err(WhyEncoded::Stream);
    }
    if !set.has_square_pixels {
        return Err(WhyEncoded::Geometry);
    }
    if set.full_range || set.colour.iter().any(|code| !ORDINARY_COLOURS.contains(code)) {
        return Err(WhyEncoded::Colour);
    }
    Ok(())
}

/// The parameter sets in MP4's record for the decoder.
fn record_sets(record: &[u8]) -> Result<Vec<&[u8]>, AvcError> {
    let mut sets = Vec::new();
    let mut rest = record.get(5..).ok_or(AvcError::Unreadable)?;
    for mask in [0x1f, 0xff] {
        let (count, after) = rest.split_first().ok_or(AvcError::Unreadable)?;
        rest = after;
        for _ in 0..count & mask {
            let (length, after) = rest.split_at_checked(2).ok_or(AvcError::Unreadable)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let (set, after) = after.split_at_checked(length).ok_or(AvcError::Unreadable)?;
            sets.push(set);
            rest = after;
        }
        if sets.len() > MOST_SETS {
            return Err(AvcError::Unreadable);
        }
    }
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{PICTURE, SEQUENCE};
    use super::*;
    use crate::plan::{Rate, Ratio};

    const KEY: &[u8] = &[0x65, 0x88, 0x84, 0x21];
    const ORDINARY: &[u8] = &[0x41, 0x9a, 0x24];
    const GRID: Grid = Grid { start_ticks: 0, time_base: Ratio::new(1, 30), rate: Rate::new(30, 1) };

    fn record() -> Vec<u8> {
        let mut record = vec![1, 100, 0, 31, 0xff];
        for (count, set) in [(0xe1, SEQUENCE), (1, PICTURE)] {
            record.extend_from_slice(&[count, 0, u8::try_from(set.len()).expect("short")]);
            record.extend_from_slice(set);
        }
        record
    }

    fn packet(unit: &[u8]) -> Vec<u8> {
        [&u32::try_from(unit.len()).expect("short").to_be_bytes(), unit].concat()
    }

    #[test]
    fn a_plain_stream_may_be_repackaged() {
        let mut watch = AvcWatch::new(&record());
        for (slot, unit) in [(0, KEY), (1, ORDINARY), (2, KEY)] {
            watch.see(&packet(unit), Some(slot), false);
        }
        let coded = watch.finish(&GRID).expect("a stream of ours");
        assert_eq!((coded.pictures, coded.keys.len(), coded.width, coded.height), (3, 2, 720, 1280));
    }

    proptest! {
        #[test]
        fn no_stream_makes_the_watch_panic(
            header in prop_oneof![Just(record()), prop::collection::vec(any::<u8>(), 0..80)],
            flipped: (prop::sample::Index, u8),
            packets in prop::collection::vec(
                (prop_oneof![Just(packet(KEY)), Just(packet(ORDINARY)), prop::collection::vec(any::<u8>(), 0..40)],
                 any::<Option<i64>>(), any::<bool>()),
                0..12,
            ),
            start: i64,
        ) {
            let mut header = header;
            if !header.is_empty() {
                let at = flipped.0.index(header.len());
                header[at] = flipped.1;
            }
            let mut watch = AvcWatch::new(&header);
            for (bytes, ticks, is_left_out) in &packets {
                watch.see(bytes, *ticks, *is_left_out);
            }
            if let Ok(coded) = watch.finish(&Grid { start_ticks: start, ..GRID }) {
                prop_assert_eq!(coded.pictures, packets.len() as u64);
            }
        }
    }
}

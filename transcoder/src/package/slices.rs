//! Looking into the samples of pictures that the child wrote: slices, and nothing that could lie beside them.
//!
//! Supplemental information, parameter sets and unspecified units may carry words, places and names, or change how
//! what follows is decoded. Our writers leave them out; here the parent sees to it that they did.

use super::{
    SampleOrder,
    check::{CheckError, Found, child, read_u32, run_layout, split},
    check_av1_sample, read_picture,
};
use crate::plan::Framing;

/// Flags of samples as [`super::fragment`] writes them: one that needs no other, and one that does.
const SYNC: u32 = 0x0200_0000;
const DEPENDENT: u32 = 0x0101_0000;
/// Our samples give the lengths of their units in four bytes.
const FRAMING: Framing = Framing::Lengths(4);

/// Checks the pictures of a segment that [`super::check_segment`] has passed; of sound it knows nothing.
///
/// Each sample of H.264 is exactly one picture made of slices alone, of key slices alone where the index says that it
/// needs no other, of ordinary ones alone where it does not. Each sample of AV1 holds the units that pictures are made of.
/// The first one needs no other.
pub fn check_pictures(bytes: &[u8], order: SampleOrder) -> Result<(), CheckError> {
    if order == SampleOrder::Sound {
        return Ok(());
    }
    let top = split(bytes)?;
    let (Some(moof), Some(mdat)) = (child(&top, *b"moof"), child(&top, *b"mdat")) else {
        return Err(CheckError::Missing("moof, mdat"));
    };
    let traf = split(child(&split(moof)?, *b"traf").ok_or(CheckError::Missing("traf"))?)?;
    let mut rest = mdat;
    for (index, (size, is_key)) in samples(&traf)?.into_iter().enumerate() {
        let (sample, after) =
            rest.split_at_checked(size).ok_or(CheckError::Content("the samples do not fill the data"))?;
        if order == SampleOrder::Reordered {
            check_avc_sample(sample, is_key)?;
        } else {
            check_av1_sample(sample).map_err(|_| CheckError::Content("a sample holds more than pictures"))?;
        }
        if index == 0 && !is_key {
            return Err(CheckError::Content("a segment begins with a picture that needs others"));
        }
        rest = after;
    }
    Ok(())
}

fn check_avc_sample(sample: &[u8], is_key: bool) -> Result<(), CheckError> {
    let picture =
        read_picture(FRAMING, sample).map_err(|_| CheckError::Content("a sample is not one picture of slices"))?;
    if picture.sample_bytes() != sample.len() as u64 {
        return Err(CheckError::Content("something lies beside the slices of a picture"));
    }
    if picture.is_key != is_key {
        return Err(CheckError::Content("a picture is not what the index says"));
    }
    Ok(())
}

/// Size of each sample, and whether it needs no other.
fn samples(traf: &[Found<'_>]) -> Result<Vec<(usize, bool)>, CheckError> {
    let header = child(traf, *b"tfhd").ok_or(CheckError::Missing("tfhd"))?;
    let run = child(traf, *b"trun").ok_or(CheckError::Missing("trun"))?;
    let short = || CheckError::Size("trun".into());
    let layout = run_layout(run)?;
    // After version, flags, the track's number and the length of a sample.
    let default = read_u32(header, 12).ok_or_else(|| CheckError::Size("tfhd".into()))?;
    let first = if layout.has_first_flags() { Some(read_u32(run, 12).ok_or_else(short)?) } else { None };
    let sizes = (0..layout.count).map(|index| {
        let at = layout.first_size + index * layout.stride;
        let size = read_u32(run, at).and_then(|size| usize::try_from(size).ok()).ok_or_else(short)?;
        let own = if layout.has_own_flags() { Some(read_u32(run, at + 4).ok_or_else(short)?) } else { None };
        let flags = own.or(first.filter(|_| index == 0)).unwrap_or(default);
        match flags {
            SYNC => Ok((size, true)),
            DEPENDENT => Ok((size, false)),
            _ => Err(CheckError::Content("a sample has other flags than ours")),
        }
    });
    sizes.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::{Fragment, Sample, check_segment, fragment};

    /// Slices of a key picture and of an ordinary one: first macroblock 0, parameter set 0.
    const KEY: &[u8] = &[0x65, 0x88, 0x84, 0x21];
    const ORDINARY: &[u8] = &[0x41, 0x9a, 0x24];
    /// The second slice of a key picture.
    const SECOND: &[u8] = &[0x65, 0x42, 0x21, 0x10];
    const SOMEWHERE: &[u8] = b"\x06\x05\x08+48+016/\x80";

    fn sample(units: &[&[u8]], is_key: bool) -> Sample {
        let mut bytes = Vec::new();
        for unit in units {
            bytes.extend_from_slice(&u32::try_from(unit.len()).expect("short").to_be_bytes());
            bytes.extend_from_slice(unit);
        }
        Sample { bytes, shift_ticks: 1000, is_key }
    }

    fn segment(first: u64, samples: &[Sample]) -> Vec<u8> {
        fragment(&Fragment { sequence: 7, first, sample_ticks: 1000, order: SampleOrder::Reordered, samples })
    }

    #[test]
    fn pictures_made_of_slices_pass_wherever_their_flags_stand() {
        let plain = [sample(&[KEY, SECOND], true), sample(&[ORDINARY], false)];
        let with_keys = [sample(&[KEY], true), sample(&[ORDINARY], false), sample(&[KEY], true)];
        for first in [0, 92] {
            for samples in [plain.as_slice(), with_keys.as_slice()] {
                let bytes = segment(first, samples);
                check_segment(&bytes).expect("a segment of ours");
                assert_eq!(check_pictures(&bytes, SampleOrder::Reordered), Ok(()));
            }
        }
    }

    #[test]
    fn whatever_lies_beside_slices_is_refused() {
        let faults: [(&str, &[Sample]); 10] = [
            ("information after", &[sample(&[KEY, SOMEWHERE], true)]),
            ("information before", &[sample(&[SOMEWHERE, KEY], true)]),
            ("a parameter set", &[sample(&[&[0x68, 0xeb, 0x80], KEY], true)]),
            ("a delimiter", &[sample(&[&[9, 0xf0], KEY], true)]),
            ("an unspecified unit", &[sample(&[KEY, &[0x18, 1, 2]], true)]),
            ("an empty unit", &[sample(&[KEY, &[]], true)]),
            ("two pictures", &[sample(&[KEY, KEY], true)]),
            ("an ordinary picture as a key", &[sample(&[ORDINARY], true)]),
            ("an ordinary slice in a key picture", &[sample(&[KEY, ORDINARY], true)]),
            ("a key that is not told", &[sample(&[KEY], true), sample(&[KEY], false)]),
        ];
        for (fault, samples) in faults {
            for first in [0, 92] {
                let bytes = segment(first, samples);
                check_segment(&bytes).expect("the boxes are ours");
                assert!(check_pictures(&bytes, SampleOrder::Reordered).is_err(), "{fault}");
            }
        }
    }

    #[test]
    fn samples_of_av1_hold_pictures_alone() {
        // A frame of two bytes, and metadata of as many.
        let (frame, metadata): (&[u8], &[u8]) = (&[0x32, 2, 1, 2], &[0x2a, 2, 4, 9]);
        let check = |bytes: Vec<u8>, order| {
            let samples = [Sample { bytes, shift_ticks: 0, is_key: true }];
            check_pictures(
                &fragment(&Fragment { sequence: 1, first: 9, sample_ticks: 9, order, samples: &samples }),
                order,
            )
        };
        assert_eq!(check(frame.to_vec(), SampleOrder::Straight), Ok(()));
        assert!(check([frame, metadata].concat(), SampleOrder::Straight).is_err());
        assert!(check(frame[..3].to_vec(), SampleOrder::Straight).is_err());
        assert_eq!(check(metadata.to_vec(), SampleOrder::Sound), Ok(()), "sound is none of its business");
    }

    #[test]
    fn a_cut_unit_is_refused() {
        let mut cut = sample(&[KEY], true);
        cut.bytes[3] += 1;
        assert!(check_pictures(&segment(92, &[cut]), SampleOrder::Reordered).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at: prop::sample::Index, value: u8) {
            let _ = check_pictures(&bytes, SampleOrder::Reordered);
            let mut flipped = segment(0, &[sample(&[KEY, SECOND], true), sample(&[ORDINARY], false)]);
            let at = at.index(flipped.len());
            flipped[at] = value;
            let _ = check_pictures(&flipped, SampleOrder::Reordered);
        }

        #[test]
        fn samples_of_arbitrary_units_pass_only_as_slices(units in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![KEY.to_vec(), SECOND.to_vec(), ORDINARY.to_vec(), SOMEWHERE.to_vec()]),
                prop::collection::vec(any::<u8>(), 0..9),
            ],
            1..4,
        )) {
            let units: Vec<&[u8]> = units.iter().map(Vec::as_slice).collect();
            let bytes = sample(&units, true).bytes;
            let segment = segment(92, &[Sample { bytes: bytes.clone(), shift_ticks: 0, is_key: true }]);
            if check_pictures(&segment, SampleOrder::Reordered).is_ok() {
                let picture = read_picture(FRAMING, &bytes).expect("a picture");
                prop_assert_eq!(picture.to_sample(), bytes);
            }
        }
    }
}

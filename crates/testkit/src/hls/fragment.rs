//! What a media segment says: its fragments and their samples.

use super::boxes::{Mp4Box, Reader, boxes, first, only};
use super::init::Track;

/// More samples than this in one run are not believed.
const MOST_SAMPLES: u32 = 100_000;

/// A movie fragment.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    pub(super) sequence: u32,
    pub(super) track_id: u32,
    /// Offsets count from the `moof`, and from nothing else.
    pub(super) is_self_contained: bool,
    /// `tfdt`.
    pub(super) start: Option<u64>,
    pub(super) samples: Vec<Sample>,
    /// The samples fill the `mdat` exactly and in order.
    pub(super) is_filled: bool,
    /// Shifts may be negative.
    pub(super) has_signed_shifts: bool,
}

/// A sample and where its bytes lie in the segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) at: usize,
    pub(super) size: usize,
    pub(super) ticks: u64,
    pub(super) shift: i64,
    pub(super) is_sync: bool,
}

/// Flag of a sample that needs others.
const NON_SYNC: u32 = 0x0001_0000;

/// The fragments of a segment, and the kinds of all boxes beside them.
pub(super) fn parse(bytes: &[u8], track: &Track) -> Result<(Vec<Fragment>, Vec<String>), String> {
    let top = boxes(bytes, 0)?;
    let (mut fragments, mut others) = (Vec::new(), Vec::new());
    let mut open: Option<Mp4Box<'_>> = None;
    for found in &top {
        match (&found.kind, open.take()) {
            (b"moof", None) => open = Some(*found),
            (b"mdat", Some(moof)) => fragments.push(Fragment::parse(&moof, found, track)?),
            (b"styp" | b"sidx" | b"prft" | b"emsg", None) => others.push(found.name()),
            _ => return Err(format!("{} stands in the wrong place", found.name())),
        }
    }
    if open.is_some() || fragments.is_empty() {
        return Err("a fragment is incomplete".into());
    }
    Ok((fragments, others))
}

/// What `tfhd` gives for all samples.
struct Header {
    track_id: u32,
    flags: u32,
    base: Option<u64>,
    ticks: u32,
    size: u32,
    sample_flags: u32,
}

impl Header {
    fn parse(found: &Mp4Box<'_>, track: &Track) -> Result<Self, String> {
        let mut reader = found.reader();
        let (_, flags) = reader.version_and_flags()?;
        let track_id = reader.u32()?;
        let base = if flags & 1 == 0 { None } else { Some(reader.u64()?) };
        if flags & 2 != 0 {
            reader.u32()?;
        }
        let mut optional = |flag: u32, default: u32| if flags & flag == 0 { Ok(default) } else { reader.u32() };
        let ticks = optional(0x08, track.defaults.ticks)?;
        let size = optional(0x10, track.defaults.size)?;
        let sample_flags = optional(0x20, track.defaults.flags)?;
        Ok(Self { track_id, flags, base, ticks, size, sample_flags })
    }
}

impl Fragment {
    fn parse(moof: &Mp4Box<'_>, mdat: &Mp4Box<'_>, track: &Track) -> Result<Self, String> {
        let inside = moof.inner(0)?;
        let mut header = only(&inside, *b"mfhd")?.reader();
        header.version_and_flags()?;
        let run = only(&inside, *b"traf")?.inner(0)?;
        let head = Header::parse(&only(&run, *b"tfhd")?, track)?;
        let start = match first(&run, *b"tfdt") {
            Some(found) => {
                let mut reader = found.reader();
                let (version, _) = reader.version_and_flags()?;
                Some(reader.time(version)?)
            }
            None => None,
        };
        let origin = match head.base {
            Some(base) => usize::try_from(base).map_err(|_| "an offset beyond all memory")?,
            None => moof.start,
        };
        let (samples, has_signed_shifts) = samples(&only(&run, *b"trun")?, &head, origin)?;
        let mut at = mdat.content_start;
        let mut is_filled = true;
        for sample in &samples {
            is_filled &= sample.at == at;
            at = at.saturating_add(sample.size);
        }
        is_filled &= at == mdat.content_start + mdat.content.len();
        Ok(Self {
            sequence: header.u32()?,
            track_id: head.track_id,
            is_self_contained: head.flags & 0x02_0000 != 0 && head.base.is_none(),
            start,
            samples,
            is_filled,
            has_signed_shifts,
        })
    }
}

fn samples(found: &Mp4Box<'_>, head: &Header, origin: usize) -> Result<(Vec<Sample>, bool), String> {
    let mut reader = found.reader();
    let (version, flags) = reader.version_and_flags()?;
    let count = reader.u32()?;
    if count > MOST_SAMPLES {
        return Err(format!("a run of {count} samples"));
    }
    let offset =
        if flags & 1 == 0 { return Err("the run does not say where its data are".into()) } else { reader.u32()? };
    // The offset is signed; data before the fragment itself are none of ours.
    let offset = usize::try_from(i64::from(offset.cast_signed())).map_err(|_| "data before the fragment")?;
    let first_flags = if flags & 4 == 0 { None } else { Some(reader.u32()?) };
    let mut at = origin.checked_add(offset).ok_or("an offset beyond all memory")?;
    let mut samples = Vec::new();
    for index in 0..count {
        let sample = sample(&mut reader, head, flags, version, at, first_flags.filter(|_| index == 0))?;
        at = at.checked_add(sample.size).ok_or("samples beyond all memory")?;
        samples.push(sample);
    }
    Ok((samples, version > 0))
}

fn sample(
    reader: &mut Reader<'_>,
    head: &Header,
    flags: u32,
    version: u8,
    at: usize,
    first_flags: Option<u32>,
) -> Result<Sample, String> {
    let mut optional = |flag: u32, default: u32| if flags & flag == 0 { Ok(default) } else { reader.u32() };
    let ticks = optional(0x100, head.ticks)?;
    let size = optional(0x200, head.size)?;
    let own_flags = optional(0x400, first_flags.unwrap_or(head.sample_flags))?;
    let shift = optional(0x800, 0)?;
    Ok(Sample {
        at,
        size: usize::try_from(size).map_err(|_| "a sample beyond all memory")?,
        ticks: ticks.into(),
        shift: if version > 0 { shift.cast_signed().into() } else { shift.into() },
        is_sync: own_flags & NON_SYNC == 0,
    })
}

//! A whole clip as one MP4 that plays from its first bytes on, made of segments that exist.

use super::{
    boxes::BoxWriter,
    init::{data_reference, handler, matrix},
    samples::{SampleFacts, SegmentSamples, TrackFacts},
};

/// Ticks a second of the movie as a whole.
const MOVIE_TIMESCALE: u32 = 1000;

/// One track in the making.
#[derive(Debug, Clone)]
pub struct MovieTrack {
    facts: TrackFacts,
    is_sound: bool,
    samples: Vec<SampleFacts>,
    /// Positions, from one, of the samples that need no other.
    keys: Vec<u32>,
    /// Where each run of samples begins in the data, and how many it has.
    runs: Vec<(u64, u32)>,
    /// When the last sample ends.
    ticks: u64,
}

impl MovieTrack {
    /// A track without samples.
    pub fn new(facts: TrackFacts, is_sound: bool) -> Self {
        Self { facts, is_sound, samples: Vec::new(), keys: Vec::new(), runs: Vec::new(), ticks: 0 }
    }

    /// Adds the samples of the next segment, whose bytes lie at `offset` of the movie's data. `false`
    /// when it does not begin where the last one ended.
    pub fn add(&mut self, segment: &SegmentSamples, offset: u64) -> bool {
        if segment.start_ticks != self.ticks {
            return false;
        }
        self.ticks += segment.samples.iter().map(|sample| u64::from(sample.length_ticks)).sum::<u64>();
        self.keys.push(small(self.samples.len() + 1));
        self.runs.push((offset, small(segment.samples.len())));
        self.samples.extend_from_slice(&segment.samples);
        true
    }

    /// The last picture in decoding order lasts until everything has been shown: pictures are decoded
    /// a little before they are shown, and the track is as long as what is shown.
    fn stretch_last(&mut self) {
        let (mut decoded, mut shown) = (0u64, 0u64);
        for sample in &self.samples {
            shown = shown.max(decoded + u64::from(sample.shift_ticks) + u64::from(sample.length_ticks));
            decoded += u64::from(sample.length_ticks);
        }
        if let Some(last) = self.samples.last_mut() {
            let longer = u32::try_from(shown.saturating_sub(decoded)).unwrap_or(0);
            last.length_ticks = last.length_ticks.saturating_add(longer);
            self.ticks += u64::from(longer);
        }
    }

    fn movie_ticks(&self) -> u32 {
        let ticks = u128::from(self.ticks) * u128::from(MOVIE_TIMESCALE);
        u32::try_from(ticks.div_ceil(u128::from(self.facts.timescale))).unwrap_or(u32::MAX)
    }
}

/// Everything of the file before the data: its type, its index, and the header of the data.
/// None when the data is too long for one file.
pub fn movie_head(mut tracks: Vec<MovieTrack>, data_bytes: u64) -> Option<Vec<u8>> {
    let data_box = u32::try_from(data_bytes.checked_add(8)?).ok()?;
    tracks.iter_mut().for_each(MovieTrack::stretch_last);
    // The index is as long whatever the offsets in it, so it is written twice.
    let head = u64::try_from(write_head(&tracks, 0, data_box).len()).ok()?;
    let last_offset = head.checked_add(data_bytes)?;
    u32::try_from(last_offset).is_ok().then(|| write_head(&tracks, head, data_box))
}

fn write_head(tracks: &[MovieTrack], data_at: u64, data_box: u32) -> Vec<u8> {
    let mut w = BoxWriter::default();
    w.boxed(*b"ftyp", |w| {
        w.raw(b"isom");
        w.u32(0x200);
        for brand in [b"isom", b"iso2", b"avc1", b"mp41"] {
            w.raw(brand);
        }
    });
    w.boxed(*b"moov", |w| {
        movie_header(w, tracks);
        for (number, track) in (1..).zip(tracks) {
            w.boxed(*b"trak", |w| write_track(w, number, track, data_at));
        }
    });
    w.u32(data_box);
    w.raw(b"mdat");
    w.into_bytes()
}

fn movie_header(w: &mut BoxWriter, tracks: &[MovieTrack]) {
    w.full(*b"mvhd", 0, 0, |w| {
        w.zeros(8);
        w.u32(MOVIE_TIMESCALE);
        w.u32(tracks.iter().map(MovieTrack::movie_ticks).max().unwrap_or(0));
        w.u32(0x1_0000);
        w.u16(0x0100);
        w.zeros(10);
        matrix(w);
        w.zeros(24);
        w.u32(small(tracks.len() + 1));
    });
}

fn write_track(w: &mut BoxWriter, number: u32, track: &MovieTrack, data_at: u64) {
    w.full(*b"tkhd", 0, 7, |w| {
        w.zeros(8);
        w.u32(number);
        w.zeros(4);
        w.u32(track.movie_ticks());
        w.zeros(8);
        w.zeros(4);
        w.u16(if track.is_sound { 0x0100 } else { 0 });
        w.u16(0);
        matrix(w);
        w.u32(track.facts.size.0);
        w.u32(track.facts.size.1);
    });
    w.boxed(*b"mdia", |w| {
        w.full(*b"mdhd", 1, 0, |w| {
            w.zeros(16);
            w.u32(track.facts.timescale);
            w.u64(track.ticks);
            w.u16(super::init::UNDETERMINED);
            w.u16(0);
        });
        handler(w, if track.is_sound { *b"soun" } else { *b"vide" });
        w.boxed(*b"minf", |w| {
            if track.is_sound {
                w.full(*b"smhd", 0, 0, |w| w.zeros(4));
            } else {
                w.full(*b"vmhd", 0, 1, |w| w.zeros(8));
            }
            data_reference(w);
            w.boxed(*b"stbl", |w| sample_table(w, track, data_at));
        });
    });
}

fn sample_table(w: &mut BoxWriter, track: &MovieTrack, data_at: u64) {
    w.boxed(*b"stsd", |w| w.raw(&track.facts.description));
    run_lengths(w, *b"stts", track.samples.iter().map(|sample| sample.length_ticks));
    if !track.is_sound {
        run_lengths(w, *b"ctts", track.samples.iter().map(|sample| sample.shift_ticks));
        w.full(*b"stss", 0, 0, |w| {
            w.u32(small(track.keys.len()));
            track.keys.iter().for_each(|key| w.u32(*key));
        });
    }
    w.full(*b"stsc", 0, 0, |w| {
        w.u32(small(track.runs.len()));
        for (number, (_, samples)) in (1..).zip(&track.runs) {
            w.u32(number);
            w.u32(*samples);
            w.u32(1);
        }
    });
    w.full(*b"stsz", 0, 0, |w| {
        w.u32(0);
        w.u32(small(track.samples.len()));
        track.samples.iter().for_each(|sample| w.u32(sample.bytes));
    });
    w.full(*b"stco", 0, 0, |w| {
        w.u32(small(track.runs.len()));
        track.runs.iter().for_each(|(offset, _)| w.u32(small(data_at + offset)));
    });
}

/// A table of values, each with how many samples in a row have it.
fn run_lengths(w: &mut BoxWriter, kind: [u8; 4], values: impl Iterator<Item = u32>) {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    w.full(kind, 0, 0, |w| {
        w.u32(small(runs.len()));
        for (count, value) in runs {
            w.u32(count);
            w.u32(value);
        }
    });
}

/// Counts and offsets of one file: [`movie_head`] sees to it that they fit.
fn small(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> MovieTrack {
        let facts = TrackFacts { timescale: 1000, size: (0, 0), description: vec![0; 8] };
        let mut track = MovieTrack::new(facts, false);
        let sample = |length_ticks, shift_ticks| SampleFacts { bytes: 10, length_ticks, shift_ticks };
        let segment = SegmentSamples { start_ticks: 0, samples: vec![sample(40, 80), sample(40, 120)], data: 0..20 };
        assert!(track.add(&segment, 0));
        track
    }

    #[test]
    fn the_track_is_as_long_as_what_is_shown() {
        let mut track = track();
        track.stretch_last();
        // The second picture is decoded at 40, shown at 160 and lasts 40.
        assert_eq!(track.ticks, 200);
    }

    #[test]
    fn a_segment_that_does_not_follow_is_refused() {
        let late = SegmentSamples { start_ticks: 81, samples: vec![], data: 0..0 };
        assert!(!track().add(&late, 20));
        assert!(track().add(&SegmentSamples { start_ticks: 80, ..late }, 20));
    }

    #[test]
    fn offsets_point_behind_the_head_and_too_much_data_is_refused() {
        let head = movie_head(vec![track()], 20).expect("a head");
        let stco = head.windows(4).position(|kind| kind == b"stco").expect("offsets");
        let offset = u32::from_be_bytes(head[stco + 12..stco + 16].try_into().expect("four bytes"));
        assert_eq!(offset as usize, head.len());
        assert_eq!(movie_head(vec![track()], u64::from(u32::MAX) - 100), None);
    }
}

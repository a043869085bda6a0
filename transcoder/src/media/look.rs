//! A look at a source before the work begins: a few pictures are encoded as the largest rung would be, and compared with
//! themselves at the size of the rung below.
//!
//! It must cost next to nothing, because nobody can watch the clip before it is done: few pictures are decoded, bands of
//! them encoded, and the first place that is worth the largest rung ends it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ffmpeg_next::{Packet, frame};

use super::{
    MediaError,
    convert::Converter,
    decode::PictureDecoder,
    detail::{Comparison, is_flat},
    encode::PictureEncoder,
    filters,
    graph::Graph,
    input::Source,
    raw,
};
use crate::{
    package::annex_b_to_sample,
    plan::{Limits, Look, LookSample, RungPlan, SourceVideo, TranscodePlan},
};

/// Where in the clip to look, in per cent of its length.
const PLACES_PERCENT: [u64; Look::MOST_SAMPLES] = [20, 50, 80];
/// Pictures of the largest rung in a sample: decoding them is most of what a look costs.
const PICTURES: u64 = 3;
/// Sources that are more than this many times as fast as the largest rung give fewer pictures.
const MOST_SPEED: u64 = 4;
/// Packets read for a sample, of all streams.
const MOST_PACKETS: usize = 200;
/// Nobody waits longer than this for a look.
const LONGEST: Duration = Duration::from_secs(10);
/// A cap that no picture reaches: what is asked is how many bits x264 would like to have.
const UNCAPPED_KBPS: u32 = 200_000;

/// Looks at the clip in a few places, until one is found that is worth the largest rung; places that have nothing to say
/// for themselves are left out.
///
/// # Errors
/// When the source cannot be read or sought, takes too long, or has nothing to compare. The clip can be made all the same.
pub fn look(path: &Path, plan: &TranscodePlan, limits: &Limits) -> Result<Look, MediaError> {
    let [.., below, top] = plan.rungs.as_slice() else {
        return Err(MediaError::Inconsistent("one rung has nothing to be compared with".into()));
    };
    let mut looker = Looker {
        source: Source::open_stream(path, plan.source.stream, None)?,
        limits,
        plan,
        top,
        converter: Converter::new(&plan.conversion),
        bands: None,
        comparison: Comparison::new((below.width, below.height)),
        next_slot: 0,
        until: Instant::now() + LONGEST,
    };
    let mut look = Look { samples: Vec::new() };
    for percent in PLACES_PERCENT {
        look.samples.extend(looker.sample(plan.total_frames * percent / 100)?);
        if look.wants_top(top) {
            break;
        }
    }
    Ok(look)
}

/// What stays the same from sample to sample.
struct Looker<'a> {
    source: Source,
    limits: &'a Limits,
    plan: &'a TranscodePlan,
    top: &'a RungPlan,
    converter: Converter<'a>,
    bands: Option<Graph>,
    comparison: Comparison,
    /// Everything before this slot was looked at already.
    next_slot: i64,
    until: Instant,
}

impl Looker<'_> {
    /// The pictures from the last key picture at or before `slot` on; nothing when they were looked at already, are
    /// damaged, or too few, or when there is nothing to see.
    fn sample(&mut self, slot: u64) -> Result<Option<LookSample>, MediaError> {
        let plan = self.plan;
        let SourceVideo { stream, decoder: name, .. } = &plan.source;
        let start_us = i64::try_from(plan.rate.frame_start_us(slot)).unwrap_or(0);
        self.source.seek(plan.source.origin_us().saturating_add(start_us))?;
        let Some(first) = self.find_key()? else { return Ok(None) };
        let mut decoder = PictureDecoder::open(&self.source, *stream, name, 1, self.limits.max_source_pixels)?;
        let mut sampling = Sampling::new(self.top)?;
        let mut packet = first.packet;
        let mut missing = self.packets();
        for _ in 0..MOST_PACKETS {
            if packet.stream() == *stream {
                decoder.feed(Some(&packet), &mut |picture| self.take(&mut sampling, picture, first.ticks))?;
                missing -= 1;
            }
            if missing == 0 || sampling.is_useless || !self.source.read(&mut packet)? {
                break;
            }
            if Instant::now() > self.until {
                return Err(MediaError::Inconsistent("looking takes too long".into()));
            }
        }
        decoder.feed(None, &mut |picture| self.take(&mut sampling, picture, first.ticks))?;
        if decoder.errors() > 0 { Ok(None) } else { sampling.finish() }
    }

    /// Packets of the pictures of a sample, where the source may be faster than the rung.
    fn packets(&self) -> u64 {
        let shown = (self.plan.total_frames / self.top.divisor).max(1);
        let speed = (self.plan.source.frames.saturating_add(shown / 2) / shown).clamp(1, MOST_SPEED);
        (PICTURES - 1) * speed + 1
    }

    /// Reads up to the next key picture, where the decoder can begin.
    fn find_key(&mut self) -> Result<Option<Key>, MediaError> {
        let mut packet = Packet::empty();
        for _ in 0..MOST_PACKETS {
            if !self.source.read(&mut packet)? {
                return Ok(None);
            }
            if packet.stream() != self.plan.source.stream || !packet.is_key() {
                continue;
            }
            let Some(ticks) = packet.pts().or(packet.dts()) else { return Ok(None) };
            let slot = self.plan.grid().slot(ticks);
            if slot < self.next_slot {
                return Ok(None);
            }
            self.next_slot = slot + 1;
            return Ok(Some(Key { packet, ticks }));
        }
        Ok(None)
    }

    /// Looks at a picture, if it is one that the largest rung shows. Those before the key picture lack what they are
    /// made from.
    fn take(&mut self, sampling: &mut Sampling, picture: frame::Video, from_ticks: i64) -> Result<(), MediaError> {
        sampling.is_useless |= raw::is_flawed(&picture);
        let Some(ticks) = picture.timestamp().filter(|ticks| *ticks >= from_ticks) else { return Ok(()) };
        let Ok(slot) = u64::try_from(self.plan.grid().slot(ticks)) else { return Ok(()) };
        let frame = slot / self.top.divisor;
        if sampling.is_useless || sampling.last.is_some_and(|last| frame <= last) {
            return Ok(());
        }
        let picture = self.converter.convert(picture)?;
        if sampling.first.is_none() {
            sampling.is_useless |= is_flat(&picture);
            sampling.detail = self.comparison.detail(&picture)?;
        }
        sampling.encode(self.bands(&picture)?, frame)
    }

    fn bands(&mut self, picture: &frame::Video) -> Result<frame::Video, MediaError> {
        let shared = raw::share(picture)?;
        let graph = match &mut self.bands {
            Some(graph) => graph,
            none => none.insert(Graph::for_pictures(&shared, (1, 1000), 1, &filters::bands(picture.height()))?),
        };
        graph.map(&shared)
    }
}

/// Where a sample begins.
struct Key {
    packet: Packet,
    ticks: i64,
}

/// One sample in the making.
struct Sampling {
    encoder: PictureEncoder,
    pictures: u32,
    /// The first and the last picture of the rung.
    first: Option<u64>,
    last: Option<u64>,
    /// There is nothing to see, or something is wrong with it.
    is_useless: bool,
    detail: u32,
    bits: Bits,
    /// Bits of this many rows stand for those of that many.
    rows: (u64, u64),
}

/// Bits of pictures that need no other, and of those that do.
#[derive(Default)]
struct Bits {
    key: u64,
    other: u64,
}

impl Sampling {
    fn new(rung: &RungPlan) -> Result<Self, MediaError> {
        let height = filters::BANDS * filters::band_height(rung.height);
        let uncapped = RungPlan { height, cap_kbps: UNCAPPED_KBPS, ..rung.clone() };
        Ok(Self {
            encoder: PictureEncoder::open(&uncapped)?,
            pictures: 0,
            first: None,
            last: None,
            is_useless: false,
            detail: 0,
            bits: Bits::default(),
            rows: (u64::from(height), u64::from(rung.height)),
        })
    }

    fn encode(&mut self, mut picture: frame::Video, frame: u64) -> Result<(), MediaError> {
        let is_first = self.first.is_none();
        self.first.get_or_insert(frame);
        self.last = Some(frame);
        let (time, bits) = (i64::from(self.pictures), &mut self.bits);
        self.pictures += 1;
        self.encoder.encode(&mut picture, time, is_first, &mut |piece| bits.count(&piece.bytes, piece.is_key))
    }

    /// What was found, if there was enough to look at.
    fn finish(mut self) -> Result<Option<LookSample>, MediaError> {
        let (Some(first), Some(last)) = (self.first, self.last) else { return Ok(None) };
        // Uneven pictures may lie so far apart that they say nothing of what a second takes.
        let frames = u32::try_from(last - first).unwrap_or(u32::MAX);
        if self.is_useless || !(1..=Look::MOST_FRAMES).contains(&frames) {
            return Ok(None);
        }
        let bits = &mut self.bits;
        self.encoder.finish(&mut |piece| bits.count(&piece.bytes, piece.is_key))?;
        let (seen, all) = self.rows;
        let of_all = |bits: u64| bits * all / seen;
        let Bits { key, other } = self.bits;
        Ok(Some(LookSample { key_bits: of_all(key), other_bits: of_all(other), frames, detail: self.detail }))
    }
}

impl Bits {
    #[expect(clippy::unnecessary_wraps, reason = "what takes pieces may fail")]
    fn count(&mut self, piece: &[u8], is_key: bool) -> Result<(), MediaError> {
        let bits = annex_b_to_sample(piece).len() as u64 * 8;
        *if is_key { &mut self.key } else { &mut self.other } += bits;
        Ok(())
    }
}

//! One rung: scales, encodes and writes on a thread of its own.

use std::{
    ops::Range,
    path::Path,
    sync::mpsc::{Receiver, Sender},
};

use ffmpeg_next::frame;

use super::{
    MediaError,
    chunks::Report,
    encode::{Encoded, PictureEncoder},
    filters,
    graph::Graph,
    stages::{RungStages, Stopwatch},
    stream::{StreamConfig, read_sample},
    writer::SegmentWriter,
};
use crate::{
    package::{InitReport, RenditionChunk, Sample, SampleOrder},
    plan::{Codec, RungPlan, TranscodePlan},
};

/// What a rung is given to do.
pub(super) enum RungInput {
    /// A picture of the largest rung's size and the pictures of this rung that show it.
    Picture { picture: frame::Video, frames: Range<u64> },
    /// All pictures of the chunk have come.
    ChunkEnd(usize),
}

/// Works until the senders are gone.
pub(super) fn run(
    plan: &TranscodePlan,
    rung: &RungPlan,
    job: &Path,
    inputs: &Receiver<RungInput>,
    reports: &Sender<Report>,
    stages: &RungStages,
) -> Result<(), MediaError> {
    let ticks = rung.rate.frame_ticks();
    let writer = SegmentWriter::new(job, &rung.name, ticks, SampleOrder::of(rung.codec));
    let mut scaler = Scaler { rung, graph: None };
    let mut chunk: Option<ChunkEncoder<'_>> = None;
    let mut init: Option<InitReport> = None;
    for input in inputs {
        match input {
            RungInput::Picture { picture, frames } => {
                let picture = scaler.scale(picture, &stages.scale)?;
                let encoder = match &mut chunk {
                    Some(encoder) => encoder,
                    None => chunk.insert(ChunkEncoder::open(plan, rung, &writer, frames.start, &stages.package)?),
                };
                stages.encode.time(|| encoder.encode(picture, frames))?;
            }
            RungInput::ChunkEnd(index) => {
                let Some(encoder) = chunk.take() else {
                    return Err(MediaError::Inconsistent(format!("chunk {index} is empty")));
                };
                let header = encoder.header.clone();
                let segment_bytes = stages.encode.time(|| encoder.finish(index))?;
                let init = remember_init(&mut init, rung, &writer, &header)?.clone();
                let part = RenditionChunk { rendition: rung.name.clone(), segment_bytes, key_bytes: Vec::new() };
                if reports.send(Report { chunk: index, init, part }).is_err() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Writes the initialisation segment once, and insists that all chunks agree on it.
fn remember_init<'i>(
    init: &'i mut Option<InitReport>,
    rung: &RungPlan,
    writer: &SegmentWriter,
    header: &[u8],
) -> Result<&'i InitReport, MediaError> {
    let config = StreamConfig::read(rung.codec, header)?;
    if init.as_ref().is_some_and(|init| init.codecs != config.codec_string()) {
        return Err(MediaError::Inconsistent("two chunks have different parameter sets".into()));
    }
    if init.is_none() {
        let bytes = writer.write_init(&config.init(rung))?;
        let (rendition, codecs) = (rung.name.clone(), config.codec_string());
        *init = Some(InitReport { rendition, codecs, bytes, sha256: None });
    }
    init.as_ref().ok_or_else(|| MediaError::Inconsistent("no initialisation segment".into()))
}

struct Scaler<'a> {
    rung: &'a RungPlan,
    graph: Option<Graph>,
}

impl Scaler<'_> {
    fn scale(&mut self, picture: frame::Video, stopwatch: &Stopwatch) -> Result<frame::Video, MediaError> {
        let (width, height) = (self.rung.width, self.rung.height);
        if (picture.width(), picture.height()) == (width, height) {
            return Ok(picture);
        }
        stopwatch.time(|| {
            let graph = match &mut self.graph {
                Some(graph) => graph,
                none => none.insert(Graph::for_pictures(&picture, (1, 1000), 1, &filters::downscale(width, height))?),
            };
            graph.map(&picture)
        })
    }
}

/// Encodes one chunk and cuts it into segments.
struct ChunkEncoder<'a> {
    plan: &'a TranscodePlan,
    rung: &'a RungPlan,
    /// None only between two segments of AV1.
    encoder: Option<PictureEncoder>,
    header: Vec<u8>,
    first_frame: u64,
    cutter: Cutter<'a>,
}

/// Collects encoded pictures and writes a segment whenever the next one begins.
struct Cutter<'a> {
    writer: &'a SegmentWriter,
    stopwatch: &'a Stopwatch,
    codec: Codec,
    ticks: u32,
    /// Segments of the chunk still to come, as index and frames, the current one first.
    segments: std::collections::VecDeque<(usize, Range<u64>)>,
    /// Position in decoding order of the next picture.
    position: u64,
    samples: Vec<Sample>,
    sizes: Vec<u64>,
}

impl<'a> ChunkEncoder<'a> {
    fn open(
        plan: &'a TranscodePlan,
        rung: &'a RungPlan,
        writer: &'a SegmentWriter,
        first_frame: u64,
        stopwatch: &'a Stopwatch,
    ) -> Result<Self, MediaError> {
        let encoder = PictureEncoder::open(rung)?;
        let chunk = plan
            .chunks
            .iter()
            .find(|chunk| own_frames(plan, rung, chunk.first_segment).start == first_frame)
            .ok_or_else(|| MediaError::Inconsistent(format!("no chunk begins at {first_frame}")))?;
        let segments = chunk.segment_range().map(|s| (s, own_frames(plan, rung, s))).collect();
        let ticks = rung.rate.frame_ticks();
        let cutter = Cutter {
            writer,
            stopwatch,
            codec: rung.codec,
            ticks,
            segments,
            position: first_frame,
            samples: Vec::new(),
            sizes: Vec::new(),
        };
        Ok(Self { plan, rung, header: encoder.header().to_vec(), encoder: Some(encoder), first_frame, cutter })
    }

    fn encode(&mut self, mut picture: frame::Video, frames: Range<u64>) -> Result<(), MediaError> {
        for frame in frames {
            let slot = frame * self.rung.divisor;
            let is_key = self.plan.segment_starts.binary_search(&slot).is_ok();
            let time = i64::try_from(frame).unwrap_or(i64::MAX);
            if is_key && self.rung.codec == Codec::Av1 && frame > self.first_frame {
                // A segment of AV1 has an encoder of its own: SVT-AV1 sets key pictures where it likes.
                self.flush()?;
            }
            let cutter = &mut self.cutter;
            let encoder = match &mut self.encoder {
                Some(encoder) => encoder,
                none => none.insert(open_alike(self.rung, &self.header)?),
            };
            encoder.encode(&mut picture, time, is_key, &mut |piece| cutter.take(&piece))?;
        }
        Ok(())
    }

    /// Takes what the encoder still has, and gives back its memory.
    fn flush(&mut self) -> Result<(), MediaError> {
        let cutter = &mut self.cutter;
        self.encoder.take().map_or(Ok(()), |encoder| encoder.finish(&mut |piece| cutter.take(&piece)))
    }

    /// Sizes of the chunk's segments, all of them written.
    fn finish(mut self, index: usize) -> Result<Vec<u64>, MediaError> {
        self.flush()?;
        let mut cutter = self.cutter;
        cutter.close_segment()?;
        let planned = self.plan.chunks[index].segments;
        if cutter.sizes.len() != planned {
            let made = cutter.sizes.len();
            return Err(MediaError::Inconsistent(format!("{made} segments instead of {planned}")));
        }
        Ok(cutter.sizes)
    }
}

/// Another encoder for the same stream.
fn open_alike(rung: &RungPlan, header: &[u8]) -> Result<PictureEncoder, MediaError> {
    let encoder = PictureEncoder::open(rung)?;
    if encoder.header() == header {
        Ok(encoder)
    } else {
        Err(MediaError::Inconsistent("two segments have different sequence headers".into()))
    }
}

fn own_frames(plan: &TranscodePlan, rung: &RungPlan, segment: usize) -> Range<u64> {
    rung.own_frames(&plan.segment_slots(segment))
}

impl Cutter<'_> {
    fn take(&mut self, piece: &Encoded) -> Result<(), MediaError> {
        let next_starts = self.segments.get(1).and_then(|(_, next)| i64::try_from(next.start).ok());
        if piece.is_key && next_starts == Some(piece.time) {
            self.close_segment()?;
        }
        let shown = u64::try_from(piece.time).ok().map(|time| time * u64::from(self.ticks));
        let decoded = SampleOrder::of(self.codec).decode_ticks(self.position, self.ticks);
        let shift_ticks = shown
            .and_then(|shown| shown.checked_sub(decoded))
            .and_then(|shift| u32::try_from(shift).ok())
            .ok_or_else(|| MediaError::Inconsistent("a picture is far out of order".into()))?;
        let bytes = read_sample(self.codec, &piece.bytes)?;
        self.samples.push(Sample { bytes, shift_ticks, is_key: piece.is_key });
        self.position += 1;
        Ok(())
    }

    /// Writes the current segment, which must hold exactly the planned pictures.
    fn close_segment(&mut self) -> Result<(), MediaError> {
        let Some((index, frames)) = self.segments.pop_front() else {
            return Err(MediaError::Inconsistent("more segments than planned".into()));
        };
        let planned = frames.end - frames.start;
        if self.samples.len() as u64 != planned {
            let made = self.samples.len();
            let text = format!("segment {index} has {made} pictures instead of {planned}");
            return Err(MediaError::Inconsistent(text));
        }
        let written = self.stopwatch.time(|| self.writer.write_segment(index, frames.start, &self.samples))?;
        self.sizes.push(written);
        self.samples.clear();
        Ok(())
    }
}

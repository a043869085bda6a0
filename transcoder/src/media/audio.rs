//! The audio rendition, on a thread of its own with its own reader.

use std::{path::Path, sync::mpsc::Sender};

use super::{
    MediaError,
    chunks::Report,
    encode::{Encoded, SoundEncoder},
    listen::Listener,
    sound::SoundLine,
    writer::SegmentWriter,
};
use crate::{
    loudness::Leveller,
    package::{AUDIO_RENDITION, AudioTrack, InitReport, RenditionChunk, Sample, SampleOrder, audio_init},
    plan::{AAC_FRAME_SAMPLES, AUDIO_KBPS, AUDIO_RATE_HZ, AudioPlan, TranscodePlan},
};

/// AAC-LC in the words of RFC 6381.
const CODECS: &str = "mp4a.40.2";
/// Frames encoded before the first one that is kept when work resumes in the middle, so that
/// the encoder has settled and the joint cannot be heard.
const RUN_UP_FRAMES: u64 = 8;
/// How much earlier than needed the reader starts when work resumes in the middle.
const SEEK_EARLIER_US: i64 = 500_000;

/// Makes the audio rendition from chunk `first_chunk` on; calls `after_first` when the first chunk
/// of the clip is done, which returns when the others may follow.
pub(super) fn run(
    plan: &TranscodePlan,
    audio: &AudioPlan,
    source: &Path,
    job: &Path,
    first_chunk: usize,
    reports: &Sender<Report>,
    after_first: &dyn Fn(),
) -> Result<(), MediaError> {
    let first_segment = plan.chunks[first_chunk].first_segment;
    let first_frame = audio.segment_starts[first_segment];
    let run_up = first_frame.saturating_sub(RUN_UP_FRAMES);
    let from_us = (run_up > 0).then(|| audio.origin_us + frame_start_us(run_up) - SEEK_EARLIER_US);
    let mut listener = Listener::open(source, audio.stream, &audio.decoder, from_us)?;
    let encoder = SoundEncoder::open()?;
    let mut output = Output::create(plan, audio, job, first_chunk, encoder.config(), reports, after_first)?;
    let line = SoundLine::new(samples(run_up), samples(audio.total_frames));
    let origin = samples_before(audio.origin_us);
    Pipeline { origin, line, leveller: Leveller::new(audio.level), encoder }.run(&mut listener, &mut output)
}

fn samples(frames: u64) -> i64 {
    i64::try_from(frames * AAC_FRAME_SAMPLES).unwrap_or(i64::MAX)
}

/// Files may begin at any time, also one of the calendar.
fn samples_before(us: i64) -> i64 {
    let samples = i128::from(us) * i128::from(AUDIO_RATE_HZ) / 1_000_000;
    i64::try_from(samples).unwrap_or(if us < 0 { i64::MIN } else { i64::MAX })
}

fn frame_start_us(frame: u64) -> i64 {
    samples(frame) * 1_000_000 / i64::from(AUDIO_RATE_HZ)
}

struct Pipeline {
    origin: i64,
    line: SoundLine,
    leveller: Leveller,
    encoder: SoundEncoder,
}

impl Pipeline {
    fn run(mut self, listener: &mut Listener, output: &mut Output<'_>) -> Result<(), MediaError> {
        let mut goes_on = true;
        while goes_on && !self.line.is_full() && !output.is_closed {
            let Self { origin, line, .. } = &mut self;
            goes_on = listener.listen(&mut |at, left, right| line.put(at.saturating_sub(*origin), left, right))?;
            self.encode_ready(output)?;
        }
        self.line.finish();
        self.encode_ready(output)?;
        self.leveller.finish();
        self.encode_ready(output)?;
        self.encoder.finish(&mut |piece| output.take(piece))?;
        output.finish()
    }

    fn encode_ready(&mut self, output: &mut Output<'_>) -> Result<(), MediaError> {
        while let Some((at, sides)) = self.line.take_frame() {
            self.leveller.put(at, sides);
        }
        while let Some((at, [left, right])) = self.leveller.take() {
            self.encoder.encode([&left, &right], at, &mut |piece| output.take(piece))?;
        }
        Ok(())
    }
}

/// Cuts encoded sound into segments and chunks.
struct Output<'a> {
    plan: &'a TranscodePlan,
    audio: &'a AudioPlan,
    writer: SegmentWriter,
    init: InitReport,
    reports: &'a Sender<Report>,
    /// Called when chunk 0 is reported; returns when the rest may be made.
    after_first: &'a dyn Fn(),
    chunk: usize,
    segment: usize,
    next_frame: u64,
    samples: Vec<Sample>,
    sizes: Vec<u64>,
    is_closed: bool,
}

impl<'a> Output<'a> {
    fn create(
        plan: &'a TranscodePlan,
        audio: &'a AudioPlan,
        job: &Path,
        chunk: usize,
        config: &[u8],
        reports: &'a Sender<Report>,
        after_first: &'a dyn Fn(),
    ) -> Result<Self, MediaError> {
        let ticks = u32::try_from(AAC_FRAME_SAMPLES).expect("1024 fits");
        let writer = SegmentWriter::new(job, AUDIO_RENDITION, ticks, SampleOrder::Sound);
        let bytes = writer.write_init(&audio_init(&AudioTrack {
            rate_hz: AUDIO_RATE_HZ,
            channels: 2,
            bits_per_second: AUDIO_KBPS * 1000,
            specific_config: config,
        }))?;
        let init = InitReport { rendition: AUDIO_RENDITION.into(), codecs: CODECS.into(), bytes, sha256: None };
        let segment = plan.chunks[chunk].first_segment;
        Ok(Self {
            plan,
            audio,
            writer,
            init,
            reports,
            after_first,
            chunk,
            segment,
            next_frame: audio.segment_starts[segment],
            samples: Vec::new(),
            sizes: Vec::new(),
            is_closed: false,
        })
    }

    /// Takes an encoded frame. The encoder's priming and the run-up come before the first frame
    /// wanted, and its padding after the last: neither is kept.
    fn take(&mut self, piece: Encoded) -> Result<(), MediaError> {
        if piece.time < samples(self.next_frame) || self.next_frame >= self.audio.total_frames {
            return Ok(());
        }
        if piece.time != samples(self.next_frame) {
            return Err(MediaError::Inconsistent("a frame of sound is missing".into()));
        }
        self.samples.push(Sample { bytes: piece.bytes, shift_ticks: 0, is_key: true });
        self.next_frame += 1;
        while self.segment < self.audio.segment_starts.len()
            && self.next_frame == self.audio.segment_frames(self.segment).end
        {
            self.close_segment()?;
        }
        Ok(())
    }

    fn close_segment(&mut self) -> Result<(), MediaError> {
        let first = self.audio.segment_starts[self.segment];
        self.sizes.push(self.writer.write_segment(self.segment, first, &self.samples)?);
        self.samples.clear();
        self.segment += 1;
        if self.segment == self.plan.chunks[self.chunk].segment_range().end {
            self.report();
        }
        Ok(())
    }

    fn report(&mut self) {
        let segment_bytes = std::mem::take(&mut self.sizes);
        let part = RenditionChunk { rendition: AUDIO_RENDITION.into(), segment_bytes, key_bytes: Vec::new() };
        let report = Report { chunk: self.chunk, init: self.init.clone(), part };
        self.is_closed |= self.reports.send(report).is_err();
        if self.chunk == 0 {
            (self.after_first)();
        }
        self.chunk += 1;
    }

    fn finish(&self) -> Result<(), MediaError> {
        if self.is_closed || self.next_frame == self.audio.total_frames {
            return Ok(());
        }
        let (made, planned) = (self.next_frame, self.audio.total_frames);
        Err(MediaError::Inconsistent(format!("{made} frames of sound instead of {planned}")))
    }
}

//! One run over a source: pictures, rungs, sound, poster, chunks.

use std::{
    ops::Range,
    path::Path,
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use ffmpeg_next::frame;
use serde::{Deserialize, Serialize};

use super::{
    MediaError, PosterReport, audio,
    chunks::{Collector, Report, Stills},
    convert::Converter,
    first::{FirstChunk, OpensAtTheEnd, TellsWhenGone},
    pictures::Pictures,
    poster::PosterPicker,
    preview::Preview,
    raw,
    repackage::Repackager,
    rung::{self, RungInput},
    stages::{StageTimes, Stages},
    storyboard::Storyboard,
};
use crate::{
    package::ChunkFacts,
    panics,
    plan::{Limits, TranscodePlan},
};

/// Pictures that may wait for a rung. Few, because each is held in memory.
const WAITING_PICTURES: usize = 3;
/// While the first chunk is waited for, how often to see whether a worker has failed.
const LOOKS_FOR_FAILURES_EVERY: Duration = Duration::from_millis(50);

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// The source, a file in the job folder.
    pub source: &'a Path,
    /// Where everything is written.
    pub job: &'a Path,
    /// What to make.
    pub plan: &'a TranscodePlan,
    /// Bounds that hold while decoding.
    pub limits: &'a Limits,
    /// The first chunk to make; those before are stored already.
    pub first_chunk: usize,
    /// A poster is to be made of a picture that ranks above this, which is 0 where there is none yet.
    pub poster_over: Option<u64>,
}

/// Something happened.
#[derive(Debug)]
pub enum MediaEvent {
    /// That many pictures of the grid have been handed to the encoders.
    Progress(u64),
    /// The poster is written.
    Poster(PosterReport),
    /// A chunk is written; where the time of the run went so far.
    Chunk(ChunkFacts, StageTimes),
}

/// Figures of a finished run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Pictures that came out of the decoder.
    pub decoded_frames: u64,
    /// Pictures on the grid that were filled.
    pub shown_frames: u64,
    /// Where the time went.
    #[serde(default)]
    pub stages: StageTimes,
}

type OnEvent<'f> = dyn FnMut(MediaEvent) -> Result<(), MediaError> + 'f;

/// Makes all chunks from the first wanted on, telling what happens as it happens.
pub fn transcode(work: Work<'_>, on_event: &mut OnEvent<'_>) -> Result<Stats, MediaError> {
    let plan = work.plan;
    let stages = &Stages::new(plan.rungs.len());
    let first = &FirstChunk::default();
    let (reports_in, reports) = mpsc::channel();
    thread::scope(|scope| {
        // Made before anybody waits: whatever fails from here on, nobody waits for ever.
        let opens = OpensAtTheEnd(first);
        let mut rungs = Vec::new();
        let mut workers = Vec::new();
        for (rung, watches) in plan.encoded_rungs().iter().zip(&stages.rungs) {
            let (pictures, inputs) = mpsc::sync_channel(WAITING_PICTURES);
            let reports = reports_in.clone();
            let job = work.job;
            rungs.push(pictures);
            let work = move || rung::run(plan, rung, job, &inputs, &reports, watches);
            workers.push(spawn(scope, &rung.name, first, work)?);
        }
        if let Some(audio) = &plan.audio {
            let reports = reports_in.clone();
            let Work { source, job, first_chunk, .. } = work;
            let after_first = move || first.wait(&stages.sound_waits);
            let sound = move || audio::run(plan, audio, source, job, first_chunk, &reports, &after_first);
            workers.push(spawn(scope, "audio", first, || stages.sound.time(sound))?);
        }
        let repackager = Repackager::open(plan, work.job, work.first_chunk, reports_in)?;
        let mut session = Session::new(work, rungs, reports, on_event, stages, opens);
        let pictures = session.run(repackager);
        let drained = if pictures.is_ok() { session.drain() } else { Ok(()) };
        let end = session.collector.next();
        drop(session);
        let worked = join(workers);
        let stats = pictures?;
        worked.and(drained)?;
        let stats = Stats { stages: stages.times(), ..stats };
        if end == plan.chunks.len() {
            Ok(stats)
        } else {
            Err(MediaError::Inconsistent(format!("ended before chunk {end}")))
        }
    })
}

fn spawn<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: &str,
    first: &'scope FirstChunk,
    work: impl FnOnce() -> Result<(), MediaError> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<(), MediaError>>, MediaError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, move || {
            let _tells = TellsWhenGone(first);
            work()
        })
        .map_err(|e| MediaError::io("start a thread", e))
}

fn join(workers: Vec<ScopedJoinHandle<'_, Result<(), MediaError>>>) -> Result<(), MediaError> {
    let mut outcome = Ok(());
    for worker in workers {
        let ended = worker.join().unwrap_or_else(|_| Err(MediaError::Inconsistent(panics::last())));
        outcome = outcome.and(ended);
    }
    outcome
}

/// The reading side of a run.
struct Session<'a, 'f> {
    work: Work<'a>,
    rungs: Vec<SyncSender<RungInput>>,
    reports: Receiver<Report>,
    collector: Collector,
    converter: Converter<'a>,
    poster: PosterPicker,
    storyboard: Storyboard<'a>,
    preview: Preview<'a>,
    on_event: &'a mut OnEvent<'f>,
    /// The chunk that the next slot belongs to.
    chunk: usize,
    shown: u64,
    stages: &'a Stages,
    first: OpensAtTheEnd<'a>,
}

impl<'a, 'f> Session<'a, 'f> {
    fn new(
        work: Work<'a>,
        rungs: Vec<SyncSender<RungInput>>,
        reports: Receiver<Report>,
        on_event: &'a mut OnEvent<'f>,
        stages: &'a Stages,
        first: OpensAtTheEnd<'a>,
    ) -> Self {
        Self {
            work,
            rungs,
            reports,
            collector: Collector::new(work.plan, work.first_chunk),
            converter: Converter::new(&work.plan.conversion),
            poster: PosterPicker::new(work.plan.rate.fps(), work.first_chunk, work.poster_over),
            storyboard: Storyboard::new(work.plan, work.first_chunk),
            preview: Preview::new(work.plan, work.first_chunk),
            on_event,
            chunk: work.first_chunk,
            shown: 0,
            stages,
            first,
        }
    }

    fn run(&mut self, repackager: Option<Repackager<'a>>) -> Result<Stats, MediaError> {
        let Work { plan, limits, source, first_chunk, .. } = self.work;
        let range = plan.chunk_slots(first_chunk).start..plan.total_frames;
        let (stages, pictures) = (self.stages, Pictures::new(plan, limits, range, repackager));
        let mut on_shown = |picture, slots| stages.showing.time(|| self.show(picture, slots));
        let decoded_frames = stages.reading.time(|| pictures.run(source, &mut on_shown))?;
        Ok(Stats { decoded_frames, shown_frames: self.shown, ..Stats::default() })
    }

    /// Converts a picture and gives it to the rungs that show it, chunk by chunk.
    /// `false` when a rung has stopped listening, because it failed.
    fn show(&mut self, picture: frame::Video, slots: Range<u64>) -> Result<bool, MediaError> {
        let picture = self.stages.convert.time(|| self.converter.convert(picture))?;
        self.stages.poster.time(|| self.poster.offer(&picture, slots.start))?;
        self.shown += slots.end - slots.start;
        let mut rest = slots;
        while !rest.is_empty() {
            let chunk_end = self.work.plan.chunk_slots(self.chunk).end;
            let part = rest.start..rest.end.min(chunk_end);
            rest.start = part.end;
            self.storyboard.offer(&picture, &part)?;
            self.preview.offer(&picture, &part)?;
            if !self.give(&picture, &part)? {
                return Ok(false);
            }
            if part.end == chunk_end {
                self.end_chunk()?;
            }
        }
        while let Ok(report) = self.reports.try_recv() {
            self.collect(report)?;
        }
        let done = self.work.plan.chunk_slots(self.work.first_chunk).start + self.shown;
        (self.on_event)(MediaEvent::Progress(done))?;
        Ok(true)
    }

    fn give(&mut self, picture: &frame::Video, slots: &Range<u64>) -> Result<bool, MediaError> {
        for (rung, sender) in self.work.plan.encoded_rungs().iter().zip(&self.rungs) {
            let frames = rung.own_frames(slots);
            if frames.is_empty() {
                continue;
            }
            let picture = raw::share(picture)?;
            if sender.send(RungInput::Picture { picture, frames }).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn end_chunk(&mut self) -> Result<(), MediaError> {
        let (job, chunk) = (self.work.job, self.chunk);
        let sheet_bytes = self.storyboard.end_chunk(job, chunk)?;
        let preview_bytes = self.preview.end_chunk(job, chunk)?;
        for chunk in self.collector.add_stills(chunk, Stills { sheet_bytes, preview_bytes }) {
            (self.on_event)(MediaEvent::Chunk(chunk, self.stages.times()))?;
        }
        for sender in &self.rungs {
            // A rung that is gone has failed, and its error is found when it is joined.
            let _ = sender.send(RungInput::ChunkEnd(self.chunk));
        }
        self.chunk += 1;
        if let Some(report) = self.stages.poster.time(|| self.poster.write(self.work.job))? {
            (self.on_event)(MediaEvent::Poster(report))?;
        }
        if self.chunk == 1 {
            self.finish_first_chunk()?;
        }
        Ok(())
    }

    /// Nothing is begun that could take processor time from what makes the clip playable.
    fn finish_first_chunk(&mut self) -> Result<(), MediaError> {
        while self.collector.next() == 0 && !self.first.0.is_worker_gone() {
            if let Ok(report) = self.reports.recv_timeout(LOOKS_FOR_FAILURES_EVERY) {
                self.collect(report)?;
            }
        }
        self.first.0.open();
        Ok(())
    }

    /// Lets the workers finish and collects what they still have to report.
    fn drain(&mut self) -> Result<(), MediaError> {
        self.rungs.clear();
        // A rung that failed in the first chunk would leave the sound waiting for it.
        self.first.0.open();
        while let Ok(report) = self.reports.recv() {
            self.collect(report)?;
        }
        Ok(())
    }

    fn collect(&mut self, report: Report) -> Result<(), MediaError> {
        for chunk in self.collector.add(report) {
            (self.on_event)(MediaEvent::Chunk(chunk, self.stages.times()))?;
        }
        Ok(())
    }
}

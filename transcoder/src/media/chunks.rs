//! Chunks are done when every rendition has reported its part.

use std::collections::BTreeMap;

use crate::{
    package::{AUDIO_RENDITION, ChunkFacts, InitReport, RenditionChunk},
    plan::TranscodePlan,
};

/// One rendition's part of one chunk.
pub(super) struct Report {
    pub(super) chunk: usize,
    pub(super) init: InitReport,
    pub(super) part: RenditionChunk,
}

/// Collects parts and gives out whole chunks in order.
pub(super) struct Collector {
    names: Vec<String>,
    next: usize,
    waiting: BTreeMap<usize, Vec<Report>>,
    stills: BTreeMap<usize, Stills>,
}

/// Sizes of a chunk's pictures beside the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stills {
    pub(super) sheet_bytes: Option<u64>,
    pub(super) preview_bytes: Option<u64>,
}

impl Collector {
    /// Waits for the chunks of `plan` from `first` on.
    pub(super) fn new(plan: &TranscodePlan, first: usize) -> Self {
        let mut names: Vec<String> = plan.rungs.iter().map(|rung| rung.name.clone()).collect();
        names.extend(plan.audio.as_ref().map(|_| AUDIO_RENDITION.to_owned()));
        Self { names, next: first, waiting: BTreeMap::new(), stills: BTreeMap::new() }
    }

    /// Notes the pictures beside a chunk's stream, whether there are any or not; returns the chunks
    /// that are whole now.
    pub(super) fn add_stills(&mut self, chunk: usize, stills: Stills) -> Vec<ChunkFacts> {
        self.stills.insert(chunk, stills);
        self.take_whole()
    }

    /// Notes a part; returns the chunks that are whole now.
    pub(super) fn add(&mut self, report: Report) -> Vec<ChunkFacts> {
        self.waiting.entry(report.chunk).or_default().push(report);
        self.take_whole()
    }

    fn take_whole(&mut self) -> Vec<ChunkFacts> {
        let mut whole = Vec::new();
        while self.waiting.get(&self.next).is_some_and(|parts| parts.len() == self.names.len()) {
            let Some(stills) = self.stills.remove(&self.next) else { break };
            let parts = self.waiting.remove(&self.next).unwrap_or_default();
            whole.push(self.put_together(parts, stills));
            self.next += 1;
        }
        whole
    }

    /// Index of the first chunk that is not whole yet.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    fn put_together(&self, mut parts: Vec<Report>, stills: Stills) -> ChunkFacts {
        let place = |name: &str| self.names.iter().position(|known| known == name);
        parts.sort_by_key(|report| place(&report.part.rendition));
        let (inits, renditions) = parts.into_iter().map(|report| (report.init, report.part)).unzip();
        let Stills { sheet_bytes, preview_bytes } = stills;
        ChunkFacts { index: self.next, inits, renditions, sheet_bytes, preview_bytes }
    }
}

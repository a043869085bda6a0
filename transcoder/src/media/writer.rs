//! Encoded pieces to files: one folder per rendition, written under their final names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::MediaError;
use crate::package::{Fragment, INIT_FILE, Sample, SampleOrder, fragment, segment_file};

/// Writes the segments of one rendition.
pub(super) struct SegmentWriter {
    folder: PathBuf,
    sample_ticks: u32,
    order: SampleOrder,
}

impl SegmentWriter {
    /// A writer into `job/name`, which is there: the parent made it.
    pub(super) fn new(job: &Path, name: &str, sample_ticks: u32, order: SampleOrder) -> Self {
        Self { folder: job.join(name), sample_ticks, order }
    }

    /// Writes the initialisation segment and returns its size.
    pub(super) fn write_init(&self, bytes: &[u8]) -> Result<u64, MediaError> {
        self.write(INIT_FILE, bytes)
    }

    /// Writes segment `index`, whose first sample is the `first`-th of the rendition; returns its size.
    pub(super) fn write_segment(&self, index: usize, first: u64, samples: &[Sample]) -> Result<u64, MediaError> {
        let sequence = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let bytes =
            fragment(&Fragment { sequence, first, sample_ticks: self.sample_ticks, order: self.order, samples });
        self.write(&segment_file(index), &bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<u64, MediaError> {
        fs::write(self.folder.join(name), bytes).map_err(|e| MediaError::io("write a segment", e))?;
        Ok(bytes.len() as u64)
    }
}

//! The largest rung from the source's own pictures: packets in, segments out.
//!
//! Runs on the reading thread beside the decoder. A chunk is reported when all of its pictures have come
//! out of the decoder whole, each in its slot, so nothing is published that was not decoded here before.

use std::{ops::Range, path::Path, sync::mpsc::Sender};

use ffmpeg_next::{Packet, frame};

use super::{MediaError, chunks::Report, raw, writer::SegmentWriter};
use crate::{
    package::{
        AvcConfig, DecoderRecord, InitReport, RenditionChunk, Sample, SampleOrder, VideoTrack, picture_decode_ticks,
        read_picture, video_init,
    },
    plan::{RungPlan, StreamHeader, TranscodePlan},
};

/// Puts pictures into segments and vouches for them.
pub(super) struct Repackager<'a> {
    plan: &'a TranscodePlan,
    rung: &'a RungPlan,
    header: &'a StreamHeader,
    writer: SegmentWriter,
    init: InitReport,
    reports: Sender<Report>,
    /// The first picture wanted; earlier ones are read because reading begins at a key picture.
    first: u64,
    /// Position in decoding order of the next picture, once the first has come.
    position: Option<u64>,
    segment: usize,
    samples: Vec<Sample>,
    /// Sizes of the segments of chunks that are not reported yet.
    sizes: Vec<u64>,
    /// The next slot to come out of the decoder.
    decoded: u64,
    chunk: usize,
}

fn broken<T>(what: impl Into<String>) -> Result<T, MediaError> {
    Err(MediaError::NotRepackaged(what.into()))
}

impl<'a> Repackager<'a> {
    /// For the chunks from `first_chunk` on; none when the plan is to encode all rungs.
    pub(super) fn open(
        plan: &'a TranscodePlan,
        job: &Path,
        first_chunk: usize,
        reports: Sender<Report>,
    ) -> Result<Option<Self>, MediaError> {
        let Some(header) = plan.repackaged() else { return Ok(None) };
        let rung = plan.top();
        let writer = SegmentWriter::new(job, &rung.name, rung.rate.frame_ticks(), SampleOrder::Reordered);
        let init = write_init(&writer, rung, header)?;
        let first = plan.chunk_slots(first_chunk).start;
        let segment = plan.chunks[first_chunk].first_segment;
        Ok(Some(Self {
            plan,
            rung,
            header,
            writer,
            init,
            reports,
            first,
            position: None,
            segment,
            samples: Vec::new(),
            sizes: Vec::new(),
            decoded: first,
            chunk: first_chunk,
        }))
    }

    /// A packet on its way to the decoder.
    pub(super) fn packet(&mut self, packet: &Packet) -> Result<(), MediaError> {
        let picture = match read_picture(self.header.framing, packet.data().unwrap_or_default()) {
            Ok(picture) => picture,
            Err(error) => return broken(error.to_string()),
        };
        let slot = packet.pts().and_then(|ticks| u64::try_from(self.plan.grid().slot(ticks)).ok());
        let Some(slot) = slot else { return broken("a picture before the first one") };
        let position = match self.position {
            Some(position) => position,
            None if slot < self.first => return Ok(()),
            None if slot == self.first && picture.is_key => slot,
            None => return broken("the first picture wanted is no key picture"),
        };
        if self.samples.is_empty() && !picture.is_key {
            return broken(format!("segment {} does not begin with a key picture", self.segment));
        }
        let ticks = self.rung.rate.frame_ticks();
        let shift = (slot * u64::from(ticks)).checked_sub(picture_decode_ticks(position, ticks));
        let Some(shift_ticks) = shift.and_then(|shift| u32::try_from(shift).ok()) else {
            return broken("a picture is too far out of order");
        };
        let wanted = self.segment_slots()?;
        if !wanted.contains(&slot) {
            return broken(format!("a picture of slot {slot} among those of {wanted:?}"));
        }
        self.samples.push(Sample { bytes: picture.to_sample(), shift_ticks, is_key: picture.is_key });
        self.position = Some(position + 1);
        if self.samples.len() as u64 == wanted.end - wanted.start {
            self.sizes.push(self.writer.write_segment(self.segment, wanted.start, &self.samples)?);
            self.samples.clear();
            self.segment += 1;
        }
        Ok(())
    }

    fn segment_slots(&self) -> Result<Range<u64>, MediaError> {
        if self.segment < self.plan.segment_starts.len() {
            Ok(self.plan.segment_slots(self.segment))
        } else {
            broken("there are more pictures than planned")
        }
    }

    /// A picture as it came out of the decoder.
    pub(super) fn picture(&mut self, picture: &frame::Video, slot: i64) -> Result<(), MediaError> {
        let Ok(slot) = u64::try_from(slot) else { return broken("a picture before the first one") };
        if slot < self.first {
            return Ok(());
        }
        if raw::is_flawed(picture) {
            return broken(format!("the picture of slot {slot} is damaged"));
        }
        if (picture.width(), picture.height()) != (self.rung.width, self.rung.height) {
            return broken(format!("the picture of slot {slot} has another size"));
        }
        if slot != self.decoded {
            return broken(format!("slot {slot} was decoded instead of {}", self.decoded));
        }
        self.decoded += 1;
        if self.decoded == self.plan.chunk_slots(self.chunk).end {
            self.report()?;
        }
        Ok(())
    }

    /// The end of the source.
    pub(super) fn finish(&self) -> Result<(), MediaError> {
        let total = self.plan.total_frames;
        if self.decoded == total {
            Ok(())
        } else {
            broken(format!("{} of {total} pictures were decoded", self.decoded))
        }
    }

    fn report(&mut self) -> Result<(), MediaError> {
        let planned = self.plan.chunks[self.chunk].segments;
        if self.sizes.len() < planned {
            return broken(format!("chunk {} was decoded before it was read", self.chunk));
        }
        let segment_bytes = self.sizes.drain(..planned).collect();
        let part = RenditionChunk { rendition: self.rung.name.clone(), segment_bytes, key_bytes: Vec::new() };
        // Who does not listen any more has failed, and says so itself.
        let _ = self.reports.send(Report { chunk: self.chunk, init: self.init.clone(), part });
        if self.chunk + 1 < self.plan.chunks.len() {
            self.chunk += 1;
        }
        Ok(())
    }
}

fn write_init(writer: &SegmentWriter, rung: &RungPlan, header: &StreamHeader) -> Result<InitReport, MediaError> {
    let config = AvcConfig::new(&header.sps, &header.pps)?;
    let record = config.decoder_record();
    let bytes = writer.write_init(&video_init(&VideoTrack {
        width: rung.width,
        height: rung.height,
        timescale: rung.rate.timescale(),
        decoder_record: DecoderRecord::Avc(&record),
    }))?;
    Ok(InitReport { rendition: rung.name.clone(), codecs: config.codec_string(), bytes, sha256: None })
}

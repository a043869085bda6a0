//! Reading, decoding and timing of pictures: the one decode that feeds all rungs.

use std::{ops::Range, path::Path};

use ffmpeg_next::{Packet, frame};

use super::{MediaError, decode::PictureDecoder, filters, graph::Graph, input::Source, raw, repackage::Repackager};
use crate::plan::{Cadence, Limits, Refusal, RefusalCode, Shown, SourceVideo, TranscodePlan};

/// How much earlier than needed the reader starts when work resumes in the middle.
const SEEK_EARLIER_US: i64 = 100_000;
/// A clip of which less than this many per cent can be decoded counts as damaged.
const DECODED_PERCENT: u64 = 80;
/// So many packets in a row, of which less than half can be decoded, are enough to say so: a run that makes only a part
/// of the clip never sees the rest.
const STRETCH: u64 = 300;

/// Decodes a range of the grid and hands out pictures with the slots they fill.
pub(super) struct Pictures<'a> {
    plan: &'a TranscodePlan,
    limits: &'a Limits,
    cadence: Cadence<frame::Video>,
    fields: Option<Graph>,
    range: Range<u64>,
    /// Packets given to the decoder, and the time of the first: pictures shown before it lack what they are made from.
    fed: u64,
    fed_from: Option<i64>,
    decoded: u64,
    /// Pictures decoded when the last stretch began.
    decoded_before: u64,
    /// Makes the largest rung of the packets themselves, when that is the plan.
    repackager: Option<Repackager<'a>>,
}

/// What to do with a picture and the slots it fills. `false` ends the work early.
pub(super) type OnShown<'f> = dyn FnMut(frame::Video, Range<u64>) -> Result<bool, MediaError> + 'f;

impl<'a> Pictures<'a> {
    pub(super) fn new(
        plan: &'a TranscodePlan,
        limits: &'a Limits,
        range: Range<u64>,
        repackager: Option<Repackager<'a>>,
    ) -> Self {
        let cadence = Cadence::new(range.clone());
        Self {
            plan,
            limits,
            cadence,
            fields: None,
            range,
            fed: 0,
            fed_from: None,
            decoded: 0,
            decoded_before: 0,
            repackager,
        }
    }

    /// Runs to the end of the range; returns the number of pictures decoded.
    pub(super) fn run(mut self, path: &Path, on_shown: &mut OnShown<'_>) -> Result<u64, MediaError> {
        let video = &self.plan.source;
        let mut source = self.open(path)?;
        let pixels = self.limits.max_source_pixels;
        // Several threads of libav's decoder lose the marks of damaged pictures, and those are not passed on.
        let threads = if self.repackager.is_some() { 1 } else { video.threads };
        let mut decoder = PictureDecoder::open(&source, video.stream, &video.decoder, threads, pixels)?;
        let mut packet = Packet::empty();
        let mut goes_on = true;
        while goes_on && !self.cadence.is_full() && source.read(&mut packet)? {
            if packet.stream() == video.stream {
                if let Some(repackager) = &mut self.repackager {
                    repackager.packet(&packet)?;
                }
                self.count(&packet)?;
                let feed = &mut |picture| self.decoded(picture, &mut goes_on, on_shown);
                decoder.feed(Some(&packet), feed)?;
                self.check_errors(&decoder)?;
            }
        }
        decoder.feed(None, &mut |picture| self.decoded(picture, &mut goes_on, on_shown))?;
        self.check_errors(&decoder)?;
        self.finish(goes_on, on_shown)?;
        Ok(self.decoded)
    }

    fn count(&mut self, packet: &Packet) -> Result<(), MediaError> {
        let Some(ticks) = packet.pts().or(packet.dts()) else { return Ok(()) };
        if ticks < *self.fed_from.get_or_insert(ticks) || raw::is_discarded(packet) {
            return Ok(());
        }
        self.fed += 1;
        if self.fed.is_multiple_of(STRETCH) {
            let decoded = self.decoded - self.decoded_before;
            self.decoded_before = self.decoded;
            self.check_decoded(decoded, STRETCH, 50)?;
        }
        Ok(())
    }

    /// Broken packets are forgiven when their pictures are encoded, but never passed on.
    fn check_errors(&self, decoder: &PictureDecoder) -> Result<(), MediaError> {
        if self.repackager.is_some() && decoder.errors() > 0 {
            return Err(MediaError::NotRepackaged("a packet could not be decoded".into()));
        }
        Ok(())
    }

    /// Opens the source at the range. Where seeking fails or lands too late, reading starts at the beginning.
    fn open(&self, path: &Path) -> Result<Source, MediaError> {
        let video = &self.plan.source;
        if self.range.start > 0 {
            let start = i64::try_from(self.plan.rate.frame_start_us(self.range.start)).unwrap_or(0);
            let from_us = video.origin_us() + start - SEEK_EARLIER_US;
            if let Ok(source) = Source::open_stream(path, video.stream, Some(from_us))
                && lands_in_time(path, video, from_us)?
            {
                return Ok(source);
            }
        }
        Source::open_stream(path, video.stream, None)
    }

    fn decoded(
        &mut self,
        mut picture: frame::Video,
        goes_on: &mut bool,
        on_shown: &mut OnShown<'_>,
    ) -> Result<(), MediaError> {
        self.decoded += 1;
        if self.decoded > self.limits.max_frames {
            return Err(Refusal::new(RefusalCode::TooManyFrames, "while decoding").into());
        }
        let time = picture.timestamp();
        picture.set_pts(time);
        if !self.plan.conversion.deinterlace {
            return self.place(picture, goes_on, on_shown);
        }
        let base = (self.plan.source.time_base.num, self.plan.source.time_base.den);
        let fields = match &mut self.fields {
            Some(fields) => fields,
            none => none.insert(Graph::for_pictures(&picture, base, 2, &filters::deinterlace(base))?),
        };
        fields.push(&picture)?;
        self.place_woven(goes_on, on_shown)
    }

    fn place_woven(&mut self, goes_on: &mut bool, on_shown: &mut OnShown<'_>) -> Result<(), MediaError> {
        loop {
            let mut woven = frame::Video::empty();
            let Some(fields) = &mut self.fields else { return Ok(()) };
            if !fields.pull(&mut woven)? {
                return Ok(());
            }
            self.place(woven, goes_on, on_shown)?;
        }
    }

    fn place(
        &mut self,
        picture: frame::Video,
        goes_on: &mut bool,
        on_shown: &mut OnShown<'_>,
    ) -> Result<(), MediaError> {
        let Some(ticks) = picture.pts() else { return Ok(()) };
        let slot = self.plan.grid().slot(ticks);
        if let Some(repackager) = &mut self.repackager {
            repackager.picture(&picture, slot)?;
        }
        if let Some(shown) = self.cadence.push(picture, slot)
            && *goes_on
        {
            *goes_on = on_shown(shown.picture, shown.slots)?;
        }
        Ok(())
    }

    fn finish(&mut self, mut goes_on: bool, on_shown: &mut OnShown<'_>) -> Result<(), MediaError> {
        if let Some(fields) = &mut self.fields {
            fields.finish()?;
            self.place_woven(&mut goes_on, on_shown)?;
        }
        if !goes_on {
            return Ok(());
        }
        self.repackager.as_ref().map_or(Ok(()), Repackager::finish)?;
        if self.range == (0..self.plan.total_frames) {
            self.check_decoded(self.decoded, self.fed, DECODED_PERCENT)?;
        }
        if let Some(Shown { picture, slots }) = self.cadence.finish() {
            on_shown(picture, slots)?;
        }
        if self.cadence.is_full() {
            Ok(())
        } else {
            Err(Refusal::new(RefusalCode::Damaged, "no picture could be decoded").into())
        }
    }

    /// Compares pictures out with packets in.
    fn check_decoded(&self, decoded: u64, packets: u64, percent: u64) -> Result<(), MediaError> {
        let packets_a_picture = if self.plan.conversion.deinterlace { 2 } else { 1 };
        let expected = packets / packets_a_picture;
        if decoded * 100 < expected * percent {
            let detail = format!("{decoded} of {expected} pictures could be decoded");
            return Err(Refusal::new(RefusalCode::Damaged, detail).into());
        }
        Ok(())
    }
}

/// Seeks and looks at the first packet: a key picture, not later than asked for.
fn lands_in_time(path: &Path, video: &SourceVideo, from_us: i64) -> Result<bool, MediaError> {
    let mut source = Source::open_stream(path, video.stream, Some(from_us))?;
    let mut packet = Packet::empty();
    while source.read(&mut packet)? {
        if packet.stream() != video.stream {
            continue;
        }
        let Some(ticks) = packet.pts().or(packet.dts()) else { return Ok(false) };
        let us =
            i128::from(ticks) * i128::from(video.time_base.num) * 1_000_000 / i128::from(video.time_base.den.max(1));
        return Ok(packet.is_key() && us <= i128::from(from_us + SEEK_EARLIER_US));
    }
    Ok(false)
}

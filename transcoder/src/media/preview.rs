//! A few seconds that move, for lists of clips: an animated `WebP`.

use std::{fs, ops::Range, path::Path};

use ff::{Dictionary, Rational, codec, encoder, format, frame};
use ffmpeg_next as ff;

use super::{
    MediaError,
    error::{Next, next},
    filters,
    graph::Graph,
    raw,
};
use crate::{
    package::PREVIEW_FILE,
    plan::{PREVIEW_FPS, TranscodePlan},
};

/// Quality of the pictures, of 100.
const QUALITY: &str = "50";
/// Effort of the encoder, of 6.
const EFFORT: &str = "3";

/// Encodes the preview's pictures as they come by.
pub(super) struct Preview<'a> {
    plan: &'a TranscodePlan,
    chunk: Option<usize>,
    /// Pictures of the grid still to come, the next one last.
    wanted: Vec<u64>,
    work: Option<Work>,
}

struct Work {
    graph: Graph,
    encoder: encoder::video::Encoder,
    shown: i64,
}

impl<'a> Preview<'a> {
    /// A preview, unless its chunk came before `first`.
    pub(super) fn new(plan: &'a TranscodePlan, first: usize) -> Self {
        let chunk = plan.preview_chunk();
        let mut wanted = if chunk.is_none_or(|chunk| chunk < first) { Vec::new() } else { plan.preview_slots() };
        wanted.reverse();
        Self { plan, chunk, wanted, work: None }
    }

    /// Takes the picture as often as the preview shows it.
    pub(super) fn offer(&mut self, picture: &frame::Video, slots: &Range<u64>) -> Result<(), MediaError> {
        while self.wanted.pop_if(|slot| slots.contains(slot)).is_some() {
            let work = match &mut self.work {
                Some(work) => work,
                none => none.insert(Work::open(self.plan, picture)?),
            };
            work.encode(picture)?;
        }
        Ok(())
    }

    /// Writes the preview when its chunk ends and returns its size.
    pub(super) fn end_chunk(&mut self, job: &Path, chunk: usize) -> Result<Option<u64>, MediaError> {
        if Some(chunk) != self.chunk {
            return Ok(None);
        }
        let Some(work) = self.work.take() else { return Ok(None) };
        let bytes = work.finish()?;
        fs::write(job.join(PREVIEW_FILE), &bytes).map_err(|e| MediaError::io("write the preview", e))?;
        Ok(Some(bytes.len() as u64))
    }
}

impl Work {
    fn open(plan: &TranscodePlan, sample: &frame::Video) -> Result<Self, MediaError> {
        let (width, height) = plan.preview_size();
        let graph = Graph::for_pictures(sample, (1, 1000), 1, &filters::preview(width, height))?;
        let codec = encoder::find_by_name("libwebp_anim").ok_or_else(|| {
            MediaError::av("find an encoder; FFmpeg must be built with WebP", ff::Error::EncoderNotFound)
        })?;
        let mut video = codec::context::Context::new_with_codec(codec)
            .encoder()
            .video()
            .map_err(|e| MediaError::av("open the preview's encoder", e))?;
        video.set_width(width);
        video.set_height(height);
        video.set_format(format::Pixel::YUV420P);
        video.set_time_base(Rational::new(1, i32::try_from(PREVIEW_FPS).unwrap_or(1)));
        let mut options = Dictionary::new();
        options.set("quality", QUALITY);
        options.set("compression_level", EFFORT);
        raw::open_encoder(&mut video, options)?;
        Ok(Self { graph, encoder: encoder::video::Encoder(video), shown: 0 })
    }

    fn encode(&mut self, picture: &frame::Video) -> Result<(), MediaError> {
        let mut small = self.graph.map(&raw::share(picture)?)?;
        small.set_pts(Some(self.shown));
        self.shown += 1;
        self.encoder.send_frame(&small).map_err(|e| MediaError::av("encode the preview", e))
    }

    /// The whole animation: libav hands it out as one packet at the end.
    fn finish(mut self) -> Result<Vec<u8>, MediaError> {
        self.encoder.send_eof().map_err(|e| MediaError::av("encode the preview", e))?;
        let (mut packet, mut bytes) = (ff::Packet::empty(), Vec::new());
        while next("encode the preview", self.encoder.receive_packet(&mut packet))? == Next::Ready {
            bytes.extend_from_slice(packet.data().unwrap_or_default());
        }
        Ok(bytes)
    }
}

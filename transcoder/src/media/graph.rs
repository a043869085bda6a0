//! Filter graphs with one way in and one way out.

use ff::{filter, frame};
use ffmpeg_next as ff;

use super::{
    MediaError,
    error::{Next, next},
    raw,
};

const IN: &str = "in";
const OUT: &str = "out";

/// A chain of filters for pictures or sound.
pub(super) struct Graph {
    graph: filter::Graph,
}

impl Graph {
    /// Pictures like `sample` through `spec`. Times pass through in units of `time_base`.
    pub(super) fn for_pictures(
        sample: &frame::Video,
        time_base: (i64, i64),
        threads: i32,
        spec: &str,
    ) -> Result<Self, MediaError> {
        let (format, _) =
            raw::pixel_format(sample).ok_or_else(|| MediaError::Inconsistent("a picture without a format".into()))?;
        let arguments = format!(
            "video_size={}x{}:pix_fmt={format}:time_base={}/{}:pixel_aspect=1/1",
            sample.width(),
            sample.height(),
            time_base.0,
            time_base.1,
        );
        Self::build(["buffer", "buffersink"], &arguments, threads, spec)
    }

    /// Sound like `sample` through `spec`.
    pub(super) fn for_sound(sample: &frame::Audio, time_base: (i64, i64), spec: &str) -> Result<Self, MediaError> {
        let arguments = format!(
            "time_base={}/{}:sample_rate={}:sample_fmt={}:channel_layout={}",
            time_base.0,
            time_base.1,
            sample.rate(),
            sample.format().name(),
            raw::layout_text(sample)?,
        );
        Self::build(["abuffer", "abuffersink"], &arguments, 1, spec)
    }

    fn build(ends: [&str; 2], arguments: &str, threads: i32, spec: &str) -> Result<Self, MediaError> {
        let err = |e| MediaError::av("build a filter graph", e);
        let [source, sink] = ends.map(filter::find);
        let mut graph = filter::Graph::new();
        raw::set_graph_threads(&mut graph, threads);
        graph.add(&source.ok_or_else(no_filter)?, IN, arguments).map_err(err)?;
        graph.add(&sink.ok_or_else(no_filter)?, OUT, "").map_err(err)?;
        graph
            .output(IN, 0)
            .and_then(|parser| parser.input(OUT, 0))
            .and_then(|parser| parser.parse(spec))
            .map_err(err)?;
        graph.validate().map_err(err)?;
        Ok(Self { graph })
    }

    /// Puts a frame in. Its contents move into the graph.
    pub(super) fn push(&mut self, frame: &ff::Frame) -> Result<(), MediaError> {
        let mut source = self.graph.get(IN).ok_or_else(no_filter)?;
        source.source().add(frame).map_err(|e| MediaError::av("filter", e))
    }

    /// Says that nothing more comes.
    pub(super) fn finish(&mut self) -> Result<(), MediaError> {
        let mut source = self.graph.get(IN).ok_or_else(no_filter)?;
        source.source().flush().map_err(|e| MediaError::av("filter", e))
    }

    /// Takes the next frame out, if there is one.
    pub(super) fn pull(&mut self, frame: &mut ff::Frame) -> Result<bool, MediaError> {
        let mut sink = self.graph.get(OUT).ok_or_else(no_filter)?;
        Ok(next("filter", sink.sink().frame(frame))? == Next::Ready)
    }

    /// One picture in, one picture out.
    pub(super) fn map(&mut self, picture: &frame::Video) -> Result<frame::Video, MediaError> {
        self.push(picture)?;
        let mut mapped = frame::Video::empty();
        if self.pull(&mut mapped)? {
            Ok(mapped)
        } else {
            Err(MediaError::Inconsistent("a picture got lost in a filter".into()))
        }
    }
}

fn no_filter() -> MediaError {
    MediaError::av("build a filter graph", ff::Error::FilterNotFound)
}

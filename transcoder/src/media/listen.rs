//! Reading and decoding of sound, as stereo at the rate we write.

use std::path::Path;

use ffmpeg_next::{Packet, frame};

use super::{MediaError, decode::SoundDecoder, filters, graph::Graph, input::Source};
use crate::{
    loudness::{Loudness, Meter, judge},
    plan::{AUDIO_RATE_HZ, Limits},
};

/// What to do with a piece of stereo sound that begins at a sample, counted from the source's zero.
pub(super) type OnSound<'f> = dyn FnMut(i64, &[f32], &[f32]) + 'f;

/// Reads the sound of a source on its own.
pub(super) struct Listener {
    source: Source,
    decoder: SoundDecoder,
    stream: usize,
    converter: Converter,
}

/// Converts decoded sound, whatever it turns out to be.
struct Converter {
    time_base: (i64, i64),
    graph: Option<(Shape, Graph)>,
}

/// What must stay the same for a filter graph to go on.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    rate: u32,
    format: &'static str,
    channels: u16,
}

impl Listener {
    /// Opens the source for one stream, from `from_us` if given.
    pub(super) fn open(path: &Path, stream: usize, decoder: &str, from_us: Option<i64>) -> Result<Self, MediaError> {
        let source = Source::open_stream(path, stream, from_us)?;
        let decoder = SoundDecoder::open(&source, stream, decoder)?;
        let base = source.input.stream(stream).map(|stream| stream.time_base());
        let time_base = base
            .map_or((1, 1_000_000), |base| (i64::from(base.numerator().max(1)), i64::from(base.denominator().max(1))));
        Ok(Self { source, decoder, stream, converter: Converter { time_base, graph: None } })
    }

    /// Reads on by a packet; `false` at the end, when everything has been given out.
    pub(super) fn listen(&mut self, on_sound: &mut OnSound<'_>) -> Result<bool, MediaError> {
        let Self { source, decoder, stream, converter } = self;
        let mut packet = Packet::empty();
        let goes_on = source.read(&mut packet)?;
        if !goes_on {
            decoder.feed(None, &mut |sound| converter.hear(sound, on_sound))?;
            converter.end_graph(on_sound)?;
        } else if packet.stream() == *stream {
            decoder.feed(Some(&packet), &mut |sound| converter.hear(sound, on_sound))?;
        }
        Ok(goes_on)
    }
}

impl Converter {
    fn hear(&mut self, mut sound: frame::Audio, on_sound: &mut OnSound<'_>) -> Result<(), MediaError> {
        let channels = sound.channels();
        let shape = Shape { rate: sound.rate(), format: sound.format().name(), channels };
        let time = sound.timestamp();
        sound.set_pts(time);
        if self.graph.as_ref().is_none_or(|(known, _)| *known != shape) {
            self.end_graph(on_sound)?;
            let spec = filters::sound(channels.into(), AUDIO_RATE_HZ);
            self.graph = Some((shape, Graph::for_sound(&sound, self.time_base, &spec)?));
        }
        if let Some((_, graph)) = &mut self.graph {
            graph.push(&sound)?;
        }
        self.give_out(on_sound)
    }

    fn end_graph(&mut self, on_sound: &mut OnSound<'_>) -> Result<(), MediaError> {
        if let Some((_, graph)) = &mut self.graph {
            graph.finish()?;
        }
        self.give_out(on_sound)?;
        self.graph = None;
        Ok(())
    }

    fn give_out(&mut self, on_sound: &mut OnSound<'_>) -> Result<(), MediaError> {
        let Some((_, graph)) = &mut self.graph else { return Ok(()) };
        let mut sound = frame::Audio::empty();
        while graph.pull(&mut sound)? {
            on_sound(sound.pts().unwrap_or(i64::MIN / 2), sound.plane(0), sound.plane(1));
        }
        Ok(())
    }
}

/// Hears the whole sound once, as it will be encoded, and judges it. Nothing is known of silence.
pub(super) fn measure(
    path: &Path,
    stream: usize,
    decoder: &str,
    limits: &Limits,
) -> Result<Option<Loudness>, MediaError> {
    let mut listener = Listener::open(path, stream, decoder, None)?;
    let mut meter = Meter::default();
    let most_ms = limits.max_duration_ms + 2 * Limits::DURATION_GRACE_MS;
    let most = usize::try_from(most_ms * u64::from(AUDIO_RATE_HZ) / 1000).unwrap_or(usize::MAX);
    while meter.samples() < most && listener.listen(&mut |_, left, right| meter.hear(left, right))? {}
    Ok(judge(&meter.finish()))
}

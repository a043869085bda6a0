//! Decoders of pictures and sound.

use ff::{Dictionary, Packet, codec, decoder, frame};
use ffmpeg_next as ff;

use super::{
    MediaError,
    error::{Next, next},
    input::Source,
};
use crate::plan::{Refusal, RefusalCode};

/// Pieces that cannot be decoded before the file counts as damaged.
const MAX_DECODE_ERRORS: u32 = 300;

/// A decoder of pictures that forgives single broken ones.
pub(super) struct PictureDecoder {
    decoder: decoder::Video,
    errors: u32,
}

/// A decoder of sound that forgives single broken frames.
pub(super) struct SoundDecoder {
    decoder: decoder::Audio,
    errors: u32,
}

fn context(source: &Source, stream: usize) -> Result<codec::Context, MediaError> {
    let stream =
        source.input.stream(stream).ok_or_else(|| MediaError::Inconsistent(format!("stream {stream} is gone")))?;
    let mut context =
        codec::Context::from_parameters(stream.parameters()).map_err(|e| MediaError::av("prepare a decoder", e))?;
    context.set_time_base(stream.time_base());
    Ok(context)
}

fn find(name: &str) -> Result<ff::Codec, MediaError> {
    decoder::find_by_name(name).ok_or_else(|| Refusal::new(RefusalCode::UnsupportedCodec, name.to_owned()).into())
}

impl PictureDecoder {
    /// A decoder by name for one stream of the source; refuses pictures of more than `max_pixels`.
    pub(super) fn open(
        source: &Source,
        stream: usize,
        name: &str,
        threads: u32,
        max_pixels: u64,
    ) -> Result<Self, MediaError> {
        let mut options = Dictionary::new();
        options.set("threads", &threads.to_string());
        options.set("max_pixels", &max_pixels.to_string());
        let mut decoder = context(source, stream)?.decoder();
        if let Some(stream) = source.input.stream(stream) {
            decoder.set_packet_time_base(stream.time_base());
        }
        let decoder = decoder
            .open_as_with(find(name)?, options)
            .and_then(decoder::Opened::video)
            .map_err(|e| Refusal::new(RefusalCode::Damaged, format!("decoder: {e}")))?;
        Ok(Self { decoder, errors: 0 })
    }

    /// How often something could not be decoded.
    pub(super) fn errors(&self) -> u32 {
        self.errors
    }

    /// Puts a packet in, or the end; then every picture that is ready goes to `on_picture`.
    pub(super) fn feed(
        &mut self,
        packet: Option<&Packet>,
        on_picture: &mut dyn FnMut(frame::Video) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let sent = match packet {
            Some(packet) => self.decoder.send_packet(packet),
            None => self.decoder.send_eof(),
        };
        forgive(&mut self.errors, "decode a picture", sent)?;
        loop {
            let mut picture = frame::Video::empty();
            let received = self.decoder.receive_frame(&mut picture);
            match forgive(&mut self.errors, "decode a picture", received)? {
                Some(Next::Ready) => on_picture(picture)?,
                Some(Next::Again | Next::End) => return Ok(()),
                None => {}
            }
        }
    }
}

impl SoundDecoder {
    /// A decoder by name for one stream of the source.
    pub(super) fn open(source: &Source, stream: usize, name: &str) -> Result<Self, MediaError> {
        let mut decoder = context(source, stream)?.decoder();
        if let Some(stream) = source.input.stream(stream) {
            decoder.set_packet_time_base(stream.time_base());
        }
        let decoder = decoder
            .open_as(find(name)?)
            .and_then(decoder::Opened::audio)
            .map_err(|e| Refusal::new(RefusalCode::Damaged, format!("decoder: {e}")))?;
        Ok(Self { decoder, errors: 0 })
    }

    /// Puts a packet in, or the end; then all sound that is ready goes to `on_sound`.
    pub(super) fn feed(
        &mut self,
        packet: Option<&Packet>,
        on_sound: &mut dyn FnMut(frame::Audio) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let sent = match packet {
            Some(packet) => self.decoder.send_packet(packet),
            None => self.decoder.send_eof(),
        };
        forgive(&mut self.errors, "decode sound", sent)?;
        loop {
            let mut sound = frame::Audio::empty();
            let received = self.decoder.receive_frame(&mut sound);
            match forgive(&mut self.errors, "decode sound", received)? {
                Some(Next::Ready) => on_sound(sound)?,
                Some(Next::Again | Next::End) => return Ok(()),
                None => {}
            }
        }
    }
}

/// Counts what could not be decoded, and gives up on the file when it is too much.
/// `None` means that something was skipped.
fn forgive(errors: &mut u32, step: &'static str, result: Result<(), ff::Error>) -> Result<Option<Next>, MediaError> {
    match next(step, result) {
        Ok(answer) => Ok(Some(answer)),
        Err(MediaError::Av { source: ff::Error::Other { errno: libc::ENOMEM }, .. }) => {
            Err(MediaError::av(step, ff::Error::Other { errno: libc::ENOMEM }))
        }
        Err(error) => {
            *errors += 1;
            if *errors > MAX_DECODE_ERRORS {
                return Err(Refusal::new(RefusalCode::Damaged, error.to_string()).into());
            }
            Ok(None)
        }
    }
}

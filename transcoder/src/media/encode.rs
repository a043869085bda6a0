//! Encoders of pictures and sound.

use ff::{ChannelLayout, Dictionary, Rational, codec, color, encoder, format, frame, picture::Type as PictureType};
use ffmpeg_next as ff;

use super::{
    MediaError,
    error::{Next, next},
    raw,
};
use crate::plan::{AAC_FRAME_SAMPLES, AUDIO_KBPS, AUDIO_RATE_HZ, Codec, RungPlan};

/// One encoded picture or frame of sound.
#[derive(Debug)]
pub(super) struct Encoded {
    /// Presentation time in the encoder's time base.
    pub(super) time: i64,
    /// Needs no other piece.
    pub(super) is_key: bool,
    /// Its bytes as the encoder wrote them.
    pub(super) bytes: Vec<u8>,
}

/// The encoder of one rung, for pictures that follow one another. Times count the rung's pictures.
pub(super) struct PictureEncoder {
    encoder: encoder::Video,
    header: Vec<u8>,
}

impl PictureEncoder {
    /// Opens an encoder as planned.
    pub(super) fn open(rung: &RungPlan) -> Result<Self, MediaError> {
        let codec = find(match rung.codec {
            Codec::Avc => "libx264",
            Codec::Av1 => "libsvtav1",
        })?;
        let mut video = codec::context::Context::new_with_codec(codec)
            .encoder()
            .video()
            .map_err(|e| MediaError::av("open the picture encoder", e))?;
        let rate = Rational::new(to_i32(rung.rate.num), to_i32(rung.rate.den));
        video.set_width(rung.width);
        video.set_height(rung.height);
        video.set_format(format::Pixel::YUV420P);
        video.set_time_base(rate.invert());
        video.set_frame_rate(Some(rate));
        video.set_aspect_ratio(Rational::new(1, 1));
        video.set_colorspace(color::Space::BT709);
        video.set_color_range(color::Range::MPEG);
        video.set_color_primaries(color::Primaries::BT709);
        video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        video.set_flags(codec::Flags::GLOBAL_HEADER | codec::Flags::CLOSED_GOP);
        raw::open_encoder(&mut video, options(rung))?;
        let header = raw::encoder_header(&video);
        Ok(Self { encoder: encoder::video::Encoder(video), header })
    }

    /// The parameter sets in Annex B, or the sequence header.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Encodes a picture to be shown at `time`, as a key picture if asked.
    pub(super) fn encode(
        &mut self,
        picture: &mut frame::Video,
        time: i64,
        is_key: bool,
        on_piece: &mut dyn FnMut(Encoded) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        picture.set_pts(Some(time));
        picture.set_kind(if is_key { PictureType::I } else { PictureType::None });
        self.encoder.send_frame(picture).map_err(|e| MediaError::av("encode a picture", e))?;
        drain(&mut self.encoder, on_piece)
    }

    /// Encodes what is left.
    pub(super) fn finish(
        mut self,
        on_piece: &mut dyn FnMut(Encoded) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        self.encoder.send_eof().map_err(|e| MediaError::av("encode a picture", e))?;
        drain(&mut self.encoder, on_piece)
    }
}

fn options(rung: &RungPlan) -> Dictionary<'static> {
    let mut options = Dictionary::new();
    for (name, value) in rung.encoder_options() {
        options.set(name, &value);
    }
    options
}

/// AAC-LC for the whole audio rendition. Times count samples.
pub(super) struct SoundEncoder {
    encoder: encoder::Audio,
    config: Vec<u8>,
}

impl SoundEncoder {
    /// Opens the encoder: stereo, 48 kHz.
    pub(super) fn open() -> Result<Self, MediaError> {
        let codec = find("aac")?;
        let mut audio = codec::context::Context::new_with_codec(codec)
            .encoder()
            .audio()
            .map_err(|e| MediaError::av("open the sound encoder", e))?;
        audio.set_rate(to_i32(AUDIO_RATE_HZ));
        audio.set_format(format::Sample::F32(format::sample::Type::Planar));
        audio.set_channel_layout(ChannelLayout::STEREO);
        audio.set_channels(2);
        audio.set_bit_rate(AUDIO_KBPS as usize * 1000);
        audio.set_time_base(Rational::new(1, to_i32(AUDIO_RATE_HZ)));
        audio.set_flags(codec::Flags::GLOBAL_HEADER);
        raw::open_encoder(&mut audio, Dictionary::new())?;
        let config = raw::encoder_header(&audio);
        if config.len() < 2 {
            return Err(MediaError::Inconsistent("the sound encoder gave no configuration".into()));
        }
        Ok(Self { encoder: encoder::audio::Encoder(audio), config })
    }

    /// The AAC decoder's configuration.
    pub(super) fn config(&self) -> &[u8] {
        &self.config
    }

    /// Encodes one frame of sound, left and right, that begins at sample `time`.
    pub(super) fn encode(
        &mut self,
        sides: [&[f32]; 2],
        time: i64,
        on_piece: &mut dyn FnMut(Encoded) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let samples = usize::try_from(AAC_FRAME_SAMPLES).expect("1024 fits");
        let layout = ChannelLayout::STEREO;
        let planar = format::Sample::F32(format::sample::Type::Planar);
        let mut sound = frame::Audio::new(planar, samples, layout);
        sound.set_rate(AUDIO_RATE_HZ);
        sound.set_pts(Some(time));
        for (index, side) in sides.into_iter().enumerate() {
            sound.plane_mut::<f32>(index).copy_from_slice(side);
        }
        self.encoder.send_frame(&sound).map_err(|e| MediaError::av("encode sound", e))?;
        drain(&mut self.encoder, on_piece)
    }

    /// Encodes what is left.
    pub(super) fn finish(
        &mut self,
        on_piece: &mut dyn FnMut(Encoded) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        self.encoder.send_eof().map_err(|e| MediaError::av("encode sound", e))?;
        drain(&mut self.encoder, on_piece)
    }
}

fn drain(
    encoder: &mut encoder::Encoder,
    on_piece: &mut dyn FnMut(Encoded) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let mut packet = ff::Packet::empty();
    while next("encode", encoder.receive_packet(&mut packet))? == Next::Ready {
        on_piece(Encoded {
            time: packet.pts().ok_or_else(|| MediaError::Inconsistent("a piece without time".into()))?,
            is_key: packet.is_key(),
            bytes: packet.data().unwrap_or_default().to_vec(),
        })?;
    }
    Ok(())
}

fn find(name: &'static str) -> Result<ff::Codec, MediaError> {
    encoder::find_by_name(name).ok_or_else(|| {
        MediaError::av("find an encoder; FFmpeg must be built with x264 and SVT-AV1", ff::Error::EncoderNotFound)
    })
}

fn to_i32(value: u32) -> i32 {
    i32::try_from(value).expect("rates and sizes are far below two thousand million")
}

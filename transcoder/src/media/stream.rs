//! What encoders write, in the terms of containers.

use super::MediaError;
use crate::{
    package::{Av1Config, AvcConfig, DecoderRecord, VideoTrack, annex_b_to_sample, units_to_sample, video_init},
    plan::{Codec, RungPlan},
};

/// What decoders must know of a rung's stream.
pub(super) enum StreamConfig {
    Avc(AvcConfig),
    Av1(Av1Config),
}

impl StreamConfig {
    /// Reads an encoder's header.
    pub(super) fn read(codec: Codec, header: &[u8]) -> Result<Self, MediaError> {
        Ok(match codec {
            Codec::Avc => Self::Avc(AvcConfig::from_annex_b(header)?),
            Codec::Av1 => Self::Av1(Av1Config::from_units(header)?),
        })
    }

    /// For playlists.
    pub(super) fn codec_string(&self) -> String {
        match self {
            Self::Avc(config) => config.codec_string(),
            Self::Av1(config) => config.codec_string(),
        }
    }

    /// The initialisation segment.
    pub(super) fn init(&self, rung: &RungPlan) -> Vec<u8> {
        let record = match self {
            Self::Avc(config) => config.decoder_record(),
            Self::Av1(config) => config.decoder_record(),
        };
        let decoder_record = match self {
            Self::Avc(_) => DecoderRecord::Avc(&record),
            Self::Av1(_) => DecoderRecord::Av1(&record),
        };
        let (width, height, timescale) = (rung.width, rung.height, rung.rate.timescale());
        video_init(&VideoTrack { width, height, timescale, decoder_record })
    }
}

/// One encoded picture as a sample.
pub(super) fn read_sample(codec: Codec, bytes: &[u8]) -> Result<Vec<u8>, MediaError> {
    match codec {
        Codec::Avc => Ok(annex_b_to_sample(bytes)),
        Codec::Av1 => Ok(units_to_sample(bytes)?),
    }
}

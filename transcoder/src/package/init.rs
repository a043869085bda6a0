//! The initialisation segment: what a decoder must know before the first picture.

use super::boxes::BoxWriter;

/// A matrix that neither turns nor scales.
const IDENTITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// The language code for "undetermined", packed as MP4 does.
pub(super) const UNDETERMINED: u16 = 0x55c4;
/// Every fragmented file of ours has one track.
pub(super) const TRACK_ID: u32 = 1;

/// What the initialisation segment of a video rendition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoTrack<'a> {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Ticks a second.
    pub timescale: u32,
    /// What the decoder must know of the stream.
    pub decoder_record: DecoderRecord<'a>,
}

/// The record of a codec, as its box holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecoderRecord<'a> {
    /// `avcC`.
    Avc(&'a [u8]),
    /// `av1C`.
    Av1(&'a [u8]),
}

/// What the initialisation segment of an audio rendition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioTrack<'a> {
    /// Samples a second, also the timescale.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// Mean bit rate.
    pub bits_per_second: u32,
    /// The AAC decoder's configuration.
    pub specific_config: &'a [u8],
}

/// The initialisation segment of a video rendition.
pub fn video_init(track: &VideoTrack<'_>) -> Vec<u8> {
    let mut w = BoxWriter::default();
    file_type(&mut w);
    w.boxed(*b"moov", |w| {
        movie_header(w, track.timescale);
        w.boxed(*b"trak", |w| {
            track_header(w, 0, track.width, track.height);
            w.boxed(*b"mdia", |w| {
                media_header(w, track.timescale);
                handler(w, *b"vide");
                w.boxed(*b"minf", |w| {
                    w.full(*b"vmhd", 0, 1, |w| w.zeros(8));
                    data_reference(w);
                    sample_table(w, |w| picture_entry(w, track));
                });
            });
        });
        extends(w);
    });
    w.into_bytes()
}

/// The initialisation segment of an audio rendition.
pub fn audio_init(track: &AudioTrack<'_>) -> Vec<u8> {
    let mut w = BoxWriter::default();
    file_type(&mut w);
    w.boxed(*b"moov", |w| {
        movie_header(w, track.rate_hz);
        w.boxed(*b"trak", |w| {
            track_header(w, 0x0100, 0, 0);
            w.boxed(*b"mdia", |w| {
                media_header(w, track.rate_hz);
                handler(w, *b"soun");
                w.boxed(*b"minf", |w| {
                    w.full(*b"smhd", 0, 0, |w| w.zeros(4));
                    data_reference(w);
                    sample_table(w, |w| aac_entry(w, track));
                });
            });
        });
        extends(w);
    });
    w.into_bytes()
}

fn file_type(w: &mut BoxWriter) {
    w.boxed(*b"ftyp", |w| {
        w.raw(b"iso6");
        w.u32(0);
        for brand in [b"iso6", b"cmfc", b"mp41"] {
            w.raw(brand);
        }
    });
}

fn movie_header(w: &mut BoxWriter, timescale: u32) {
    w.full(*b"mvhd", 0, 0, |w| {
        w.zeros(8);
        w.u32(timescale);
        w.u32(0);
        w.u32(0x1_0000);
        w.u16(0x0100);
        w.zeros(10);
        matrix(w);
        w.zeros(24);
        w.u32(TRACK_ID + 1);
    });
}

fn track_header(w: &mut BoxWriter, volume: u16, width: u32, height: u32) {
    w.full(*b"tkhd", 0, 7, |w| {
        w.zeros(8);
        w.u32(TRACK_ID);
        w.zeros(4);
        w.u32(0);
        w.zeros(8);
        w.u16(0);
        w.u16(0);
        w.u16(volume);
        w.u16(0);
        matrix(w);
        w.u32(width << 16);
        w.u32(height << 16);
    });
}

pub(super) fn matrix(w: &mut BoxWriter) {
    for cell in IDENTITY {
        w.u32(cell);
    }
}

fn media_header(w: &mut BoxWriter, timescale: u32) {
    w.full(*b"mdhd", 0, 0, |w| {
        w.zeros(8);
        w.u32(timescale);
        w.u32(0);
        w.u16(UNDETERMINED);
        w.u16(0);
    });
}

pub(super) fn handler(w: &mut BoxWriter, kind: [u8; 4]) {
    w.full(*b"hdlr", 0, 0, |w| {
        w.u32(0);
        w.raw(&kind);
        w.zeros(12);
        w.u8(0);
    });
}

pub(super) fn data_reference(w: &mut BoxWriter) {
    w.boxed(*b"dinf", |w| {
        w.full(*b"dref", 0, 0, |w| {
            w.u32(1);
            w.full(*b"url ", 0, 1, |_| {});
        });
    });
}

fn sample_table(w: &mut BoxWriter, entry: impl FnOnce(&mut BoxWriter)) {
    w.boxed(*b"stbl", |w| {
        w.full(*b"stsd", 0, 0, |w| {
            w.u32(1);
            entry(w);
        });
        w.full(*b"stts", 0, 0, |w| w.u32(0));
        w.full(*b"stsc", 0, 0, |w| w.u32(0));
        w.full(*b"stsz", 0, 0, |w| w.zeros(8));
        w.full(*b"stco", 0, 0, |w| w.u32(0));
    });
}

fn extends(w: &mut BoxWriter) {
    w.boxed(*b"mvex", |w| {
        w.full(*b"trex", 0, 0, |w| {
            w.u32(TRACK_ID);
            w.u32(1);
            w.zeros(12);
        });
    });
}

fn picture_entry(w: &mut BoxWriter, track: &VideoTrack<'_>) {
    let side = |pixels: u32| u16::try_from(pixels).expect("renditions are at most 4096 pixels wide");
    let (entry, kind, record) = match track.decoder_record {
        DecoderRecord::Avc(record) => (*b"avc1", *b"avcC", record),
        DecoderRecord::Av1(record) => (*b"av01", *b"av1C", record),
    };
    w.boxed(entry, |w| {
        w.zeros(6);
        w.u16(1);
        w.zeros(16);
        w.u16(side(track.width));
        w.u16(side(track.height));
        w.u32(0x0048_0000);
        w.u32(0x0048_0000);
        w.u32(0);
        w.u16(1);
        w.zeros(32);
        w.u16(24);
        w.u16(0xffff);
        w.boxed(kind, |w| w.raw(record));
        w.boxed(*b"colr", bt709_video_range);
        w.boxed(*b"pasp", |w| {
            w.u32(1);
            w.u32(1);
        });
    });
}

fn bt709_video_range(w: &mut BoxWriter) {
    w.raw(b"nclx");
    w.u16(1);
    w.u16(1);
    w.u16(1);
    w.u8(0);
}

fn aac_entry(w: &mut BoxWriter, track: &AudioTrack<'_>) {
    let rate = u16::try_from(track.rate_hz).expect("the audio rendition is at 48 kHz");
    w.boxed(*b"mp4a", |w| {
        w.zeros(6);
        w.u16(1);
        w.zeros(8);
        w.u16(track.channels);
        w.u16(16);
        w.zeros(4);
        w.u16(rate);
        w.u16(0);
        w.full(*b"esds", 0, 0, |w| elementary_stream(w, track));
    });
}

/// The nested MPEG-4 descriptors of an AAC stream; each is short, so one length byte does.
fn elementary_stream(w: &mut BoxWriter, track: &AudioTrack<'_>) {
    let config = u8::try_from(track.specific_config.len()).expect("an AAC configuration is a few bytes");
    w.u8(0x03);
    w.u8(3 + 2 + 13 + 2 + config + 3);
    w.u16(0);
    w.u8(0);
    w.u8(0x04);
    w.u8(13 + 2 + config);
    w.u8(0x40);
    w.u8(0x15);
    w.zeros(3);
    w.u32(track.bits_per_second);
    w.u32(track.bits_per_second);
    w.u8(0x05);
    w.u8(config);
    w.raw(track.specific_config);
    w.u8(0x06);
    w.u8(1);
    w.u8(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialisation_segments_are_small() {
        let record = [1u8; 40];
        let video =
            VideoTrack { width: 540, height: 960, timescale: 30_000, decoder_record: DecoderRecord::Avc(&record) };
        assert!(video_init(&video).len() <= 1024);
        let audio =
            AudioTrack { rate_hz: 48_000, channels: 2, bits_per_second: 96_000, specific_config: &[0x11, 0x90] };
        assert!(audio_init(&audio).len() <= 1024);
    }
}

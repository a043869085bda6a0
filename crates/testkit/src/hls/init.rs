//! What an initialisation segment says.

use super::av1::Av1Record;
use super::avc::{AvcRecord, Sps};
use super::boxes::{DEEPEST, Mp4Box, Reader, boxes, first, only};

/// An initialisation segment.
#[derive(Debug, Clone)]
pub(super) struct Init {
    pub(super) bytes: usize,
    pub(super) brands: Vec<String>,
    /// Kinds of all boxes at any depth.
    pub(super) kinds: Vec<String>,
    pub(super) has_times: bool,
    pub(super) has_samples: bool,
    pub(super) has_extends: bool,
    pub(super) tracks: Vec<Track>,
}

/// Defaults of samples, from `trex`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults {
    pub(super) ticks: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// A track.
#[derive(Debug, Clone)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) handler_name: Vec<u8>,
    pub(super) timescale: u32,
    /// Width and height, in 65536ths of a pixel.
    pub(super) shown: (u32, u32),
    pub(super) is_upright: bool,
    pub(super) entries: Vec<String>,
    pub(super) defaults: Defaults,
    pub(super) picture: Option<Picture>,
    pub(super) sound: Option<Sound>,
}

/// A sample entry of pictures.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) size: (u16, u16),
    pub(super) avc: Option<AvcRecord>,
    pub(super) sps: Option<Sps>,
    pub(super) av1: Option<Av1Record>,
    /// Primaries, transfer, matrix, full range.
    pub(super) colour: Option<(u16, u16, u16, bool)>,
    pub(super) aspect: Option<(u32, u32)>,
}

/// A sample entry of sound.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
    /// MPEG-4 audio object type: 2 is AAC-LC.
    pub(super) object: u8,
    /// Channels and rate that the AAC configuration itself says.
    pub(super) config_channels: u8,
    pub(super) config_rate_hz: Option<u32>,
}

/// Boxes that hold boxes at once.
const CONTAINERS: [&[u8; 4]; 10] =
    [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"edts", b"udta", b"moof"];
const IDENTITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

impl Init {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let top = boxes(bytes, 0)?;
        let mut kinds = Vec::new();
        collect_kinds(&top, 0, &mut kinds)?;
        let mut brands = only(&top, *b"ftyp")?.reader();
        let movie = only(&top, *b"moov")?.inner(0)?;
        let mut header = only(&movie, *b"mvhd")?.reader();
        let (version, _) = header.version_and_flags()?;
        let mut has_times = header.time(version)? != 0;
        has_times |= header.time(version)? != 0;
        header.u32()?;
        let mut has_samples = header.time(version)? != 0;
        let extends = first(&movie, *b"mvex");
        let defaults = match &extends {
            Some(extends) => extends.inner(0)?.iter().filter(|b| &b.kind == b"trex").map(trex).collect(),
            None => Ok(Vec::new()),
        }?;
        let mut tracks = Vec::new();
        for found in movie.iter().filter(|found| &found.kind == b"trak") {
            let (track, tables) = Track::parse(found, &defaults)?;
            has_samples |= tables;
            tracks.push(track);
        }
        let all: Vec<String> = brands.take(brands.rest().len() / 4 * 4)?.chunks(4).map(text).collect();
        Ok(Self {
            bytes: bytes.len(),
            brands: all,
            kinds,
            has_times,
            has_samples,
            has_extends: extends.is_some(),
            tracks,
        })
    }

    /// The only track, if it is the only one.
    pub(super) fn track(&self) -> Option<&Track> {
        if let [track] = self.tracks.as_slice() { Some(track) } else { None }
    }

    pub(super) fn picture(&self) -> Option<&Picture> {
        self.track().and_then(|track| track.picture.as_ref())
    }

    pub(super) fn sound(&self) -> Option<&Sound> {
        self.track().and_then(|track| track.sound.as_ref())
    }
}

fn collect_kinds(found: &[Mp4Box<'_>], depth: usize, kinds: &mut Vec<String>) -> Result<(), String> {
    for inner in found {
        kinds.push(inner.name());
        if depth < DEEPEST && CONTAINERS.contains(&&inner.kind) {
            collect_kinds(&inner.inner(0)?, depth + 1, kinds)?;
        }
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn trex(found: &Mp4Box<'_>) -> Result<(u32, Defaults), String> {
    let mut reader = found.reader();
    reader.version_and_flags()?;
    let id = reader.u32()?;
    reader.u32()?;
    Ok((id, Defaults { ticks: reader.u32()?, size: reader.u32()?, flags: reader.u32()? }))
}

impl Track {
    /// The track, and whether its tables hold samples.
    fn parse(found: &Mp4Box<'_>, defaults: &[(u32, Defaults)]) -> Result<(Self, bool), String> {
        let inside = found.inner(0)?;
        let media = only(&inside, *b"mdia")?.inner(0)?;
        let (id, is_upright, shown) = track_header(&only(&inside, *b"tkhd")?)?;
        let mut header = only(&media, *b"mdhd")?.reader();
        let (version, _) = header.version_and_flags()?;
        header.time(version)?;
        header.time(version)?;
        let timescale = header.u32()?;
        let mut handler = only(&media, *b"hdlr")?.reader();
        handler.take(8)?;
        let kind = text(handler.take(4)?);
        handler.take(12)?;
        let tables = only(&only(&media, *b"minf")?.inner(0)?, *b"stbl")?.inner(0)?;
        let entries = only(&tables, *b"stsd")?.inner(8)?;
        let entry = entries.first();
        let mut has_samples = false;
        for table in tables.iter().filter(|table| matches!(&table.kind, b"stts" | b"stsc" | b"stco" | b"ctts")) {
            let mut reader = table.reader();
            reader.version_and_flags()?;
            has_samples |= reader.u32()? != 0;
        }
        let track = Self {
            id,
            timescale,
            shown,
            is_upright,
            picture: if kind == "vide" { entry.map(Picture::parse).transpose()? } else { None },
            sound: if kind == "soun" { entry.map(Sound::parse).transpose()? } else { None },
            handler_name: handler.rest().iter().copied().filter(|byte| *byte != 0).collect(),
            entries: entries.iter().map(Mp4Box::name).collect(),
            defaults: defaults.iter().find(|(track, _)| *track == id).map(|(_, d)| *d).unwrap_or_default(),
        };
        Ok((track, has_samples))
    }
}

fn track_header(found: &Mp4Box<'_>) -> Result<(u32, bool, (u32, u32)), String> {
    let mut reader = found.reader();
    let (version, _) = reader.version_and_flags()?;
    reader.time(version)?;
    reader.time(version)?;
    let id = reader.u32()?;
    reader.u32()?;
    reader.time(version)?;
    reader.take(16)?;
    let mut is_upright = true;
    for cell in IDENTITY {
        is_upright &= reader.u32()? == cell;
    }
    Ok((id, is_upright, (reader.u32()?, reader.u32()?)))
}

/// Bytes of a picture entry before the boxes in it.
const PICTURE_ENTRY: usize = 78;
/// Bytes of a sound entry before the boxes in it.
const SOUND_ENTRY: usize = 28;

impl Picture {
    fn parse(entry: &Mp4Box<'_>) -> Result<Self, String> {
        let mut reader = entry.reader();
        reader.take(24)?;
        let size = (reader.u16()?, reader.u16()?);
        let inside = entry.inner(PICTURE_ENTRY)?;
        let avc = first(&inside, *b"avcC").map(|found| AvcRecord::parse(found.content)).transpose()?;
        let sps = avc.as_ref().and_then(|avc| avc.sps.first()).map(|sps| Sps::parse(sps)).transpose()?;
        let av1 = first(&inside, *b"av1C").map(|found| Av1Record::parse(found.content)).transpose()?;
        let colour = first(&inside, *b"colr").map(|found| colour(&found)).transpose()?.flatten();
        let aspect = match first(&inside, *b"pasp") {
            Some(found) => {
                let mut reader = found.reader();
                Some((reader.u32()?, reader.u32()?))
            }
            None => None,
        };
        Ok(Self { size, avc, sps, av1, colour, aspect })
    }
}

fn colour(found: &Mp4Box<'_>) -> Result<Option<(u16, u16, u16, bool)>, String> {
    let mut reader = found.reader();
    if reader.take(4)? != b"nclx" {
        return Ok(None);
    }
    Ok(Some((reader.u16()?, reader.u16()?, reader.u16()?, reader.u8()? & 0x80 != 0)))
}

/// Rates of AAC by their index in its configuration.
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

impl Sound {
    fn parse(entry: &Mp4Box<'_>) -> Result<Self, String> {
        let mut reader = entry.reader();
        reader.take(16)?;
        let channels = reader.u16()?;
        reader.take(6)?;
        let rate_hz = reader.u32()? >> 16;
        let descriptors = only(&entry.inner(SOUND_ENTRY)?, *b"esds")?;
        let config = decoder_config(&descriptors)?;
        let [one, two, ..] = *config else { return Err("the AAC configuration is too short".into()) };
        let index = usize::from((one & 7) << 1 | two >> 7);
        Ok(Self {
            channels,
            rate_hz,
            object: one >> 3,
            config_channels: two >> 3 & 0xf,
            config_rate_hz: RATES.get(index).copied(),
        })
    }
}

/// The decoder's own configuration, inside three nested descriptors.
fn decoder_config<'a>(found: &Mp4Box<'a>) -> Result<&'a [u8], String> {
    let mut reader = found.reader();
    reader.version_and_flags()?;
    let mut stream = descriptor(&mut reader, 3)?;
    stream.take(3)?;
    let mut decoder = descriptor(&mut stream, 4)?;
    decoder.take(13)?;
    Ok(descriptor(&mut decoder, 5)?.rest())
}

fn descriptor<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<Reader<'a>, String> {
    if reader.u8()? != tag {
        return Err(format!("descriptor {tag} is missing"));
    }
    let mut length = 0;
    for _ in 0..4 {
        let byte = reader.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(Reader::new(reader.take(length)?, "esds"))
}

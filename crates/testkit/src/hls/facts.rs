//! Everything the rules look at, read once.

use super::fragment::{self, Fragment};
use super::init::{Init, Track};
use super::package::{MULTIVARIANT, Package};
use super::playlist::{Attributes, MediaPlaylist, Multivariant, Piece, Variant, resolve};
use super::{av1, avc};

/// A multivariant playlist for fuzzing what it refers to.
pub(super) const SMALLEST_MULTIVARIANT: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.64001f\",RESOLUTION=2x2,FRAME-RATE=30.000\nv/index.m3u8\n";
/// A media playlist for the same.
pub(super) const SMALLEST_MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n\
    #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1.0,\ns.m4s\n#EXT-X-ENDLIST\n";

/// With fewer pictures than this, the first ones, which are decoded in quick succession, are the last ones too, and
/// lengths in decoding time say nothing of the time on screen.
const FEW_PICTURES: usize = 8;

/// How the multivariant playlist refers to a media playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Variant,
    Audio,
    Subtitles,
    IFrames,
}

/// A package, read.
pub(super) struct Facts<'a> {
    pub(super) package: &'a Package,
    pub(super) multivariant: Multivariant,
    pub(super) renditions: Vec<Rendition>,
    /// What could not be read.
    pub(super) problems: Vec<String>,
}

/// A media playlist and its files.
pub(super) struct Rendition {
    /// Name of the playlist in the package.
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) playlist: MediaPlaylist,
    pub(super) init: Option<Init>,
    /// As many as the playlist lists, unless one cannot be read.
    pub(super) segments: Vec<Segment>,
}

/// A media segment.
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// What the playlist says.
    pub(super) listed_secs: f64,
    pub(super) fragments: Vec<Fragment>,
    pub(super) samples: Vec<Shown>,
    pub(super) others: Vec<String>,
}

/// A sample with its times, in ticks.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts of a sample")]
#[expect(clippy::struct_field_names, reason = "decoded and shown are the two times of a sample")]
pub(super) struct Shown {
    pub(super) decoded_at: i64,
    pub(super) shown_at: i64,
    pub(super) ticks: i64,
    pub(super) is_sync: bool,
    pub(super) is_idr: bool,
    pub(super) has_parameter_sets: bool,
    pub(super) is_whole: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn read(package: &'a Package) -> Self {
        let mut facts =
            Self { package, multivariant: Multivariant::default(), renditions: Vec::new(), problems: Vec::new() };
        match text(package, MULTIVARIANT).and_then(Multivariant::parse) {
            Ok(multivariant) => facts.multivariant = multivariant,
            Err(error) => facts.problems.push(format!("{MULTIVARIANT}: {error}")),
        }
        for (uri, role) in references(&facts.multivariant) {
            facts.read_rendition(&uri, role);
        }
        facts
    }

    fn read_rendition(&mut self, uri: &str, role: Role) {
        let Some(name) = resolve(MULTIVARIANT, uri) else {
            self.problems.push(format!("{uri:?} leads out of the package"));
            return;
        };
        let playlist = match text(self.package, &name).and_then(MediaPlaylist::parse) {
            Ok(playlist) => playlist,
            Err(error) => {
                self.problems.push(format!("{name}: {error}"));
                return;
            }
        };
        let init = match playlist.maps.first().map(|map| self.piece(&name, map).and_then(Init::parse)) {
            Some(Ok(init)) => Some(init),
            Some(Err(error)) => {
                self.problems.push(format!("{name}: the initialisation segment: {error}"));
                None
            }
            None => None,
        };
        let mut rendition = Rendition { name, role, playlist, init, segments: Vec::new() };
        if matches!(role, Role::Variant | Role::Audio) {
            match self.segments(&rendition) {
                Ok(segments) => rendition.segments = segments,
                Err(error) => self.problems.push(error),
            }
        }
        self.renditions.push(rendition);
    }

    fn segments(&self, rendition: &Rendition) -> Result<Vec<Segment>, String> {
        let Some(track) = rendition.init.as_ref().and_then(Init::track) else {
            return Err(format!("{}: there is not one track", rendition.name));
        };
        let mut segments = Vec::new();
        for entry in &rendition.playlist.entries {
            let bytes = self.piece(&rendition.name, &entry.piece)?;
            let (fragments, others) =
                fragment::parse(bytes, track).map_err(|e| format!("{}/{}: {e}", rendition.name, entry.piece.uri))?;
            segments.push(Segment {
                name: entry.piece.uri.clone(),
                bytes: bytes.len() as u64,
                listed_secs: entry.secs,
                samples: fragments.iter().flat_map(|fragment| shown(bytes, fragment, track)).collect(),
                fragments,
                others,
            });
        }
        Ok(segments)
    }

    /// The bytes a playlist refers to.
    pub(super) fn piece(&self, playlist: &str, piece: &Piece) -> Result<&'a [u8], String> {
        let name = resolve(playlist, &piece.uri).ok_or_else(|| format!("{:?} leads out of the package", piece.uri))?;
        let whole = self.package.get(&name).ok_or_else(|| format!("{name} is missing"))?;
        let Some((first, length)) = piece.range else { return Ok(whole) };
        let range =
            usize::try_from(first).ok().zip(first.checked_add(length).and_then(|end| usize::try_from(end).ok()));
        range.and_then(|(first, end)| whole.get(first..end)).ok_or_else(|| format!("{name} is too short for its range"))
    }

    pub(super) fn of_role(&self, role: Role) -> impl Iterator<Item = &Rendition> {
        self.renditions.iter().filter(move |rendition| rendition.role == role)
    }

    /// Renditions with pictures or sound.
    pub(super) fn media(&self) -> impl Iterator<Item = &Rendition> {
        self.renditions.iter().filter(|rendition| matches!(rendition.role, Role::Variant | Role::Audio))
    }

    /// Each variant with the media playlist it names; those that cannot be read are left out.
    pub(super) fn variants(&self) -> impl Iterator<Item = (&Variant, &Rendition)> {
        let playlist = |variant: &Variant| self.find(&variant.uri);
        self.multivariant.variants.iter().filter_map(move |variant| playlist(variant).map(|found| (variant, found)))
    }

    /// Variants that have pictures.
    pub(super) fn pictures(&self) -> impl Iterator<Item = (&Variant, &Rendition)> {
        self.variants().filter(|(_, rendition)| rendition.init.as_ref().is_some_and(|init| init.picture().is_some()))
    }

    pub(super) fn find(&self, uri: &str) -> Option<&Rendition> {
        let name = resolve(MULTIVARIANT, uri)?;
        self.renditions.iter().find(|rendition| rendition.name == name)
    }

    /// The sound that plays with a variant.
    pub(super) fn sound_of(&self, variant: &Variant) -> Option<&Rendition> {
        let group = variant.attributes.get("AUDIO")?;
        let is_member = |media: &&Attributes| {
            media.get("TYPE") == Some("AUDIO") && media.get("GROUP-ID") == Some(group) && media.get("URI").is_some()
        };
        self.multivariant.renditions.iter().find(is_member).and_then(|media| self.find(media.get("URI")?))
    }
}

fn text<'a>(package: &'a Package, name: &str) -> Result<&'a str, String> {
    let bytes = package.get(name).ok_or("is missing")?;
    std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

/// Every media playlist once, in order.
fn references(multivariant: &Multivariant) -> Vec<(String, Role)> {
    let mut found: Vec<(String, Role)> = Vec::new();
    let mut add = |uri: &str, role| {
        if found.iter().all(|(known, _)| known != uri) {
            found.push((uri.to_owned(), role));
        }
    };
    multivariant.variants.iter().for_each(|variant| add(&variant.uri, Role::Variant));
    for media in &multivariant.renditions {
        let role = if media.get("TYPE") == Some("SUBTITLES") { Role::Subtitles } else { Role::Audio };
        media.get("URI").into_iter().for_each(|uri| add(uri, role));
    }
    multivariant.i_frames.iter().filter_map(|media| media.get("URI")).for_each(|uri| add(uri, Role::IFrames));
    found
}

/// The samples of a fragment with their times.
pub(super) fn shown(bytes: &[u8], fragment: &Fragment, track: &Track) -> Vec<Shown> {
    let avc = track.picture.as_ref().and_then(|picture| picture.avc.as_ref());
    let is_av1 = track.picture.as_ref().is_some_and(|picture| picture.av1.is_some());
    let mut decoded_at = fragment.start.and_then(|start| i64::try_from(start).ok()).unwrap_or(0);
    let mut found = Vec::with_capacity(fragment.samples.len());
    for sample in &fragment.samples {
        let data = bytes.get(sample.at..sample.at.saturating_add(sample.size));
        let nals = data.zip(avc).map(|(data, avc)| avc::nal_types(data, avc.length_bytes));
        let has = |kinds: &[u8]| matches!(&nals, Some(Ok(nals)) if nals.iter().any(|nal| kinds.contains(nal)));
        let key = data.filter(|_| is_av1).map(av1::read_sample);
        let ticks = i64::try_from(sample.ticks).unwrap_or(i64::MAX);
        found.push(Shown {
            decoded_at,
            shown_at: decoded_at.saturating_add(sample.shift),
            ticks,
            is_sync: sample.is_sync,
            is_idr: has(&[avc::IDR]) || matches!(key, Some(Ok(true))),
            has_parameter_sets: has(&avc::PARAMETER_SETS),
            is_whole: data.is_some_and(|data| !data.is_empty())
                && !matches!(nals, Some(Err(_)))
                && !matches!(key, Some(Err(_))),
        });
        decoded_at = decoded_at.saturating_add(ticks);
    }
    found
}

#[expect(clippy::cast_precision_loss, reason = "times of short clips")]
pub(super) fn secs(ticks: i64, timescale: u32) -> f64 {
    ticks as f64 / f64::from(timescale.max(1))
}

impl Segment {
    /// First and last moment on screen, in ticks.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let start = self.samples.iter().map(|sample| sample.shown_at).min()?;
        let end = self.samples.iter().map(|sample| sample.shown_at.saturating_add(sample.ticks)).max()?;
        Some((start, end))
    }
}

impl Rendition {
    /// So short that its times cannot be judged by the lengths of its samples.
    pub(super) fn is_a_moment(&self) -> bool {
        self.samples().count() < FEW_PICTURES
    }

    pub(super) fn timescale(&self) -> u32 {
        self.init.as_ref().and_then(Init::track).map_or(1, |track| track.timescale.max(1))
    }

    pub(super) fn samples(&self) -> impl Iterator<Item = &Shown> {
        self.segments.iter().flat_map(|segment| &segment.samples)
    }

    /// First and last moment of the whole rendition, in seconds.
    pub(super) fn span_secs(&self) -> Option<(f64, f64)> {
        let spans: Vec<(i64, i64)> = self.segments.iter().filter_map(Segment::span).collect();
        let start = spans.iter().map(|(start, _)| *start).min()?;
        let end = spans.iter().map(|(_, end)| *end).max()?;
        Some((secs(start, self.timescale()), secs(end, self.timescale())))
    }

    /// The usual length of a sample, in seconds: the median of the distances between moments on screen.
    pub(super) fn sample_secs(&self) -> f64 {
        let mut times: Vec<i64> = self.samples().map(|sample| sample.shown_at).collect();
        times.sort_unstable();
        let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        gaps.sort_unstable();
        let lone = || self.samples().map(|sample| sample.ticks).max().unwrap_or(0);
        secs(gaps.get(gaps.len() / 2).copied().unwrap_or_else(lone), self.timescale())
    }

    pub(super) fn average_bits(&self) -> f64 {
        let secs: f64 = self.segments.iter().map(|segment| segment.listed_secs).sum();
        if secs > 0.0 { bits(self.segments.iter().map(|segment| segment.bytes).sum()) / secs } else { 0.0 }
    }

    /// The highest bit rate of a run of segments between half and one and a half target durations long.
    pub(super) fn peak_bits(&self) -> f64 {
        let target = f64::from(u32::try_from(self.playlist.target_secs.unwrap_or(0)).unwrap_or(u32::MAX));
        let mut peak: f64 = 0.0;
        for first in 0..self.segments.len() {
            let (mut bytes, mut length) = (0, 0.0);
            for segment in &self.segments[first..] {
                bytes += segment.bytes;
                length += segment.listed_secs;
                if length > 1.5 * target {
                    break;
                }
                if length >= 0.5 * target && length > 0.0 {
                    peak = peak.max(bits(bytes) / length);
                }
            }
        }
        if peak == 0.0 { self.average_bits() } else { peak }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of short clips")]
fn bits(bytes: u64) -> f64 {
    bytes as f64 * 8.0
}

//! From a plan and what exists of it to playlists.

use serde::{Deserialize, Serialize};

use super::{
    AUDIO_RENDITION, ChunkFacts, KeyVariant, MediaPlaylist, Multivariant, SoundVariant, Variant, keys_playlist,
    media_playlist, multivariant_playlist, peak_bits_per_second, playlist::mean_bits_per_second, storyboard_index,
};
use crate::plan::{AUDIO_KBPS, AudioPlan, RungPlan, TranscodePlan};

/// The rung that players should begin with, by its short edge.
const START_SHORT_EDGE: u32 = 540;
/// Rungs up to this short edge have a playlist of their key pictures: scrubbing needs no more.
const KEYS_SHORT_EDGE: u32 = 540;
/// Containers add about this many per cent.
const OVERHEAD_PERCENT: u64 = 2;

/// Everything that can be published of a clip so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// All chunks are there.
    pub complete: bool,
    /// Text of the multivariant playlist, `index.m3u8`.
    pub multivariant: String,
    /// Video renditions, smallest first, then audio.
    pub renditions: Vec<Rendition>,
    /// Text of the storyboard's index.
    pub storyboard: Option<String>,
}

/// A rendition as far as it exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rendition {
    /// Its folder, such as `v540` or `audio`.
    pub name: String,
    /// Picture or sound.
    pub kind: RenditionKind,
    /// Codec string from the bitstream.
    pub codecs: String,
    /// Peak bits a second of this rendition alone: the cap until it is measured.
    pub bandwidth: u64,
    /// Mean bits a second of this rendition alone.
    pub average_bandwidth: u64,
    /// Size of `init.mp4`.
    pub init_bytes: u64,
    /// The media segments that exist, `s00000.m4s` and on.
    pub segments: Vec<Segment>,
    /// Text of its media playlist.
    pub playlist: String,
    /// Text of the playlist of its key pictures, on small rungs.
    pub keys_playlist: Option<String>,
    /// Peak and mean bits a second of its key pictures.
    pub keys_bandwidth: Option<(u64, u64)>,
}

/// What a rendition carries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RenditionKind {
    /// Pictures.
    Video {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Pictures a second.
        frame_rate: f64,
    },
    /// Sound.
    Audio,
}

/// A media segment that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its length in microseconds.
    pub duration_us: u64,
    /// Its size.
    pub bytes: u64,
}

/// Playlists and figures for the chunks that are there: a prefix of the plan's, in order.
///
/// Returns `None` when the chunks are not a prefix of the plan or do not match it.
pub fn assemble(plan: &TranscodePlan, chunks: &[ChunkFacts]) -> Option<Package> {
    let in_order = chunks.iter().enumerate().all(|(index, chunk)| chunk.index == index);
    if chunks.is_empty() || !in_order || chunks.len() > plan.chunks.len() {
        return None;
    }
    let complete = chunks.len() == plan.chunks.len();
    let mut renditions = Vec::with_capacity(plan.rungs.len() + 1);
    for rung in &plan.rungs {
        renditions.push(video_rendition(plan, rung, chunks, complete)?);
    }
    if let Some(audio) = &plan.audio {
        renditions.push(audio_rendition(plan, audio, chunks, complete)?);
    }
    Some(Package {
        complete,
        multivariant: multivariant(&renditions),
        renditions,
        storyboard: storyboard_index(plan, chunks),
    })
}

fn video_rendition(plan: &TranscodePlan, rung: &RungPlan, chunks: &[ChunkFacts], complete: bool) -> Option<Rendition> {
    let length = |segment: usize| plan.segment_us(rung, segment);
    let cap = u64::from(rung.cap_kbps) * 1000;
    let kind = RenditionKind::Video { width: rung.width, height: rung.height, frame_rate: rung.rate.fps() };
    let mut made = rendition(plan, &rung.name, kind, cap, chunks, complete, length)?;
    if rung.short_edge() <= KEYS_SHORT_EDGE {
        add_keys(plan, &mut made, chunks, complete, length);
    }
    Some(made)
}

/// Adds the playlist of key pictures, if the sizes of all of them are known: chunks of old tell none.
fn add_keys(
    plan: &TranscodePlan,
    rendition: &mut Rendition,
    chunks: &[ChunkFacts],
    complete: bool,
    length_us: impl Fn(usize) -> u64,
) {
    let parts = chunks.iter().filter_map(|chunk| chunk.renditions.iter().find(|part| part.rendition == rendition.name));
    let sizes: Vec<u64> = parts.flat_map(|part| part.key_bytes.iter().copied()).collect();
    if sizes.len() != rendition.segments.len() {
        return;
    }
    let keys: Vec<Segment> =
        sizes.into_iter().enumerate().map(|(index, bytes)| Segment { duration_us: length_us(index), bytes }).collect();
    let target_secs = plan.target_secs();
    rendition.keys_playlist = Some(keys_playlist(&MediaPlaylist { target_secs, segments: &keys, complete }));
    let (peak, mean) = (peak_bits_per_second(&keys, target_secs), mean_bits_per_second(&keys));
    // Players fetch the multivariant playlist once: what is not measured yet is the whole rendition's cap.
    let unmeasured = if complete { 0 } else { rendition.bandwidth };
    rendition.keys_bandwidth = Some((peak.max(unmeasured), mean.max(unmeasured)));
}

fn audio_rendition(
    plan: &TranscodePlan,
    audio: &AudioPlan,
    chunks: &[ChunkFacts],
    complete: bool,
) -> Option<Rendition> {
    let length = |segment: usize| audio.segment_us(segment);
    let cap = u64::from(AUDIO_KBPS) * 1000;
    rendition(plan, AUDIO_RENDITION, RenditionKind::Audio, cap, chunks, complete, length)
}

fn rendition(
    plan: &TranscodePlan,
    name: &str,
    kind: RenditionKind,
    cap: u64,
    chunks: &[ChunkFacts],
    complete: bool,
    length_us: impl Fn(usize) -> u64,
) -> Option<Rendition> {
    let init = chunks.first()?.inits.iter().find(|init| init.rendition == name)?;
    let sizes = segment_sizes(plan, name, chunks)?;
    let segments: Vec<Segment> =
        sizes.into_iter().enumerate().map(|(index, bytes)| Segment { duration_us: length_us(index), bytes }).collect();
    let target_secs = plan.target_secs();
    let cap = cap + cap * OVERHEAD_PERCENT / 100;
    let measured = peak_bits_per_second(&segments, target_secs);
    let playlist = media_playlist(&MediaPlaylist { target_secs, segments: &segments, complete });
    Some(Rendition {
        name: name.to_owned(),
        kind,
        codecs: init.codecs.clone(),
        bandwidth: if complete { measured } else { measured.max(cap) },
        average_bandwidth: if complete { mean_bits_per_second(&segments) } else { cap },
        init_bytes: init.bytes,
        segments,
        playlist,
        keys_playlist: None,
        keys_bandwidth: None,
    })
}

/// Sizes of all segments of a rendition, checked against the plan.
fn segment_sizes(plan: &TranscodePlan, name: &str, chunks: &[ChunkFacts]) -> Option<Vec<u64>> {
    let mut sizes = Vec::new();
    for (chunk, planned) in chunks.iter().zip(&plan.chunks) {
        let part = chunk.renditions.iter().find(|part| part.rendition == name)?;
        if part.segment_bytes.len() != planned.segments {
            return None;
        }
        sizes.extend_from_slice(&part.segment_bytes);
    }
    Some(sizes)
}

/// The multivariant playlist of a whole version with its whole families, as far as they are smaller. H.264 of a
/// family takes the place of the version's own rung of that size; other codecs come after all of H.264, which every
/// player has.
pub fn multivariant_with(version: &Package, families: &[Package]) -> String {
    let own = || version.renditions.iter();
    let made = || families.iter().flat_map(|family| &family.renditions);
    // Noise may make a family larger, which is of no use to anybody.
    let is_instead = |made: &Rendition, own: &Rendition| {
        made.is_avc() && made.kind == own.kind && made.average_bandwidth < own.average_bandwidth
    };
    let is_smaller = |made: &&Rendition| {
        own().filter(|own| own.kind == made.kind).all(|own| made.average_bandwidth < own.average_bandwidth)
    };
    let avc_and_sound = own().map(|own| made().find(|made| is_instead(made, own)).unwrap_or(own));
    let others = made().filter(|made| !made.is_avc()).filter(is_smaller);
    let renditions: Vec<Rendition> = avc_and_sound.chain(others).cloned().collect();
    multivariant(&renditions)
}

impl Rendition {
    /// Pictures in H.264.
    fn is_avc(&self) -> bool {
        self.codecs.starts_with("avc1.")
    }
}

fn multivariant(renditions: &[Rendition]) -> String {
    let audio = renditions.iter().find(|rendition| rendition.kind == RenditionKind::Audio);
    let (avc, others): (Vec<&Rendition>, Vec<&Rendition>) = renditions.iter().partition(|made| made.is_avc());
    let mut variants: Vec<Variant<'_>> = avc.iter().filter_map(|made| variant(made, audio)).collect();
    let start = variants.iter().rposition(|variant| variant.width.min(variant.height) <= START_SHORT_EDGE).unwrap_or(0);
    if let Some(until_start) = variants.get_mut(..=start) {
        until_start.rotate_right(1);
    }
    variants.extend(others.iter().filter_map(|made| variant(made, audio)));
    let keys = avc.iter().filter_map(|made| key_variant(made)).collect();
    multivariant_playlist(&Multivariant { variants, sound: audio.map(sound_variant), keys })
}

/// A line with pictures, and with the sound that plays with them.
fn variant<'a>(rendition: &'a Rendition, audio: Option<&Rendition>) -> Option<Variant<'a>> {
    let RenditionKind::Video { width, height, frame_rate } = rendition.kind else { return None };
    let (audio_peak, audio_mean) = audio.map_or((0, 0), |audio| (audio.bandwidth, audio.average_bandwidth));
    let codecs = match audio {
        Some(audio) => format!("{},{}", rendition.codecs, audio.codecs),
        None => rendition.codecs.clone(),
    };
    Some(Variant {
        name: &rendition.name,
        bandwidth: rendition.bandwidth + audio_peak,
        average_bandwidth: rendition.average_bandwidth + audio_mean,
        codecs,
        width,
        height,
        frame_rate,
    })
}

fn sound_variant(audio: &Rendition) -> SoundVariant<'_> {
    SoundVariant { bandwidth: audio.bandwidth, average_bandwidth: audio.average_bandwidth, codecs: &audio.codecs }
}

fn key_variant(rendition: &Rendition) -> Option<KeyVariant<'_>> {
    let RenditionKind::Video { width, height, .. } = rendition.kind else { return None };
    let (bandwidth, average_bandwidth) = rendition.keys_bandwidth?;
    let (name, codecs) = (rendition.name.as_str(), rendition.codecs.as_str());
    Some(KeyVariant { name, bandwidth, average_bandwidth, codecs, width, height })
}

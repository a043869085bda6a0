//! What playlists say.

use std::collections::BTreeSet;

use super::super::facts::{Facts, Rendition, Role};

/// Longest target duration that Apple recommends, in seconds.
const LONGEST_TARGET_SECS: u64 = 6;
/// Longest first segment, in seconds: one, or one and the tail that joined it.
const LONGEST_FIRST_SECS: f64 = 1.3;
/// Short edge that players can begin with on any connection.
const START_SHORT_EDGE: u64 = 540;

pub(super) fn each<'a>(
    renditions: impl Iterator<Item = &'a Rendition>,
    check: impl Fn(&Rendition) -> Option<String>,
) -> Vec<String> {
    renditions.filter_map(|rendition| check(rendition).map(|what| format!("{}: {what}", rendition.name))).collect()
}

pub(super) fn readable(facts: &Facts<'_>) -> Vec<String> {
    facts.problems.clone()
}

pub(super) fn version(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if facts.multivariant.versions.len() != 1 {
        found.push(format!("index.m3u8: versions {:?}", facts.multivariant.versions));
    }
    found.extend(each(facts.renditions.iter(), |rendition| {
        let playlist = &rendition.playlist;
        let needed = match () {
            () if !playlist.maps.is_empty() && !playlist.is_i_frames => 6,
            () if !playlist.maps.is_empty() => 5,
            () if playlist.entries.iter().any(|entry| entry.piece.range.is_some()) => 4,
            () if playlist.has_fractions => 3,
            () => 1,
        };
        let is_enough = matches!(playlist.versions.as_slice(), [version] if *version >= needed);
        (!is_enough).then(|| format!("versions {:?}, {needed} is needed", playlist.versions))
    }));
    found
}

pub(super) fn map(facts: &Facts<'_>) -> Vec<String> {
    each(facts.renditions.iter().filter(|rendition| rendition.role != Role::Subtitles), |rendition| {
        let playlist = &rendition.playlist;
        let covers = playlist.entries.iter().all(|entry| entry.has_map);
        (playlist.maps.len() != 1 || !covers).then(|| format!("{} EXT-X-MAP before the segments", playlist.maps.len()))
    })
}

pub(super) fn target_duration(facts: &Facts<'_>) -> Vec<String> {
    each(facts.renditions.iter(), |rendition| {
        let Some(target) = rendition.playlist.target_secs else { return Some("no target duration".into()) };
        let longest = rendition.playlist.entries.iter().map(|entry| entry.secs).fold(0.0, f64::max);
        (longest.round() > seconds(target)).then(|| format!("a segment of {longest} s, the target is {target}"))
    })
}

fn seconds(whole: u64) -> f64 {
    f64::from(u32::try_from(whole).unwrap_or(u32::MAX))
}

pub(super) fn target_duration_short(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let target = rendition.playlist.target_secs?;
        (target > LONGEST_TARGET_SECS).then(|| format!("the target is {target} s"))
    })
}

pub(super) fn media_sequence(facts: &Facts<'_>) -> Vec<String> {
    each(facts.renditions.iter(), |rendition| {
        let first = rendition.playlist.sequence.unwrap_or(0);
        (first != 0).then(|| format!("begins with segment {first}: something was removed"))
    })
}

pub(super) fn playlist_type(facts: &Facts<'_>) -> Vec<String> {
    each(facts.renditions.iter(), |rendition| {
        let kind = rendition.playlist.kind.as_deref();
        (!matches!(kind, Some("VOD" | "EVENT"))).then(|| format!("the type is {kind:?}"))
    })
}

pub(super) fn end_list(facts: &Facts<'_>) -> Vec<String> {
    each(facts.renditions.iter(), |rendition| {
        (!rendition.playlist.has_end || rendition.playlist.entries.is_empty()).then(|| "does not end".into())
    })
}

pub(super) fn starts_at_start(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let playlist = &rendition.playlist;
        let starts = match playlist.start_secs {
            Some(offset) => offset.abs() < 1e-6,
            None => playlist.kind.as_deref() == Some("VOD"),
        };
        (!starts).then(|| format!("EXT-X-START is {:?}", playlist.start_secs))
    })
}

pub(super) fn segments_once(facts: &Facts<'_>) -> Vec<String> {
    each(facts.renditions.iter(), |rendition| {
        let mut seen = BTreeSet::new();
        let entries = &rendition.playlist.entries;
        let again = entries.iter().find(|entry| !seen.insert((&entry.piece.uri, entry.piece.range)))?;
        Some(format!("{} is listed twice", again.piece.uri))
    })
}

pub(super) fn first_segment_short(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let first = rendition.playlist.entries.first()?.secs;
        (first > LONGEST_FIRST_SECS).then(|| format!("the first segment lasts {first} s"))
    })
}

pub(super) fn discontinuities(facts: &Facts<'_>) -> Vec<String> {
    each(facts.renditions.iter(), |rendition| {
        let has_one = rendition.playlist.entries.iter().any(|entry| entry.has_discontinuity);
        has_one.then(|| "there is a discontinuity".into())
    })
}

pub(super) fn variant_attributes(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for variant in &facts.multivariant.variants {
        let quoted = |name: &str| variant.attributes.value(name).map(|value| value.is_quoted);
        let has_pictures =
            facts.find(&variant.uri).and_then(|r| r.init.as_ref()).is_some_and(|i| i.picture().is_some());
        let mut demand = |name: &str, is_quoted: bool| {
            if quoted(name) != Some(is_quoted) {
                found.push(format!("{}: {name} is missing or written wrong", variant.uri));
            }
        };
        demand("BANDWIDTH", false);
        demand("AVERAGE-BANDWIDTH", false);
        demand("CODECS", true);
        if has_pictures {
            demand("RESOLUTION", false);
            demand("FRAME-RATE", false);
        }
    }
    found
}

/// Width and height of a variant.
pub(super) fn resolution(text: Option<&str>) -> Option<(u64, u64)> {
    let (width, height) = text?.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

pub(super) fn start_variant(facts: &Facts<'_>) -> Vec<String> {
    let edge = |text| resolution(text).map(|(width, height)| width.min(height));
    let edges: Vec<u64> =
        facts.pictures().filter_map(|(variant, _)| edge(variant.attributes.get("RESOLUTION"))).collect();
    let (Some(first), Some(least)) = (edges.first(), edges.iter().min()) else { return Vec::new() };
    let best = edges.iter().filter(|edge| **edge <= START_SHORT_EDGE).max().unwrap_or(least);
    if first == best { Vec::new() } else { vec![format!("players begin with {first}, {best} is better")] }
}

pub(super) fn independent_declared(facts: &Facts<'_>) -> Vec<String> {
    if facts.multivariant.is_independent {
        return Vec::new();
    }
    each(facts.of_role(Role::Variant), |rendition| {
        (!rendition.playlist.is_independent).then(|| "does not say so".into())
    })
}

//! Playlists for trick play and subtitles, where there are any.

use super::super::facts::{Facts, Rendition, Role, shown};
use super::super::fragment;
use super::playlists::each;

/// How far the length of an accompanying playlist may be from the pictures', in seconds.
const LENGTH_TOLERANCE_SECS: f64 = 2.5;

fn picture_secs(facts: &Facts<'_>) -> Option<f64> {
    facts.pictures().next().map(|(_, own)| own.playlist.secs())
}

pub(super) fn i_frames(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for attributes in &facts.multivariant.i_frames {
        let has = |name: &str| attributes.get(name).is_some();
        if attributes.number("BANDWIDTH").is_none() || !has("CODECS") || !has("RESOLUTION") || !has("URI") {
            found.push("an EXT-X-I-FRAME-STREAM-INF lacks attributes".to_owned());
        }
    }
    found.extend(each(facts.of_role(Role::IFrames), |rendition| {
        if !rendition.playlist.is_i_frames {
            return Some("EXT-X-I-FRAMES-ONLY is missing".into());
        }
        let secs = rendition.playlist.secs();
        if picture_secs(facts).is_some_and(|whole| (whole - secs).abs() > LENGTH_TOLERANCE_SECS) {
            return Some(format!("lasts {secs} s"));
        }
        i_frame_trouble(facts, rendition)
    }));
    found
}

/// Each piece must begin with a fragment and hold the whole of its first picture, a key picture.
fn i_frame_trouble(facts: &Facts<'_>, rendition: &Rendition) -> Option<String> {
    let track = rendition.init.as_ref()?.track()?;
    for entry in &rendition.playlist.entries {
        let piece = match facts.piece(&rendition.name, &entry.piece) {
            Ok(piece) => piece,
            Err(error) => return Some(error),
        };
        // The data box of a piece may be cut after its first picture, so the rest of the file is read along.
        let mut whole = entry.piece.clone();
        whole.range = None;
        let first = entry.piece.range.map_or(0, |(first, _)| usize::try_from(first).unwrap_or(usize::MAX));
        let rest = facts.piece(&rendition.name, &whole).ok().and_then(|bytes| bytes.get(first..)).unwrap_or_default();
        let fragments = match fragment::parse(rest, track) {
            Ok((fragments, _)) => fragments,
            Err(error) => return Some(format!("{}: {error}", entry.piece.uri)),
        };
        let picture = fragments.first().and_then(|fragment| fragment.samples.first());
        let is_whole = picture.is_some_and(|sample| sample.at.saturating_add(sample.size) <= piece.len());
        let is_key = fragments.first().is_some_and(|f| shown(rest, f, track).first().is_some_and(|s| s.is_idr));
        if !is_whole || !is_key {
            return Some(format!("{} at {first} is not one whole key picture", entry.piece.uri));
        }
    }
    None
}

pub(super) fn subtitles(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let listed = || facts.multivariant.renditions.iter().filter(|media| media.get("TYPE") == Some("SUBTITLES"));
    for media in listed() {
        if ["GROUP-ID", "NAME", "LANGUAGE", "URI"].iter().any(|name| media.value(name).is_none_or(|v| !v.is_quoted)) {
            found.push("an EXT-X-MEDIA of subtitles lacks attributes".to_owned());
        }
    }
    for variant in &facts.multivariant.variants {
        let named = variant.attributes.get("SUBTITLES");
        let exists = named.is_some_and(|group| listed().any(|media| media.get("GROUP-ID") == Some(group)));
        let has_pictures = variant.attributes.get("RESOLUTION").is_some();
        if named.is_some() != exists || (named.is_none() && has_pictures && listed().next().is_some()) {
            found.push(format!("{} names the subtitles {named:?}", variant.uri));
        }
    }
    found.extend(each(facts.of_role(Role::Subtitles), |rendition| {
        let secs = rendition.playlist.secs();
        if picture_secs(facts).is_some_and(|whole| (whole - secs).abs() > LENGTH_TOLERANCE_SECS) {
            return Some(format!("lasts {secs} s"));
        }
        let bad = rendition.playlist.entries.iter().find(|entry| {
            let bytes = facts.piece(&rendition.name, &entry.piece).unwrap_or_default();
            !std::str::from_utf8(bytes).is_ok_and(is_webvtt)
        })?;
        Some(format!("{} is no WebVTT", bad.piece.uri))
    }));
    found
}

fn is_webvtt(text: &str) -> bool {
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    first == "WEBVTT" || first.starts_with("WEBVTT ") || first.starts_with("WEBVTT\t")
}

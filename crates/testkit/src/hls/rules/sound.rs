//! Sound.

use std::collections::BTreeSet;

use super::super::facts::{Facts, Rendition};
use super::super::playlist::Attributes;
use super::playlists::each;

/// Rates of AAC that Apple's rules recommend, in bits a second.
const AUDIO_BITS: std::ops::RangeInclusive<f64> = 0.0..=160_000.0;
/// MPEG-4 object types of AAC-LC, HE-AAC and HE-AAC v2.
const AAC_OBJECTS: [u8; 3] = [2, 5, 29];
const RATES_HZ: [u32; 2] = [44_100, 48_000];

fn sound_renditions<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = &'a Attributes> {
    facts.multivariant.renditions.iter().filter(|media| media.get("TYPE") == Some("AUDIO"))
}

fn with_sound<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = &'a Rendition> {
    facts.media().filter(|rendition| rendition.init.as_ref().is_some_and(|init| init.sound().is_some()))
}

pub(super) fn one_audio_group(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let groups: BTreeSet<&str> = sound_renditions(facts).filter_map(|media| media.get("GROUP-ID")).collect();
    if groups.len() > 1 {
        found.push(format!("{} groups", groups.len()));
    }
    for group in &groups {
        let members = || sound_renditions(facts).filter(|media| media.get("GROUP-ID") == Some(group));
        if members().filter(|media| media.get("DEFAULT") == Some("YES")).count() != 1 {
            found.push(format!("{group} has not one default"));
        }
        let names: BTreeSet<&str> = members().filter_map(|media| media.get("NAME")).collect();
        if names.len() != members().count() {
            found.push(format!("{group} has members of the same name or of none"));
        }
        if members().any(|media| media.get("DEFAULT") == Some("YES") && media.get("AUTOSELECT") != Some("YES")) {
            found.push(format!("the default of {group} is not selected by itself"));
        }
    }
    for variant in &facts.multivariant.variants {
        let named = variant.attributes.get("AUDIO");
        let is_bare = facts.find(&variant.uri).is_some_and(|own| {
            sound_renditions(facts).any(|media| {
                media.get("URI").and_then(|uri| facts.find(uri)).is_some_and(|sound| sound.name == own.name)
            })
        });
        if named.is_some_and(|group| !groups.contains(group)) || (named.is_none() && !groups.is_empty() && !is_bare) {
            found.push(format!("{} names the group {named:?}", variant.uri));
        }
    }
    found
}

pub(super) fn audio_codec(facts: &Facts<'_>) -> Vec<String> {
    each(with_sound(facts), |rendition| {
        let track = rendition.init.as_ref()?.track()?;
        let sound = track.sound.as_ref()?;
        let is_true = sound.config_rate_hz == Some(sound.rate_hz) && track.timescale == sound.rate_hz;
        let fits = AAC_OBJECTS.contains(&sound.object) && RATES_HZ.contains(&sound.rate_hz) && is_true;
        (!fits || track.entries != ["mp4a"]).then(|| format!("{sound:?}"))
    })
}

pub(super) fn audio_rate(facts: &Facts<'_>) -> Vec<String> {
    each(with_sound(facts), |rendition| {
        let bits = rendition.average_bits();
        (!AUDIO_BITS.contains(&bits)).then(|| format!("{bits:.0} bits a second"))
    })
}

pub(super) fn channels_true(facts: &Facts<'_>) -> Vec<String> {
    let mut found = each(with_sound(facts), |rendition| {
        let sound = rendition.init.as_ref()?.sound()?;
        let is_true = u16::from(sound.config_channels) == sound.channels && sound.channels == 2;
        (!is_true).then(|| format!("{} channels, the configuration says {}", sound.channels, sound.config_channels))
    });
    for media in sound_renditions(facts) {
        let real =
            media.get("URI").and_then(|uri| facts.find(uri)).and_then(|r| Some(r.init.as_ref()?.sound()?.channels));
        let listed = media.get("CHANNELS").and_then(|text| text.split('/').next()?.parse::<u16>().ok());
        if listed != real || media.value("CHANNELS").is_none_or(|value| !value.is_quoted) {
            found.push(format!("CHANNELS is {listed:?}, there are {real:?}"));
        }
    }
    found
}

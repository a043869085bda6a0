//! Bit rates, declared and measured.

use super::super::facts::{Facts, Rendition};
use super::super::playlist::Variant;
use super::playlists::resolution;

/// How far a declared rate may be from the measured one.
const TOLERANCE: f64 = 0.10;
/// Peak by average at most.
const PEAK_TO_AVERAGE: f64 = 2.0;
/// A clip shorter than this has too few segments for its peak to mean anything, in seconds.
const TOO_SHORT_SECS: f64 = 10.0;
/// A peak below this is no burden, whatever the average: what an ordinary mobile connection carries, bits a second.
const LIGHT_PEAK: f64 = 2_000_000.0;
/// Neighbours further apart than this leave a gap that switching falls through.
const WIDEST_STEP: f64 = 3.0;

fn measured(facts: &Facts<'_>, variant: &Variant, own: &Rendition, of: fn(&Rendition) -> f64) -> f64 {
    of(own) + facts.sound_of(variant).map_or(0.0, of)
}

fn compare(facts: &Facts<'_>, name: &str, of: fn(&Rendition) -> f64) -> Vec<String> {
    let mut found = Vec::new();
    for (variant, own) in facts.variants() {
        let real = measured(facts, variant, own, of);
        let Some(declared) = variant.attributes.decimal(name) else { continue };
        if (declared - real).abs() > TOLERANCE * real {
            found.push(format!("{}: {name} is {declared}, measured {real:.0}", variant.uri));
        }
    }
    found
}

pub(super) fn peak_true(facts: &Facts<'_>) -> Vec<String> {
    compare(facts, "BANDWIDTH", Rendition::peak_bits)
}

pub(super) fn average_true(facts: &Facts<'_>) -> Vec<String> {
    compare(facts, "AVERAGE-BANDWIDTH", Rendition::average_bits)
}

/// Capped constant quality spends little on still parts, so the average says little of a short clip, and a light
/// peak stalls nobody; the rule is held where it protects somebody.
pub(super) fn peak_to_average(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (variant, own) in facts.variants() {
        let peak = measured(facts, variant, own, Rendition::peak_bits);
        let average = measured(facts, variant, own, Rendition::average_bits);
        let matters = own.playlist.secs() >= TOO_SHORT_SECS && peak > LIGHT_PEAK;
        if matters && peak > PEAK_TO_AVERAGE * average {
            found.push(format!("{}: peak {peak:.0}, average {average:.0}", variant.uri));
        }
    }
    found
}

/// Neighbours that are too close to each other cost nothing but a switch without effect, and still clips make them
/// so. Too far apart, or a taller one that is cheaper, is what viewers notice. A rung that shows twice as many
/// pictures a second may take twice the step.
pub(super) fn steps(facts: &Facts<'_>) -> Vec<String> {
    let mut rungs: Vec<Rung<'_>> = facts
        .pictures()
        .filter_map(|(variant, _)| {
            let (width, height) = resolution(variant.attributes.get("RESOLUTION"))?;
            let number = |name: &str| variant.attributes.decimal(name);
            let (bits, rate) = (number("BANDWIDTH")?, number("FRAME-RATE")?);
            let codec = variant.attributes.get("CODECS").and_then(|codecs| codecs.get(..4)).unwrap_or_default();
            Some(Rung { codec, pixels: width.saturating_mul(height), bits, rate, uri: &variant.uri })
        })
        .collect();
    rungs.sort_by_key(|rung| (rung.codec, rung.pixels));
    let is_odd = |pair: &&[Rung<'_>]| {
        let widest = WIDEST_STEP * (pair[1].rate / pair[0].rate).max(1.0);
        let is_odd = pair[1].bits > widest * pair[0].bits || pair[1].bits < pair[0].bits;
        // Players do not step from one codec to another.
        is_odd && pair[0].codec == pair[1].codec
    };
    rungs.windows(2).filter(is_odd).map(|pair| format!("from {} to {}", pair[0].uri, pair[1].uri)).collect()
}

/// What a step goes from or to.
struct Rung<'a> {
    /// Four characters.
    codec: &'a str,
    pixels: u64,
    bits: f64,
    rate: f64,
    uri: &'a str,
}

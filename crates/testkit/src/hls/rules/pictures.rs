//! Pictures: what the bitstream says against what is declared.

use super::super::avc::Sps;
use super::super::facts::{Facts, Rendition, Role};
use super::super::init::{Picture, Track};
use super::super::levels::{LEVELS, LevelLimits};
use super::playlists::{each, resolution};

/// Baseline, Main and High.
const PROFILES: [u8; 3] = [66, 77, 100];
/// Code of BT.709 for primaries, transfer and matrix.
const BT709: u16 = 1;
/// Fastest rate that Apple's rules allow, with rounding.
const FASTEST: f64 = 60.01;
/// How far FRAME-RATE may be from the truth, as a share.
const RATE_TOLERANCE: f64 = 0.01;

fn picture(rendition: &Rendition) -> Option<(&Track, &Picture)> {
    let track = rendition.init.as_ref()?.track()?;
    track.picture.as_ref().map(|picture| (track, picture))
}

fn each_picture(facts: &Facts<'_>, check: impl Fn(&Rendition, &Track, &Picture) -> Option<String>) -> Vec<String> {
    each(facts.media(), |rendition| picture(rendition).and_then(|(track, picture)| check(rendition, track, picture)))
}

fn each_sps(facts: &Facts<'_>, check: impl Fn(&Rendition, &Sps) -> Option<String>) -> Vec<String> {
    each_picture(facts, |rendition, _, picture| check(rendition, picture.sps.as_ref()?))
}

/// The codec string that the initialisation segment itself gives.
fn codec_string(rendition: &Rendition) -> Option<String> {
    let track = rendition.init.as_ref()?.track()?;
    let entry = track.entries.first()?;
    if let Some(avc) = track.picture.as_ref().and_then(|picture| picture.avc.as_ref()) {
        return Some(format!("{entry}.{:02x}{:02x}{:02x}", avc.profile, avc.compatibility, avc.level));
    }
    if let Some(av1) = track.picture.as_ref().and_then(|picture| picture.av1.as_ref()) {
        return Some(av1.codec_string());
    }
    track.sound.as_ref().map(|sound| format!("{entry}.40.{}", sound.object))
}

pub(super) fn codecs_true(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (variant, own) in facts.variants() {
        let sound = facts.sound_of(variant).filter(|sound| sound.name != own.name);
        let real: Vec<String> = std::iter::once(own).chain(sound).filter_map(codec_string).collect();
        let listed = variant.attributes.get("CODECS").unwrap_or_default();
        let listed: Vec<String> = listed.split(',').map(|codec| codec.trim().to_ascii_lowercase()).collect();
        if listed != real {
            found.push(format!("{}: {listed:?}, there is {real:?}", variant.uri));
        }
    }
    found
}

pub(super) fn codec_allowed(facts: &Facts<'_>) -> Vec<String> {
    let mut found = each_sps(facts, |_, sps| {
        let allowed = PROFILES.contains(&sps.profile) && sps.level <= 42;
        (!allowed).then(|| format!("profile {} level {}", sps.profile, sps.level))
    });
    let has_avc = facts.of_role(Role::Variant).any(|r| picture(r).is_some_and(|(_, picture)| picture.avc.is_some()));
    if !has_avc {
        found.push("no variant is H.264".into());
    }
    found
}

pub(super) fn record_true(facts: &Facts<'_>) -> Vec<String> {
    each_picture(facts, |_, _, picture| {
        if let Some(av1) = &picture.av1 {
            let is_true = av1.coded == Some((av1.profile, av1.level));
            return (!is_true).then(|| "the record contradicts its sequence header".into());
        }
        let avc = picture.avc.as_ref()?;
        let is_true = picture.sps.as_ref().is_some_and(|sps| {
            (sps.profile, sps.compatibility, sps.level) == (avc.profile, avc.compatibility, avc.level)
        });
        (!is_true || avc.pps == 0).then(|| "the record contradicts its parameter sets".into())
    })
}

pub(super) fn avc1(facts: &Facts<'_>) -> Vec<String> {
    each_picture(facts, |rendition, track, _| {
        if track.entries.iter().any(|entry| !matches!(entry.as_str(), "avc1" | "hvc1" | "av01")) {
            return Some(format!("{:?}", track.entries));
        }
        rendition.samples().any(|sample| sample.has_parameter_sets).then(|| "parameter sets among the samples".into())
    })
}

pub(super) fn samples_whole(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let bad = rendition.segments.iter().find(|s| s.samples.iter().any(|sample| !sample.is_whole))?;
        Some(format!("{} has a sample that is not a whole one", bad.name))
    })
}

fn rate(rendition: &Rendition) -> f64 {
    let length = rendition.sample_secs();
    if length > 0.0 { 1.0 / length } else { 0.0 }
}

fn suffices(level: &LevelLimits, rendition: &Rendition, sps: &Sps) -> bool {
    let as_f64 = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let a_second = as_f64(sps.macroblocks) * rate(rendition);
    sps.macroblocks <= level.macroblocks
        && a_second <= as_f64(level.macroblocks_per_sec) * (1.0 + RATE_TOLERANCE)
        && sps.macroblocks.saturating_mul(sps.references) <= level.buffer
        && rendition.average_bits() <= as_f64(level.kbps * 1000)
}

pub(super) fn level_suffices(facts: &Facts<'_>) -> Vec<String> {
    each_sps(facts, |rendition, sps| {
        let level = LEVELS.iter().find(|level| level.idc == sps.level);
        let is_enough = level.is_some_and(|level| rendition.is_a_moment() || suffices(level, rendition, sps));
        (!is_enough).then(|| format!("level {} for {:?}", sps.level, sps.size))
    })
}

/// An encoder that must announce a level before it has made the first picture counts with its cap on bits, so one
/// step too many is no mistake.
pub(super) fn level_tight(facts: &Facts<'_>) -> Vec<String> {
    each_sps(facts, |rendition, sps| {
        let needed = LEVELS.iter().position(|level| suffices(level, rendition, sps))?;
        let allowed = LEVELS.get(needed + 2).map_or(42, |level| level.idc);
        (sps.level > allowed).then(|| format!("level {}, {} would do", sps.level, LEVELS[needed].idc))
    })
}

pub(super) fn resolution_true(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (variant, own) in facts.pictures() {
        let Some((track, picture)) = picture(own) else { continue };
        let listed = resolution(variant.attributes.get("RESOLUTION"));
        let entry = (u64::from(picture.size.0), u64::from(picture.size.1));
        let shown = (u64::from(track.shown.0 >> 16), u64::from(track.shown.1 >> 16));
        let coded = picture.sps.as_ref().map_or(entry, |sps| sps.size);
        if listed != Some(entry) || shown != entry || coded != entry {
            found
                .push(format!("{}: listed {listed:?}, entry {entry:?}, track {shown:?}, coded {coded:?}", variant.uri));
        }
    }
    found
}

pub(super) fn frame_rate_true(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (variant, own) in facts.pictures().filter(|(_, own)| !own.is_a_moment()) {
        let listed = variant.attributes.decimal("FRAME-RATE").unwrap_or(0.0);
        let real = rate(own);
        if (listed - real).abs() > RATE_TOLERANCE * real || listed > FASTEST || real > FASTEST * (1.0 + RATE_TOLERANCE)
        {
            found.push(format!("{}: {listed}, measured {real:.3}", variant.uri));
        }
    }
    found
}

pub(super) fn square_pixels(facts: &Facts<'_>) -> Vec<String> {
    each_picture(facts, |_, _, picture| {
        let coded = picture.sps.as_ref().and_then(|sps| sps.aspect);
        let is_square =
            picture.aspect.is_none_or(|(x, y)| x == y && x > 0) && coded.is_none_or(|(x, y)| x == y && x > 0);
        (!is_square).then(|| format!("pasp {:?}, coded {coded:?}", picture.aspect))
    })
}

pub(super) fn upright(facts: &Facts<'_>) -> Vec<String> {
    each_picture(facts, |_, track, _| (!track.is_upright).then(|| "the matrix turns the picture".into()))
}

pub(super) fn progressive(facts: &Facts<'_>) -> Vec<String> {
    each_sps(facts, |_, sps| (!sps.is_progressive).then(|| "may hold fields".into()))
}

pub(super) fn eight_bits(facts: &Facts<'_>) -> Vec<String> {
    let mut found = each_sps(facts, |_, sps| {
        (sps.chroma != 1 || sps.bits != 8).then(|| format!("chroma format {}, {} bits", sps.chroma, sps.bits))
    });
    found.extend(each_picture(facts, |_, _, picture| {
        let av1 = picture.av1.as_ref()?;
        (!av1.is_420 || av1.bits != 8).then(|| format!("AV1 of {} bits, 4:2:0 {}", av1.bits, av1.is_420))
    }));
    found
}

pub(super) fn colour_declared(facts: &Facts<'_>) -> Vec<String> {
    each_picture(facts, |_, _, picture| {
        let Some((primaries, transfer, matrix, is_full)) = picture.colour else { return Some("no colr".into()) };
        let Some(sps) = &picture.sps else { return None };
        let declared = (u64::from(primaries), u64::from(transfer), u64::from(matrix));
        let agrees = sps.colour == Some(declared) && sps.is_full_range == is_full;
        let is_bt709 = primaries == BT709 && transfer == BT709 && matrix == BT709 && !is_full;
        (!agrees || !is_bt709).then(|| format!("colr {:?}, coded {:?}", picture.colour, sps.colour))
    })
}

pub(super) fn colour_range(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (variant, own) in facts.pictures() {
        let transfer = picture(own).and_then(|(_, picture)| picture.colour).map(|colour| colour.1);
        let real = match transfer {
            Some(16) => "PQ",
            Some(18) => "HLG",
            _ => "SDR",
        };
        let listed = variant.attributes.get("VIDEO-RANGE").unwrap_or("SDR");
        if listed != real {
            found.push(format!("{}: {listed}, it is {real}", variant.uri));
        }
    }
    found
}

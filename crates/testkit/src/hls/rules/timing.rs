//! When samples are decoded and shown.

use super::super::facts::{Facts, Rendition, Segment, secs};
use super::playlists::each;

/// Longest time from one key picture to the next, in seconds: two, and the tail that joined a segment.
const LONGEST_KEY_DISTANCE_SECS: f64 = 2.5;
/// What rounding may make of a time, in seconds.
const ROUNDING_SECS: f64 = 0.002;
/// What rounding may make of a time, in ticks.
const ROUNDING_TICKS: i64 = 1;

fn with_pictures<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = &'a Rendition> {
    facts.media().filter(|rendition| rendition.init.as_ref().is_some_and(|init| init.picture().is_some()))
}

fn first_bad(rendition: &Rendition, is_bad: impl Fn(&Segment) -> bool) -> Option<String> {
    rendition.segments.iter().find(|segment| is_bad(segment)).map(|segment| segment.name.clone())
}

pub(super) fn independent_true(facts: &Facts<'_>) -> Vec<String> {
    each(with_pictures(facts), |rendition| {
        let bad = first_bad(rendition, |segment| {
            let first = segment.samples.first();
            let start = segment.span().map(|(start, _)| start);
            !first.is_some_and(|sample| sample.is_sync && sample.is_idr && Some(sample.shown_at) == start)
        });
        bad.map(|name| format!("{name} does not begin with a key picture"))
    })
}

pub(super) fn sync_flags(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let has_pictures = rendition.init.as_ref().is_some_and(|init| init.picture().is_some());
        let bad = first_bad(rendition, |segment| {
            segment.samples.iter().any(|sample| sample.is_sync != (sample.is_idr || !has_pictures))
        });
        bad.map(|name| format!("{name} marks the wrong samples as key pictures"))
    })
}

pub(super) fn key_distance(facts: &Facts<'_>) -> Vec<String> {
    each(with_pictures(facts), |rendition| {
        let end = rendition.span_secs()?.1;
        let mut keys: Vec<f64> = rendition
            .samples()
            .filter(|sample| sample.is_idr)
            .map(|sample| secs(sample.shown_at, rendition.timescale()))
            .collect();
        keys.push(end);
        let widest = keys.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        (widest > LONGEST_KEY_DISTANCE_SECS).then(|| format!("{widest:.3} s without a key picture"))
    })
}

pub(super) fn decode_times(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let mut expected = None;
        for fragment in rendition.segments.iter().flat_map(|segment| &segment.fragments) {
            let Some(start) = fragment.start else { return Some("a fragment without tfdt".into()) };
            if expected.is_some_and(|expected| start != expected) {
                return Some(format!("fragment {} begins at {start}, not {expected:?}", fragment.sequence));
            }
            let ticks: u64 = fragment.samples.iter().map(|sample| sample.ticks).sum();
            expected = Some(start.saturating_add(ticks));
        }
        None
    })
}

pub(super) fn shown_after_decoded(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let early = rendition.samples().find(|sample| sample.shown_at < sample.decoded_at);
        if let Some(sample) = early {
            return Some(format!("a sample is shown at {}, decoded at {}", sample.shown_at, sample.decoded_at));
        }
        let is_signed = rendition.segments.iter().flat_map(|segment| &segment.fragments).any(|f| f.has_signed_shifts);
        is_signed.then(|| "shifts may be negative".into())
    })
}

pub(super) fn shown_without_gaps(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let mut times: Vec<i64> = rendition.samples().map(|sample| sample.shown_at).collect();
        times.sort_unstable();
        let usual = rendition.sample_secs();
        let rounding = secs(ROUNDING_TICKS, rendition.timescale());
        let odd = times.windows(2).find(|pair| {
            let gap = secs(pair[1].saturating_sub(pair[0]), rendition.timescale());
            gap <= 0.5 * usual || gap > 1.5 * usual + rounding
        })?;
        Some(format!("from {} to {} ticks, {usual:.4} s is usual", odd[0], odd[1]))
    })
}

pub(super) fn segments_hold_their_time(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let spans: Vec<(i64, i64)> = rendition.segments.iter().filter_map(Segment::span).collect();
        let odd = spans.windows(2).find(|pair| (pair[1].0.saturating_sub(pair[0].1)).abs() > ROUNDING_TICKS)?;
        Some(format!("one segment is shown until {}, the next from {}", odd[0].1, odd[1].0))
    })
}

pub(super) fn durations_true(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media().filter(|rendition| !rendition.is_a_moment()), |rendition| {
        for segment in &rendition.segments {
            let (start, end) = segment.span()?;
            let real = secs(end.saturating_sub(start), rendition.timescale());
            if (real - segment.listed_secs).abs() > ROUNDING_SECS {
                return Some(format!("{} lasts {real:.6} s, the playlist says {}", segment.name, segment.listed_secs));
            }
        }
        None
    })
}

fn boundaries(rendition: &Rendition) -> Vec<f64> {
    let spans = rendition.segments.iter().filter_map(Segment::span);
    spans.map(|(start, _)| secs(start, rendition.timescale())).collect()
}

/// Segments of all variants begin at the same moments; those of the sound within a frame of sound.
pub(super) fn aligned(facts: &Facts<'_>) -> Vec<String> {
    let Some(reference) = with_pictures(facts).next() else { return Vec::new() };
    let expected = boundaries(reference);
    each(facts.media(), |rendition| {
        // Sound may be a variant of its own.
        let is_sound = rendition.init.as_ref().is_none_or(|init| init.picture().is_none());
        let slack = ROUNDING_SECS + if is_sound { rendition.sample_secs() } else { 0.0 };
        let found = boundaries(rendition);
        if found.len() != expected.len() {
            return Some(format!("{} segments, {} has {}", found.len(), reference.name, expected.len()));
        }
        let odd = found.iter().zip(&expected).find(|(found, expected)| (**found - **expected).abs() > slack)?;
        Some(format!("a segment at {:.4} s, {} has it at {:.4}", odd.0, reference.name, odd.1))
    })
}

pub(super) fn one_timeline(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let start = rendition.span_secs()?.0;
        (start.abs() > ROUNDING_SECS).then(|| format!("begins at {start:.4} s"))
    })
}

pub(super) fn end_together(facts: &Facts<'_>) -> Vec<String> {
    let reference = with_pictures(facts).next();
    let Some((reference, end)) = reference.and_then(|r| Some((r, r.span_secs()?.1))) else { return Vec::new() };
    each(facts.media(), |rendition| {
        let own = rendition.span_secs()?.1;
        let slack = ROUNDING_SECS + rendition.sample_secs().max(reference.sample_secs());
        ((own - end).abs() > slack).then(|| format!("ends at {own:.4} s, {} at {end:.4}", reference.name))
    })
}

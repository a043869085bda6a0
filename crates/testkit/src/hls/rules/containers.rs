//! How initialisation segments and fragments are built.

use super::super::facts::Facts;
use super::playlists::each;

/// Largest initialisation segment, in bytes.
const LARGEST_INIT: usize = 1024;
/// Boxes that can carry what is nobody's business.
const TELLTALE: [&str; 8] = ["udta", "meta", "uuid", "free", "skip", "emsg", "prft", "iods"];

pub(super) fn one_track(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let init = rendition.init.as_ref()?;
        let Some(track) = init.track() else { return Some(format!("{} tracks", init.tracks.len())) };
        let strange = rendition.segments.iter().flat_map(|s| &s.fragments).find(|f| f.track_id != track.id);
        match strange {
            Some(fragment) => Some(format!("a fragment of track {}, there is {}", fragment.track_id, track.id)),
            None if track.entries.len() != 1 => Some(format!("{} sample entries", track.entries.len())),
            None => None,
        }
    })
}

pub(super) fn init_empty(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let init = rendition.init.as_ref()?;
        match () {
            () if init.has_samples => Some("the initialisation segment has samples or a length".into()),
            () if !init.has_extends => Some("there is no mvex".into()),
            () if init.kinds.iter().any(|kind| kind == "edts") => Some("there is an edit list".into()),
            () => None,
        }
    })
}

pub(super) fn init_small(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let bytes = rendition.init.as_ref()?.bytes;
        (bytes > LARGEST_INIT).then(|| format!("{bytes} bytes"))
    })
}

pub(super) fn brands(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let brands = &rendition.init.as_ref()?.brands;
        let has = |wanted: &[&str]| brands.iter().any(|brand| wanted.contains(&brand.as_str()));
        (!has(&["iso5", "iso6", "iso9"]) || !has(&["cmfc", "cmf2"])).then(|| format!("{brands:?}"))
    })
}

pub(super) fn default_base_is_moof(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let fragments = rendition.segments.iter().flat_map(|segment| &segment.fragments);
        let bad = fragments.filter(|fragment| !fragment.is_self_contained).count();
        (bad > 0).then(|| format!("{bad} fragments count from elsewhere"))
    })
}

pub(super) fn fragments_filled(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let mut fragments = rendition.segments.iter().flat_map(|segment| &segment.fragments);
        let bad = fragments.find(|fragment| !fragment.is_filled || fragment.samples.is_empty())?;
        Some(format!("the samples of fragment {} do not fill its data", bad.sequence))
    })
}

pub(super) fn sequence_numbers(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let fragments = rendition.segments.iter().flat_map(|segment| &segment.fragments);
        let numbers: Vec<u32> = fragments.map(|fragment| fragment.sequence).collect();
        let odd = numbers.windows(2).find(|pair| pair[0] >= pair[1])?;
        Some(format!("{} is followed by {}", odd[0], odd[1]))
    })
}

pub(super) fn no_metadata(facts: &Facts<'_>) -> Vec<String> {
    each(facts.media(), |rendition| {
        let init = rendition.init.as_ref()?;
        let others = rendition.segments.iter().flat_map(|segment| &segment.others);
        let telltale = init.kinds.iter().chain(others).find(|kind| TELLTALE.contains(&kind.as_str()));
        let named = init.tracks.iter().find(|track| !track.handler_name.is_empty());
        match (telltale, named) {
            (Some(kind), _) => Some(format!("there is a box {kind:?}")),
            (None, Some(track)) => {
                Some(format!("the handler is called {:?}", String::from_utf8_lossy(&track.handler_name)))
            }
            (None, None) => init.has_times.then(|| "it says when it was made".into()),
        }
    })
}

//! A day of views, served with and without families.

use super::rule::{Demand, HALF_LIFE, Price, ROUND, offers, saved_share};
use crate::plan::Family;

/// A clip of the day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayClip {
    /// Its length, in seconds.
    pub secs: f64,
    /// Bits a second that a viewer gets without families.
    pub bits_per_second: f64,
    /// Million pixels a second of all rungs together.
    pub megapixels_per_second: f64,
}

/// Somebody watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// When, in seconds since the day began.
    pub at_secs: f64,
    /// Place of the clip in the day's list.
    pub clip: usize,
    /// For how long, in seconds.
    pub watched_secs: f64,
}

/// Views in the order of time, and the clips they are of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Day {
    /// The clips.
    pub clips: Vec<DayClip>,
    /// The views.
    pub views: Vec<View>,
}

/// What the day took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Replay {
    /// Bytes served without families.
    pub bytes_without: f64,
    /// Bytes served with them.
    pub bytes_with: f64,
    /// Processor time of the first transcodes, in seconds.
    pub cpu_secs_without: f64,
    /// Processor time of those and of the families, in seconds.
    pub cpu_secs_with: f64,
    /// Families that were made.
    pub families: usize,
    /// Clips that got at least one.
    pub clips: usize,
}

/// Seconds of processor time that the first transcode takes for a million pixels of all its rungs.
const FIRST_CPU_SECS_PER_MEGAPIXEL: f64 = 0.03;

/// What is known of a clip at a moment of the day.
#[derive(Debug, Clone, Default)]
struct Known {
    recent_secs: f64,
    counted_at_secs: f64,
    ordered: Vec<Family>,
    /// Families and when they are whole.
    made: Vec<(Family, f64)>,
}

impl Known {
    fn recent_at(&self, at_secs: f64) -> f64 {
        let passed = (at_secs - self.counted_at_secs).max(0.0);
        self.recent_secs * 0.5_f64.powf(passed / HALF_LIFE.as_secs_f64())
    }

    fn count(&mut self, view: &View) {
        self.recent_secs = self.recent_at(view.at_secs) + view.watched_secs;
        self.counted_at_secs = view.at_secs;
    }

    /// Share of the bytes without families that are served with those that are whole.
    fn share_served(&self, at_secs: f64) -> f64 {
        let whole: Vec<Family> = self.made.iter().filter(|(_, at)| *at <= at_secs).map(|(family, _)| *family).collect();
        1.0 - saved_share(&whole)
    }
}

/// Serves the views one after the other, and every five minutes orders what the rule says. One processor makes
/// families, one after the other, as one worker with nothing else to do would.
pub fn replay(day: &Day, price: Price) -> Replay {
    let mut known = vec![Known::default(); day.clips.len()];
    // A sum of nothing would be -0.
    let cpu_secs_without = day.clips.iter().map(first_cpu_secs).fold(0.0, |sum, secs| sum + secs);
    let mut served = Replay { cpu_secs_without, ..Replay::default() };
    served.cpu_secs_with = served.cpu_secs_without;
    let (mut next_round, mut free_at) = (ROUND.as_secs_f64(), 0.0);
    for view in &day.views {
        while view.at_secs >= next_round {
            free_at = order(day, &mut known, price, next_round, free_at, &mut served);
            next_round += ROUND.as_secs_f64();
        }
        let (Some(clip), Some(known)) = (day.clips.get(view.clip), known.get_mut(view.clip)) else { continue };
        let bytes = view.watched_secs * clip.bits_per_second / 8.0;
        served.bytes_without += bytes;
        served.bytes_with += bytes * known.share_served(view.at_secs);
        known.count(view);
    }
    served.clips = known.iter().filter(|known| !known.ordered.is_empty()).count();
    served
}

fn first_cpu_secs(clip: &DayClip) -> f64 {
    clip.secs * clip.megapixels_per_second * FIRST_CPU_SECS_PER_MEGAPIXEL
}

/// Orders what pays, the best first, while the worker has nothing else to do; when it is free again.
fn order(day: &Day, known: &mut [Known], price: Price, now: f64, free_at: f64, served: &mut Replay) -> f64 {
    let mut free_at = free_at;
    while free_at <= now {
        let best = day
            .clips
            .iter()
            .zip(known.iter())
            .enumerate()
            .filter(|(_, (_, known))| known.recent_secs > 0.0 && known.ordered.len() < Family::ALL.len())
            .filter_map(|(place, (clip, known))| {
                let offer = offers(&demand(clip, known, now)).into_iter().next()?;
                offer.is_worth(price).then_some((place, offer))
            })
            .max_by(|(_, a), (_, b)| a.bytes_per_cpu_second().total_cmp(&b.bytes_per_cpu_second()));
        let Some((place, offer)) = best else { return free_at };
        free_at = free_at.max(now) + offer.cpu_secs;
        known[place].ordered.push(offer.family);
        known[place].made.push((offer.family, free_at));
        served.families += 1;
        served.cpu_secs_with += offer.cpu_secs;
    }
    free_at
}

fn demand(clip: &DayClip, known: &Known, now: f64) -> Demand {
    Demand {
        recent_secs: known.recent_at(now),
        clip_secs: clip.secs,
        bits_per_second: clip.bits_per_second,
        megapixels_per_second: clip.megapixels_per_second,
        families: known.ordered.clone(),
    }
}

//! Where a day of views comes from: a file, or made up.

use std::collections::HashMap;

use estrade_domain::Entropy;

use super::replay::{Day, DayClip, View};

/// First line of a file of views.
const HEADER: &str = "at_secs,clip,clip_secs,watched_secs";
/// No view is later than this, in seconds: a file of a few days is read as one.
const LATEST_SECS: f64 = 7.0 * DAY_SECS;
/// A day, in seconds.
const DAY_SECS: f64 = 86_400.0;
/// Bits a second and million pixels a second where a file does not say: a portrait clip of 1080x1920 at 30 pictures
/// a second, watched at 720x1280.
const USUAL_BITS_PER_SECOND: f64 = 1_800_000.0;
const USUAL_MEGAPIXELS_PER_SECOND: f64 = 112.0;

/// Reads `at_secs,clip,clip_secs,watched_secs`, a line a view: seconds since the day began, any name of the
/// clip, its length and how long it was watched. Lines may come in any order.
///
/// # Errors
/// The number of the first line that is not as described, and what is wrong with it.
pub fn read_day(text: &str) -> Result<Day, String> {
    let mut lines = text.lines();
    if lines.next().map(str::trim) != Some(HEADER) {
        return Err(format!("line 1: the first line must be `{HEADER}`"));
    }
    let mut day = Day::default();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (index, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (at_secs, clip, secs, watched_secs) =
            read_line(line).ok_or_else(|| format!("line {}: not a view: {line:?}", index + 2))?;
        let place = *places.entry(clip).or_insert_with(|| {
            day.clips.push(usual_clip(secs));
            day.clips.len() - 1
        });
        day.views.push(View { at_secs, clip: place, watched_secs });
    }
    day.views.sort_by(|a, b| a.at_secs.total_cmp(&b.at_secs));
    Ok(day)
}

fn read_line(line: &str) -> Option<(f64, &str, f64, f64)> {
    let mut fields = line.split(',').map(str::trim);
    let (at, clip, secs, watched) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let number = |field: &str| field.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    let is_whole = fields.next().is_none() && !clip.is_empty() && number(at)? <= LATEST_SECS;
    is_whole.then_some((number(at)?, clip, number(secs)?, number(watched)?))
}

fn usual_clip(secs: f64) -> DayClip {
    DayClip { secs, bits_per_second: USUAL_BITS_PER_SECOND, megapixels_per_second: USUAL_MEGAPIXELS_PER_SECOND }
}

/// A made-up day: each view goes to the `n`-th clip with a probability that falls as 1 ÷ n (Zipf's law), at a
/// time that is as likely as any other; clips are 8 to 60 seconds long and half watched on average.
pub fn made_day(clips: usize, views: usize, entropy: &Entropy) -> Day {
    let mut total = 0.0;
    let mut sums = Vec::with_capacity(clips);
    let mut rank = 0.0;
    for _ in 0..clips {
        rank += 1.0;
        total += 1.0 / rank;
        sums.push(total);
    }
    let clips: Vec<DayClip> = (0..clips).map(|_| usual_clip(8.0 + 52.0 * entropy.fraction())).collect();
    let mut drawn: Vec<View> = (0..views)
        .map(|_| {
            let drawn = entropy.fraction() * total;
            let clip = sums.partition_point(|sum| *sum <= drawn).min(sums.len().saturating_sub(1));
            let watched_secs = clips.get(clip).map_or(0.0, |clip| clip.secs * entropy.fraction());
            View { at_secs: entropy.fraction() * DAY_SECS, clip, watched_secs }
        })
        .collect();
    drawn.sort_by(|a, b| a.at_secs.total_cmp(&b.at_secs));
    Day { clips, views: drawn }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::worth::{Price, Replay, replay};

    const PRICE: Price = Price { bytes_per_cpu_second: 4_000_000.0 };

    #[test]
    fn a_file_of_views_is_read_in_the_order_of_time() {
        let day = read_day("at_secs,clip,clip_secs,watched_secs\n20,b,10,5\n10, a ,8,8\n30,b,10,1\n").expect("views");
        assert_eq!(day.clips.iter().map(|clip| clip.secs).collect::<Vec<_>>(), [10.0, 8.0]);
        assert_eq!(day.views.iter().map(|view| view.clip).collect::<Vec<_>>(), [1, 0, 0]);
    }

    #[test]
    fn a_line_that_is_no_view_is_named() {
        for (text, line) in [
            ("clip\n", "line 1"),
            ("", "line 1"),
            ("at_secs,clip,clip_secs,watched_secs\n1,a,2\n", "line 2"),
            ("at_secs,clip,clip_secs,watched_secs\n1,a,2,3\n\n1,a,2,-3\n", "line 4"),
            ("at_secs,clip,clip_secs,watched_secs\n1,a,inf,3\n", "line 2"),
            ("at_secs,clip,clip_secs,watched_secs\n1,,2,3\n", "line 2"),
            ("at_secs,clip,clip_secs,watched_secs\n1.7e9,a,2,3\n", "line 2"),
            ("at_secs,clip,clip_secs,watched_secs\n1,a,2,3,4\n", "line 2"),
        ] {
            assert!(read_day(text).expect_err("no views").starts_with(line), "{text:?}");
        }
    }

    #[test]
    fn on_a_day_of_few_hits_families_save_bytes() {
        let replayed = replay(&made_day(500, 200_000, &Entropy::from_seed(1)), PRICE);
        let (bytes, cpu) =
            (replayed.bytes_with / replayed.bytes_without, replayed.cpu_secs_with / replayed.cpu_secs_without);
        assert!(replayed.families > 4 && bytes < 0.98 && cpu > 1.0, "{replayed:?}");
        let saved = replayed.bytes_without - replayed.bytes_with;
        assert!(saved > 0.0 && replayed.clips < 500);
    }

    #[test]
    fn a_day_without_hits_costs_nothing() {
        let replayed = replay(&made_day(5_000, 5_000, &Entropy::from_seed(1)), PRICE);
        assert_eq!((replayed.families, replayed.clips), (0, 0));
        assert!((replayed.bytes_with - replayed.bytes_without).abs() < 1e-6 * replayed.bytes_without);
    }

    #[test]
    fn a_day_of_nothing_is_printed_without_a_minus() {
        let Replay { bytes_without, bytes_with, cpu_secs_without, cpu_secs_with, .. } = replay(&Day::default(), PRICE);
        let figures = [bytes_without, bytes_with, cpu_secs_without, cpu_secs_with];
        assert_eq!(figures.map(|figure| format!("{figure:.2}")), ["0.00"; 4]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in ".{0,200}", rest in "[0-9a-z,.\\n]{0,200}") {
            let _ = read_day(&text);
            if let Ok(day) = read_day(&format!("{HEADER}\n{rest}")) {
                let replayed = replay(&day, PRICE);
                prop_assert!(replayed.bytes_with <= replayed.bytes_without);
            }
        }
    }
}

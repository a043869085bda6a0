//! What a program cost.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::process::capture;

/// Ticks a second of the kernel's statistics.
const TICKS: f64 = 100.0;

/// Processor time, user and system with all children, and wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    pub(super) cpu_secs: f64,
    pub(super) wall_secs: f64,
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cpu_secs: self.cpu_secs + other.cpu_secs, wall_secs: self.wall_secs + other.wall_secs }
    }
}

/// Runs a program to its end; nothing else may run in this process meanwhile.
pub(super) fn run(command: &mut Command) -> Result<Cost> {
    let before = children_secs()?;
    let started = Instant::now();
    capture(command)?;
    let wall_secs = started.elapsed().as_secs_f64();
    Ok(Cost { cpu_secs: children_secs()? - before, wall_secs })
}

/// Processor time of all children that have ended, and theirs.
fn children_secs() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    parse_children_secs(&stat).context("/proc/self/stat is not as expected")
}

fn parse_children_secs(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(13).map(str::parse::<u32>);
    Some((f64::from(ticks.next()?.ok()?) + f64::from(ticks.next()?.ok()?)) / TICKS)
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.get(half) {
        None => f64::NAN,
        Some(&upper) if sorted.len() % 2 == 1 => upper,
        Some(&upper) => f64::midpoint(sorted[half - 1], upper),
    }
}

#[cfg(test)]
mod tests {
    use super::{median, parse_children_secs};

    #[test]
    fn the_time_of_children_is_read() {
        let stat = "9 (x) y) R 1 9 9 0 -1 0 1 2 3 4 500 60 120 30 20 0 1 0 77 8 9";
        assert_eq!(parse_children_secs(stat), Some(1.5));
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median([]).is_nan());
    }
}

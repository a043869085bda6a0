//! The figures as Markdown.

use super::bd_rate::{Point, bd_rate};
use super::measure::{Cost, median};
use super::product::Run;

/// Everything measured in one round.
pub(super) struct Round {
    pub(super) ours: Run,
    pub(super) decode: Cost,
    /// All rungs by x264 alone.
    pub(super) encode: Cost,
    /// The first second by one `ffmpeg`.
    pub(super) first: Cost,
    /// All rungs as `PeerTube` makes them.
    pub(super) peer: Cost,
}

/// One rung of both.
pub(super) struct Compared {
    pub(super) rung: String,
    /// Nothing where a look at the source has left the rung out.
    pub(super) ours: Option<Point>,
    pub(super) peer: Point,
}

/// One clip.
pub(super) struct Measured {
    pub(super) clip: String,
    pub(super) duration_secs: f64,
    pub(super) rounds: Vec<Round>,
    /// Empty when nobody could judge.
    pub(super) compared: Vec<Compared>,
}

impl Measured {
    fn over_rounds(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(figure))
    }

    fn range(&self, figure: impl Fn(&Round) -> f64) -> String {
        let all = || self.rounds.iter().map(&figure);
        let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        format!("{:.2} ({low:.2} to {high:.2})", median(all()))
    }

    fn bd_rate(&self) -> Option<f64> {
        let side = |pick: fn(&Compared) -> Option<Point>| self.compared.iter().filter_map(pick).collect::<Vec<_>>();
        bd_rate(&side(|rung| Some(rung.peer)), &side(|rung| rung.ours))
    }

    fn peak_megabytes(&self) -> f64 {
        self.rounds.iter().map(|round| round.ours.child_peak_bytes).fold(0.0, f64::max) / 1e6
    }
}

fn of_floor(round: &Round) -> f64 {
    round.ours.whole.cpu_secs / (round.decode.cpu_secs + round.encode.cpu_secs)
}

fn of_peer(round: &Round) -> f64 {
    round.ours.whole.cpu_secs / round.peer.cpu_secs
}

fn first_of_ffmpeg(round: &Round) -> f64 {
    round.ours.first.cpu_secs / round.first.cpu_secs
}

fn first_of_whole(round: &Round) -> f64 {
    100.0 * round.ours.first.wall_secs / round.ours.whole.wall_secs
}

fn bd_text(measured: &Measured) -> String {
    match measured.bd_rate() {
        Some(rate) => format!("{:+.1} %", 100.0 * rate),
        None if measured.compared.is_empty() => "not judged".to_owned(),
        None => "no overlap".to_owned(),
    }
}

/// Prints one clip in full.
pub(super) fn print_clip(measured: &Measured) {
    println!("\n### {} ({:.1} s)\n", measured.clip, measured.duration_secs);
    println!("| CPU seconds, median of {} rounds | |", measured.rounds.len());
    println!("|---|---|");
    for (what, figure) in [
        ("the ladder", (|round| round.ours.whole.cpu_secs) as fn(&Round) -> f64),
        ("one decode", |round| round.decode.cpu_secs),
        ("x264 alone, all rungs", |round| round.encode.cpu_secs),
        ("PeerTube-style, one `ffmpeg` a rung", |round| round.peer.cpu_secs),
        ("to first playable", |round| round.ours.first.cpu_secs),
        ("that second by one `ffmpeg`", |round| round.first.cpu_secs),
    ] {
        println!("| {what} | {:.2} |", measured.over_rounds(figure));
    }
    let wall = |pick: fn(&Run) -> f64| measured.over_rounds(|round| pick(&round.ours));
    println!("| wall: to first playable | {:.2} |", wall(|run| run.first.wall_secs));
    println!("| wall: the ladder | {:.2} |", wall(|run| run.whole.wall_secs));
    print_compared(measured);
    if let Some(round) = measured.rounds.last() {
        println!("\nStages of the last round, microseconds of wall time: `{}`", round.ours.stages);
    }
}

fn print_compared(measured: &Measured) {
    if measured.compared.is_empty() {
        return;
    }
    println!("\n| rung | kbit/s | VMAF | PeerTube kbit/s | VMAF |");
    println!("|---|---|---|---|---|");
    for Compared { rung, ours, peer } in &measured.compared {
        println!("| {rung} | {} | {} |", ours.map_or_else(|| "left out | ".to_owned(), cells), cells(*peer));
    }
}

fn cells(point: Point) -> String {
    format!("{:.0} | {:.1}", point.bits_per_second / 1000.0, point.quality)
}

/// Prints the ratios of all clips in one table.
pub(super) fn print_summary(all: &[Measured]) {
    println!("\n### Ratios, median of rounds (lowest to highest)\n");
    println!(
        "| clip | CPU / (decode + x264) | CPU / PeerTube | BD-rate | first playable: CPU / `ffmpeg` | its share of the \
         wall, % | child, MB |"
    );
    println!("|---|---|---|---|---|---|---|");
    for measured in all {
        println!(
            "| {} | {} | {} | {} | {} | {} | {:.0} |",
            measured.clip,
            measured.range(of_floor),
            measured.range(of_peer),
            bd_text(measured),
            measured.range(first_of_ffmpeg),
            measured.range(first_of_whole),
            measured.peak_megabytes()
        );
    }
}

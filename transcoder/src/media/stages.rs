//! Where the time of a run goes: stopwatches that the threads of the run share.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// Time spent inside each stage of a run, in microseconds of wall time.
///
/// Stages overlap, because rungs and sound have threads of their own: the sum is more than the
/// run took. A thread that waits for another counts for neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTimes {
    /// Reading and decoding pictures.
    pub decode_us: u64,
    /// Turning pictures upright, to BT.709 and to the size of the largest rung.
    pub convert_us: u64,
    /// Making the poster.
    pub poster_us: u64,
    /// Everything about sound.
    pub sound_us: u64,
    /// Cutting and writing segments, all rungs together.
    pub package_us: u64,
    /// By rung, in the order of the plan.
    pub rungs: Vec<RungTimes>,
}

/// Time spent on one rung, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungTimes {
    /// Making pictures smaller.
    pub scale_us: u64,
    /// Encoding them.
    pub encode_us: u64,
}

/// Adds up the time of one stage, which one thread at a time is in.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    ended: AtomicU64,
    running: Mutex<Option<Instant>>,
}

impl Stopwatch {
    /// Does the work and counts how long it took.
    pub(super) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        self.run_since(Some(started));
        let done = work();
        self.run_since(None);
        self.add(started.elapsed());
        done
    }

    /// Counts time that was measured elsewhere.
    pub(super) fn add(&self, time: Duration) {
        self.ended.fetch_add(micros(time), Ordering::Relaxed);
    }

    fn run_since(&self, started: Option<Instant>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = started;
    }

    /// With what is under way: a run may be left before any of its threads has ended.
    fn micros(&self) -> u64 {
        let running = *self.running.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended.load(Ordering::Relaxed) + running.map_or(0, |started| micros(started.elapsed()))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The stopwatches of a run.
#[derive(Debug, Default)]
pub(super) struct Stages {
    /// The whole reading side: decoding, and all that is done with a decoded picture.
    pub(super) reading: Stopwatch,
    /// What of that is not decoding.
    pub(super) showing: Stopwatch,
    pub(super) convert: Stopwatch,
    pub(super) poster: Stopwatch,
    /// The whole thread of the sound.
    pub(super) sound: Stopwatch,
    /// What of that is waiting for its turn.
    pub(super) sound_waits: Stopwatch,
    pub(super) rungs: Vec<RungStages>,
}

/// The stopwatches of one rung.
#[derive(Debug, Default)]
pub(super) struct RungStages {
    pub(super) scale: Stopwatch,
    /// Encoding, and what is done with the encoded pictures meanwhile.
    pub(super) encode: Stopwatch,
    /// What of that is packaging.
    pub(super) package: Stopwatch,
}

impl Stages {
    pub(super) fn new(rungs: usize) -> Self {
        Self { rungs: (0..rungs).map(|_| RungStages::default()).collect(), ..Self::default() }
    }

    /// What the stopwatches show.
    pub(super) fn times(&self) -> StageTimes {
        let packaging: u64 = self.rungs.iter().map(|rung| rung.package.micros()).sum();
        StageTimes {
            decode_us: self.reading.micros().saturating_sub(self.showing.micros()),
            convert_us: self.convert.micros(),
            poster_us: self.poster.micros(),
            sound_us: self.sound.micros().saturating_sub(self.sound_waits.micros()),
            package_us: packaging,
            rungs: self.rungs.iter().map(RungStages::times).collect(),
        }
    }
}

impl RungStages {
    fn times(&self) -> RungTimes {
        RungTimes {
            scale_us: self.scale.micros(),
            encode_us: self.encode.micros().saturating_sub(self.package.micros()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_inside_another_stage_is_not_counted_twice() {
        let stages = Stages::new(1);
        stages.reading.add(Duration::from_micros(100));
        stages.showing.add(Duration::from_micros(30));
        stages.rungs[0].encode.add(Duration::from_micros(70));
        stages.rungs[0].package.add(Duration::from_micros(5));
        let times = stages.times();
        assert_eq!((times.decode_us, times.package_us), (70, 5));
        assert_eq!(times.rungs, [RungTimes { scale_us: 0, encode_us: 65 }]);
    }

    #[test]
    fn a_stopwatch_adds_up_and_hands_the_result_on() {
        let watch = Stopwatch::default();
        watch.add(Duration::from_millis(2));
        watch.time(|| {
            let before = watch.micros();
            std::thread::sleep(Duration::from_millis(1));
            assert!(watch.micros() > before, "it can be read while it runs");
        });
        assert_eq!(watch.time(|| 7), 7);
        assert!(watch.micros() >= 2000);
    }
}

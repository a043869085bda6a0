//! Loudness and peaks, block by block.

use super::BLOCK;

/// Taps of the filter that finds what lies between two samples.
const TAPS: usize = 12;
/// Points looked at between two samples.
const BETWEEN: usize = 3;

/// What is known of [`BLOCK`] samples.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Block {
    /// Sum of squares of both sides after the ear's weighting.
    pub energy: f32,
    /// Largest value of the waveform, also between samples; 1 is full scale.
    pub peak: f32,
}

/// Takes stereo sound at 48 kHz and keeps what is needed to judge it.
pub struct Meter {
    ears: [Ear; 2],
    peaks: [PeakFinder; 2],
    current: Block,
    filled: usize,
    blocks: Vec<Block>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            ears: [Ear::default(), Ear::default()],
            peaks: [PeakFinder::new(), PeakFinder::new()],
            current: Block::default(),
            filled: 0,
            blocks: Vec::new(),
        }
    }
}

impl Meter {
    /// Hears more. Numbers that are none count as silence.
    pub fn hear(&mut self, left: &[f32], right: &[f32]) {
        for (left, right) in left.iter().zip(right) {
            for (side, sample) in [left, right].into_iter().enumerate() {
                let sample = if sample.is_finite() { *sample } else { 0.0 };
                self.current.energy += self.ears[side].weigh(sample);
                self.current.peak = self.current.peak.max(self.peaks[side].look(sample));
            }
            self.filled += 1;
            if self.filled == BLOCK {
                self.blocks.push(std::mem::take(&mut self.current));
                self.filled = 0;
            }
        }
    }

    /// Samples heard so far.
    pub fn samples(&self) -> usize {
        self.blocks.len() * BLOCK + self.filled
    }

    /// All blocks, the last one filled up with silence.
    pub fn finish(mut self) -> Vec<Block> {
        if self.filled > 0 {
            self.blocks.push(self.current);
        }
        self.blocks
    }
}

/// The two filters of BS.1770 at 48 kHz: what a head does to sound, and what an ear leaves out.
#[derive(Default)]
struct Ear {
    head: Biquad,
    bass: Biquad,
}

impl Ear {
    #[expect(clippy::cast_possible_truncation, reason = "the square of a sample needs no more digits")]
    fn weigh(&mut self, sample: f32) -> f32 {
        const HEAD: [f64; 5] = [
            1.535_124_859_586_97,
            -2.691_696_189_406_38,
            1.198_392_810_852_85,
            -1.690_659_293_182_41,
            0.732_480_774_215_85,
        ];
        const BASS: [f64; 5] = [1.0, -2.0, 1.0, -1.990_047_454_833_98, 0.990_072_250_366_21];
        let heard = self.bass.run(&BASS, self.head.run(&HEAD, f64::from(sample)));
        (heard * heard) as f32
    }
}

/// A filter of second order.
#[derive(Default)]
struct Biquad {
    state: [f64; 2],
}

impl Biquad {
    fn run(&mut self, [b0, b1, b2, a1, a2]: &[f64; 5], input: f64) -> f64 {
        let output = b0 * input + self.state[0];
        self.state = [b1 * input - a1 * output + self.state[1], b2 * input - a2 * output];
        // Numbers too small to matter would make the arithmetic slow.
        if self.state[0].abs() < 1e-30 {
            self.state[0] = 0.0;
        }
        output
    }
}

/// Finds the peaks of the waveform that samples describe, which lie between them.
pub(super) struct PeakFinder {
    /// For each of the recent samples, what it weighs at each point between two of them. A fourth point that weighs
    /// nothing fills up the processor's vectors.
    taps: [[f32; BETWEEN + 1]; TAPS],
    /// The recent samples in a ring, twice, so that they always lie in a row somewhere.
    recent: [f32; 2 * TAPS],
    next: usize,
}

impl PeakFinder {
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small constants")]
    pub(super) fn new() -> Self {
        use std::f64::consts::PI;
        let middle = (TAPS / 2) as f64;
        let tap = |phase: usize, tap: usize| {
            let at = tap as f64 + 1.0 - middle - (phase + 1) as f64 / (BETWEEN + 1) as f64;
            (PI * at).sin() / (PI * at) * (0.5 + 0.5 * (PI * at / middle).cos())
        };
        let mut taps = [[0.0; BETWEEN + 1]; TAPS];
        for phase in 0..BETWEEN {
            let sum: f64 = (0..TAPS).map(|i| tap(phase, i)).sum();
            for (i, row) in taps.iter_mut().enumerate() {
                row[phase] = (tap(phase, i) / sum) as f32;
            }
        }
        Self { taps, recent: [0.0; 2 * TAPS], next: 0 }
    }

    /// Takes a sample; gives the largest value of the waveform since the one before, a few samples late.
    pub(super) fn look(&mut self, sample: f32) -> f32 {
        self.recent[self.next] = sample;
        self.recent[self.next + TAPS] = sample;
        self.next = (self.next + 1) % TAPS;
        let mut between = [0.0f32; BETWEEN + 1];
        for (taps, sample) in self.taps.iter().zip(&self.recent[self.next..]) {
            for (sum, tap) in between.iter_mut().zip(taps) {
                *sum += tap * sample;
            }
        }
        between.iter().fold(sample.abs(), |most, value| most.max(value.abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_between_samples_is_found() {
        // A quarter of the sample rate, shifted so that no sample lies on a peak.
        let mut finder = PeakFinder::new();
        let wave = |n: u16| (std::f32::consts::FRAC_PI_4 + std::f32::consts::FRAC_PI_2 * f32::from(n)).sin();
        let peak = (0..200).map(|n| finder.look(wave(n))).skip(24).fold(0.0, f32::max);
        assert!((peak - 1.0).abs() < 0.02, "{peak}");
    }

    #[test]
    fn what_is_no_number_is_silence() {
        let mut meter = Meter::default();
        meter.hear(&[f32::NAN; 100], &[f32::INFINITY; 100]);
        assert_eq!((meter.samples(), meter.finish()), (100, vec![Block::default(); 2]));
    }
}

//! Gain and limiter, carried out frame by frame.

use std::collections::VecDeque;

use super::{BLOCK, Level, envelope::Envelope, factor, level::allowed, meter::PeakFinder};

/// Both sides of a piece of sound.
type Sides = [Vec<f32>; 2];

/// Brings sound to its level. Frames come out as they went in, a few later when there is a limiter.
pub struct Leveller {
    gain: f32,
    limiter: Option<Limiter>,
    /// Frames that wait for the limiter to know what comes after them.
    waiting: VecDeque<(i64, Sides)>,
}

struct Limiter {
    envelope: Envelope,
    peaks: [PeakFinder; 2],
    /// The first block of the first waiting frame.
    border: usize,
}

impl Leveller {
    /// Does what the plan says.
    #[expect(clippy::cast_possible_truncation, reason = "a gain needs no more digits")]
    pub fn new(level: Level) -> Self {
        let limiter = level.needs_limiter.then(|| Limiter {
            envelope: Envelope::default(),
            peaks: [PeakFinder::new(), PeakFinder::new()],
            border: 0,
        });
        let gain = factor(f64::from(level.gain_cdb) / 100.0) as f32;
        Self { gain, limiter, waiting: VecDeque::new() }
    }

    /// Takes the frame that begins at sample `at`: a whole number of blocks.
    pub fn put(&mut self, at: i64, mut sides: Sides) {
        for sample in sides.iter_mut().flatten() {
            *sample = if sample.is_finite() { *sample * self.gain } else { 0.0 };
        }
        if let Some(limiter) = &mut self.limiter {
            limiter.look(&sides);
        }
        self.waiting.push_back((at, sides));
    }

    /// Nothing more comes.
    pub fn finish(&mut self) {
        if let Some(limiter) = &mut self.limiter {
            limiter.envelope.finish();
        }
    }

    /// The next frame that is done, with the sample it begins at.
    pub fn take(&mut self) -> Option<(i64, Sides)> {
        let Some(limiter) = &mut self.limiter else { return self.waiting.pop_front() };
        let blocks = self.waiting.front()?.1[0].len() / BLOCK;
        if limiter.border + blocks >= limiter.envelope.known() {
            return None;
        }
        let (at, mut sides) = self.waiting.pop_front()?;
        for side in &mut sides {
            limiter.turn_down(side);
        }
        limiter.border += blocks;
        Some((at, sides))
    }
}

impl Limiter {
    fn look(&mut self, [left, right]: &Sides) {
        for (left, right) in left.chunks_exact(BLOCK).zip(right.chunks_exact(BLOCK)) {
            let mut peak: f32 = 0.0;
            for (left, right) in left.iter().zip(right) {
                peak = peak.max(self.peaks[0].look(*left)).max(self.peaks[1].look(*right));
            }
            self.envelope.push(allowed(f64::from(peak)));
        }
    }

    /// Gain moves evenly from border to border.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn turn_down(&self, side: &mut [f32]) {
        for (block, samples) in side.chunks_exact_mut(BLOCK).enumerate() {
            let from = self.envelope.gain(self.border + block);
            let step = (self.envelope.gain(self.border + block + 1) - from) / BLOCK as f32;
            for (i, sample) in samples.iter_mut().enumerate() {
                *sample *= from + step * i as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "small numbers")]
    use super::{
        super::{CEILING_DBTP, Meter, judge},
        *,
    };

    const FRAME: usize = 1024;

    /// Noise of which every second is louder than the one before, from the start.
    fn noise(frames: usize) -> Vec<f32> {
        let mut state = 1u32;
        (0..frames * FRAME)
            .map(|n| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let loud = 0.05 * (1 + n / 48_000 % 4) as f32;
                (f32::from((state >> 16) as u16) / 32_768.0 - 1.0) * loud * if n % 9000 < 40 { 8.0 } else { 1.0 }
            })
            .collect()
    }

    fn levelled(samples: &[f32], level: Level) -> Vec<f32> {
        let mut leveller = Leveller::new(level);
        let mut out = Vec::new();
        let mut drain = |leveller: &mut Leveller| {
            while let Some((at, [left, right])) = leveller.take() {
                assert_eq!((usize::try_from(at), &left), (Ok(out.len()), &right));
                out.extend(left);
            }
        };
        for (i, frame) in samples.chunks_exact(FRAME).enumerate() {
            leveller.put((i * FRAME) as i64, [frame.to_vec(), frame.to_vec()]);
            drain(&mut leveller);
        }
        leveller.finish();
        drain(&mut leveller);
        out
    }

    #[test]
    fn peaks_stay_below_the_ceiling_and_loudness_is_reached() {
        let samples = noise(400);
        let mut meter = Meter::default();
        meter.hear(&samples, &samples);
        let level = judge(&meter.finish()).expect("sound").level;
        assert!(level.needs_limiter && level.gain_cdb > 0, "{level:?}");
        let out = levelled(&samples, level);
        assert_eq!(out.len(), samples.len());
        let mut meter = Meter::default();
        meter.hear(&out, &out);
        let after = judge(&meter.finish()).expect("sound");
        assert!((after.integrated_cdb + 1400).abs() < 10, "{after:?}");
        assert!(f64::from(after.peak_cdb) / 100.0 < CEILING_DBTP + 0.1, "{after:?}");
    }

    #[test]
    fn without_a_limiter_there_is_only_gain() {
        let samples = noise(4);
        let out = levelled(&samples, Level { gain_cdb: -602, needs_limiter: false });
        assert!(samples.iter().zip(&out).all(|(a, b)| (a * 0.5 - b).abs() < 1e-3) && out.len() == samples.len());
    }

    #[test]
    fn resuming_gives_the_same_samples() {
        let samples = noise(60);
        let level = Level { gain_cdb: 1200, needs_limiter: true };
        let (whole, resumed) = (levelled(&samples, level), levelled(&samples[20 * FRAME..], level));
        // What came before is forgotten within the run-up of eight frames.
        assert_eq!(whole[28 * FRAME..], resumed[8 * FRAME..]);
    }
}

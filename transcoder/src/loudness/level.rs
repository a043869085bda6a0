//! What has to be done to a clip's sound.

use serde::{Deserialize, Serialize};

use super::{BLOCK, Block, CEILING_DBTP, envelope::Envelope, factor};

/// Where the loudness of clips is brought.
pub const TARGET_LUFS: f64 = -14.0;
/// Sound is turned up or down by no more than this.
const MOST_GAIN_DB: f64 = 20.0;
/// Quieter sound is a silent room, and stays one.
const NEAR_SILENCE_LUFS: f64 = -50.0;
/// What a limiter takes away is made good up to this much.
const MOST_MAKE_UP_DB: f64 = 9.0;
/// Halvings when the gain is sought: to within a hundredth of a decibel.
const HALVINGS: u32 = 10;
/// Blocks in a piece of 400 ms, over which loudness is measured.
const PIECE: usize = 300;
/// Blocks from one piece to the next, which overlap by three quarters.
const HOP: usize = 75;
/// Pieces below this are no sound.
const SILENCE_LUFS: f64 = -70.0;
/// Pieces this much below the others are pauses.
const PAUSE_LU: f64 = 10.0;

/// What is done to the sound of a clip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Gain in hundredths of a decibel.
    pub gain_cdb: i32,
    /// Peaks have to be turned down after it.
    pub needs_limiter: bool,
}

/// How loud a source is, and what is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loudness {
    /// Integrated loudness in hundredths of a LUFS.
    pub integrated_cdb: i32,
    /// The highest peak in hundredths of a dBTP.
    pub peak_cdb: i32,
    /// What is done about it.
    pub level: Level,
}

/// Judges a whole clip; nothing is known of silence.
pub fn judge(blocks: &[Block]) -> Option<Loudness> {
    let integrated = integrated_lufs(blocks, |_| 1.0)?;
    let peak = 20.0 * f64::from(blocks.iter().map(|block| block.peak).fold(1e-9, f32::max)).log10();
    let gain = if integrated < NEAR_SILENCE_LUFS {
        0.0
    } else {
        (TARGET_LUFS - integrated).clamp(-MOST_GAIN_DB, MOST_GAIN_DB)
    };
    let needs_limiter = peak + gain > CEILING_DBTP;
    let is_short = integrated + gain >= TARGET_LUFS - 0.01;
    let gain = if needs_limiter && is_short { make_up(blocks, gain) } else { gain };
    let level = Level { gain_cdb: hundredths(gain), needs_limiter };
    Some(Loudness { integrated_cdb: hundredths(integrated), peak_cdb: hundredths(peak), level })
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
fn hundredths(value: f64) -> i32 {
    (value * 100.0).round().clamp(-100_000.0, 100_000.0) as i32
}

/// The gain after which the limited sound is as loud as it should be.
fn make_up(blocks: &[Block], gain: f64) -> f64 {
    let (mut low, mut high) = (gain, (gain + MOST_MAKE_UP_DB).min(MOST_GAIN_DB).max(gain));
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if limited_lufs(blocks, middle).is_some_and(|loudness| loudness < TARGET_LUFS) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Loudness after gain and limiter, as [`Leveller`](super::Leveller) will carry them out.
fn limited_lufs(blocks: &[Block], gain_db: f64) -> Option<f64> {
    let gain = factor(gain_db);
    let mut envelope = Envelope::default();
    for block in blocks {
        envelope.push(allowed(f64::from(block.peak) * gain));
    }
    envelope.finish();
    let borders: Vec<f64> = (0..=blocks.len()).map(|border| f64::from(envelope.gain(border))).collect();
    integrated_lufs(blocks, |block| (gain * f64::midpoint(borders[block], borders[block + 1])).powi(2))
}

/// The gain that brings a peak down to the ceiling.
#[expect(clippy::cast_possible_truncation, reason = "a gain needs no more digits")]
pub(super) fn allowed(peak: f64) -> f32 {
    (factor(CEILING_DBTP) / peak.max(1e-9)).min(1.0) as f32
}

/// Integrated loudness after EBU R 128, each block's energy multiplied; nothing when all is silence.
fn integrated_lufs(blocks: &[Block], power: impl Fn(usize) -> f64) -> Option<f64> {
    let energies: Vec<f64> = blocks.iter().enumerate().map(|(i, b)| f64::from(b.energy) * power(i)).collect();
    let pieces: Vec<f64> = if energies.len() < PIECE {
        vec![mean_square(&energies)]
    } else {
        energies.windows(PIECE).step_by(HOP).map(mean_square).collect()
    };
    let heard = mean_above(&pieces, SILENCE_LUFS)?;
    mean_above(&pieces, SILENCE_LUFS.max(lufs(heard) - PAUSE_LU)).map(lufs)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a short clip")]
fn mean_square(energies: &[f64]) -> f64 {
    energies.iter().sum::<f64>() / (energies.len().max(1) * BLOCK) as f64
}

fn lufs(mean_square: f64) -> f64 {
    10.0 * mean_square.max(1e-12).log10() - 0.691
}

#[expect(clippy::cast_precision_loss, reason = "counts of a short clip")]
fn mean_above(pieces: &[f64], gate: f64) -> Option<f64> {
    let above: Vec<f64> = pieces.iter().copied().filter(|piece| lufs(*piece) > gate).collect();
    (!above.is_empty()).then(|| above.iter().sum::<f64>() / above.len() as f64)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small positive numbers")]
    use super::{super::Meter, *};

    /// A tone on both sides.
    fn tone(hz: f64, amplitude: f64, seconds: f64) -> Vec<f32> {
        (0..(48_000.0 * seconds) as u32)
            .map(|n| (amplitude * (2.0 * std::f64::consts::PI * hz * f64::from(n) / 48_000.0).sin()) as f32)
            .collect()
    }

    fn blocks(samples: &[f32]) -> Vec<Block> {
        let mut meter = Meter::default();
        meter.hear(samples, samples);
        meter.finish()
    }

    #[test]
    fn a_tone_is_as_loud_as_the_recommendation_says() {
        // EBU Tech 3341: 1 kHz at -23 dBFS on both sides is -23 LUFS.
        let loudness = judge(&blocks(&tone(1000.0, factor(-23.0), 5.0))).expect("sound");
        assert!((loudness.integrated_cdb + 2300).abs() <= 10, "{loudness:?}");
        assert!((loudness.peak_cdb + 2300).abs() <= 20, "{loudness:?}");
        assert_eq!(loudness.level.gain_cdb, -1400 - loudness.integrated_cdb);
        assert!(!loudness.level.needs_limiter);
    }

    #[test]
    fn pauses_do_not_count() {
        // EBU Tech 3341, case 3, shortened: quiet, -23 dBFS, quiet.
        let parts = [(-36.0, 2.0), (-23.0, 8.0), (-36.0, 2.0)];
        let samples: Vec<f32> = parts.into_iter().flat_map(|(db, secs)| tone(1000.0, factor(db), secs)).collect();
        let loudness = judge(&blocks(&samples)).expect("sound");
        assert!((loudness.integrated_cdb + 2300).abs() <= 20, "{loudness:?}");
    }

    #[test]
    fn silence_and_silent_rooms_stay_as_they_are() {
        assert_eq!(judge(&blocks(&vec![0.0; 48_000])), None);
        assert_eq!(judge(&[]), None);
        let room = judge(&blocks(&tone(200.0, factor(-55.0), 2.0))).expect("sound");
        assert_eq!(room.level, Level::default());
    }

    #[test]
    fn gain_is_bounded() {
        let quiet = judge(&blocks(&tone(1000.0, factor(-45.0), 2.0))).expect("sound");
        assert_eq!(quiet.level, Level { gain_cdb: 2000, needs_limiter: false });
        let loud = judge(&blocks(&tone(1000.0, 16.0, 2.0))).expect("sound");
        assert_eq!(loud.level.gain_cdb, -2000);
    }

    #[test]
    fn a_limiter_that_takes_much_is_made_good() {
        // A quiet tone with a loud click in every half second.
        let mut samples = tone(1000.0, factor(-26.0), 4.0);
        samples.iter_mut().skip(100).step_by(24_000).for_each(|sample| *sample = 0.9);
        let blocks = blocks(&samples);
        let loudness = judge(&blocks).expect("sound");
        assert!(loudness.level.needs_limiter, "{loudness:?}");
        let reached = limited_lufs(&blocks, f64::from(loudness.level.gain_cdb) / 100.0).expect("sound");
        let plain = limited_lufs(&blocks, TARGET_LUFS - f64::from(loudness.integrated_cdb) / 100.0).expect("sound");
        assert!((reached - TARGET_LUFS).abs() < 0.05 && plain < TARGET_LUFS - 0.3, "{plain} then {reached}");
    }

    #[test]
    fn a_clip_shorter_than_a_piece_is_judged_as_a_whole() {
        let loudness = judge(&blocks(&tone(1000.0, factor(-23.0), 0.2))).expect("sound");
        assert!((loudness.integrated_cdb + 2300).abs() <= 60, "{loudness:?}");
    }
}

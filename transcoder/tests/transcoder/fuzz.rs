//! Good files, broken in a thousand ways, through the real child.
//!
//! The suite runs [`IN_SUITE`] mutations; `ESTRADE_FUZZ_MUTATIONS=1000 cargo test --test transcoder mutations` runs as
//! many as it is told. The seed is fixed, so a mutation that fails once fails again under the same number.

use std::time::{Duration, Instant};

use estrade_transcoder::sandbox::ChildLimits;

use crate::{
    Case,
    media::{bytes, make},
    run::{options, transcode, try_transcode},
};

pub const CASES: &[Case] = &[("mutations_of_good_files_end_in_a_verdict", mutations_end_in_a_verdict)];

/// Mutations tried in an ordinary run: about fifteen seconds of processor time.
const IN_SUITE: u32 = 60;
/// A verdict on a small file comes within this time, even on a busy machine.
const VERDICT_WITHIN: Duration = Duration::from_secs(30);
/// Refusals of [`estrade_transcoder::plan::RefusalCode`] and the two that tell of the child.
const CHILD_TROUBLE: [&str; 3] = ["transcoder_crashed", "transcoder_failed", "took_too_long"];

/// A small generator of numbers (xorshift), so that every machine tries the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below.max(1)).expect("small")).expect("small")
    }
}

/// Places where the size of a box or element stands: before a name of four letters.
fn box_starts(file: &[u8]) -> Vec<usize> {
    let is_name = |four: &[u8]| four.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (4..file.len().saturating_sub(8)).filter(|at| is_name(&file[*at..*at + 4])).map(|at| at - 4).collect()
}

fn mutate(good: &[u8], number: u32) -> Vec<u8> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ u64::from(number + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut file = good.to_vec();
    let boxes = box_starts(&file);
    let pick = |dice: &mut Dice| boxes.get(dice.roll(boxes.len())).copied().unwrap_or(0);
    match number % 6 {
        0 => file.truncate(dice.roll(good.len())),
        1 => {
            for _ in 0..=dice.roll(24) {
                let at = dice.roll(file.len());
                file[at] ^= 1 << dice.roll(8);
            }
        }
        2 => {
            let lie = [0_u32, 1, 7, 8, 0x7fff_ffff, u32::MAX][dice.roll(6)];
            let at = pick(&mut dice);
            file[at..at + 4].copy_from_slice(&lie.to_be_bytes());
        }
        3 => {
            let (at, length) = (pick(&mut dice), 16 + dice.roll(600));
            let piece = file[at..(at + length).min(file.len())].to_vec();
            file.splice(at..at, piece);
        }
        4 => {
            let (one, two) = (pick(&mut dice), pick(&mut dice));
            for step in 0..8 {
                file.swap(one + step, two + step);
            }
        }
        _ => {
            let at = pick(&mut dice) + 8;
            let length = (1 + dice.roll(16)).min(file.len() - at);
            file[at..at + length].fill([0, 0xff, 0x80][dice.roll(3)]);
        }
    }
    file
}

fn mutations_end_in_a_verdict() {
    let wanted = std::env::var("ESTRADE_FUZZ_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(IN_SUITE);
    let source = "-f lavfi -i testsrc2=size=64x48:rate=10:duration=0.6 -f lavfi -i sine=duration=0.6 -c:v libx264 \
                  -preset ultrafast -pix_fmt yuv420p";
    let good: Vec<_> =
        [("a.mp4", "-c:a aac"), ("a.mkv", "-c:a aac"), ("a.ts", "-c:a aac"), ("a.mov", "-c:a pcm_s16le")]
            .into_iter()
            .map(|(name, sound)| std::fs::read(make(name, &format!("{source} {sound}")).source).expect("readable"))
            .collect();
    let (mut clips, mut troubles, mut slowest) = (0, Vec::new(), Duration::ZERO);
    for number in 0..wanted {
        let file = mutate(&good[usize::try_from(number).expect("small") / 6 % good.len()], number);
        let mut options = options();
        options.command.limits = ChildLimits { wall: VERDICT_WITHIN, cpu_secs: 10, ..ChildLimits::default() };
        let started = Instant::now();
        match try_transcode(&bytes("clip.bin", &file), &options) {
            Ok(_) => clips += 1,
            Err(error) if CHILD_TROUBLE.contains(&error.code()) => troubles.push(format!("{number}: {error}")),
            Err(error) => assert!(!error.is_retryable(), "{number}: {error}"),
        }
        slowest = slowest.max(started.elapsed());
    }
    println!("{wanted} mutations: {clips} clips, {} troubles, slowest {slowest:?}", troubles.len());
    assert!(troubles.is_empty(), "the child did not come to a verdict:\n{}", troubles.join("\n"));
    assert!(wanted < 30 || clips > 0, "some mutations do no harm");
    assert_eq!(transcode(&bytes("good.mp4", &good[0])).outcome.duration_ms, 600);
}

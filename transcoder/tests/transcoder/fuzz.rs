//! Good files, broken in a thousand ways, through the real child.
//!
//! The suite runs [`IN_SUITE`] mutations; `ESTRADE_FUZZ_MUTATIONS=1000 cargo test --test transcoder mutations` runs as
//! many as it is told. The seed is fixed, so a mutation that fails once fails again under the same number.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use estrade_transcoder::{TranscodeError, sandbox::ChildLimits};

use crate::{
    Case,
    media::{bytes, bytes_of, make},
    run::{Run, options, transcode, try_in},
};

pub const CASES: &[Case] = &[("mutations_of_good_files_end_in_a_verdict", mutations_end_in_a_verdict)];

/// Mutations tried in an ordinary run, six of each seed: about fifteen seconds of processor time.
const IN_SUITE: u32 = 60;
/// Mutations of one seed, one of each way, beside which a good job runs.
const IN_A_GROUP: usize = 6;
/// A verdict on a small file comes within this time, even on a busy machine.
const VERDICT_WITHIN: Duration = Duration::from_secs(30);
/// Codes that tell of the child; those of [`estrade_transcoder::plan::RefusalCode`] are verdicts.
const CHILD_TROUBLE: [&str; 4] = ["transcoder_crashed", "transcoder_failed", "took_too_long", "too_much_output"];

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
    let is_name = |four: &[u8]| four.iter().all(u8::is_ascii_alphanumeric);
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

/// A good file, and what about it the mutations are to reach.
struct Seed {
    name: &'static str,
    bytes: Vec<u8>,
}

/// All containers, the codecs of phones and cameras, and each way a source can take: encoded or repackaged, in one chunk
/// or two, toned down, looked at.
fn seeds() -> Vec<Seed> {
    let plain = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    let bt709 = "-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv";
    let hlg = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc";
    [
        ("plain.mp4", "64x48", "10", "0.6", format!("{plain} -c:a aac")),
        ("two_chunks_repackaged.mp4", "64x48", "10", "1.6", format!("{plain} -g 10 -crf 42 {bt709} -c:a aac")),
        (
            "hevc_hlg.mp4",
            "64x48",
            "10",
            "0.6",
            format!(
                "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc arib-std-b67 \
                 -colorspace bt2020nc -x265-params log-level=none:{hlg} -tag:v hvc1 -c:a aac"
            ),
        ),
        ("vp9.webm", "64x48", "10", "0.6", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus".into()),
        ("mpeg4.avi", "64x48", "10", "0.6", "-c:v mpeg4 -c:a libmp3lame".into()),
        ("plain.ts", "64x48", "10", "0.6", format!("{plain} -c:a aac")),
        ("av1.mp4", "64x48", "10", "0.6", "-c:v libaom-av1 -cpu-used 8 -c:a aac".into()),
        ("plain.mkv", "64x48", "10", "0.6", format!("{plain} -c:a flac")),
        ("plain.mov", "64x48", "10", "0.6", format!("{plain} -c:a pcm_s16le")),
        ("looked_at.mp4", "760x760", "6", "2", format!("{plain} -c:a aac")),
    ]
    .into_iter()
    .map(|(name, size, rate, secs, codecs)| {
        // Nothing random, such as the names of Matroska's segments: a number is the same mutation every time.
        let codecs = format!("{codecs} -threads 1 -fflags +bitexact -flags +bitexact");
        let inputs =
            format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration={secs} -f lavfi -i sine=duration={secs}");
        Seed { name, bytes: std::fs::read(make(name, &format!("{inputs} {codecs}")).source).expect("readable") }
    })
    .collect()
}

/// A good job beside the bad ones: a clip comes of it, by the way its seed is there for. That what it made is valid, the
/// second reader says.
fn check_good(Seed { name, bytes: content }: &Seed) {
    let Run { plan, .. } = transcode(&bytes(name, content));
    assert_eq!(plan.repackaged().is_some(), name.contains("repackaged"), "{name}: {:?}", plan.top_rung);
    assert_eq!(plan.chunks.len() > 1, name.contains("two_chunks") || name.contains("looked_at"), "{name}");
    assert_eq!(plan.conversion.colour.is_hdr(), name.contains("hlg"), "{name}");
    assert_eq!(plan.is_worth_a_look(), name.contains("looked_at"), "{name}");
}

/// A folder in which jobs have a folder each, beside things that are none of theirs.
struct Fence {
    folder: tempfile::TempDir,
    before: Vec<(PathBuf, Vec<u8>)>,
}

impl Fence {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let neighbour = folder.path().join("clip-of-somebody-else");
        std::fs::create_dir(&neighbour).expect("made");
        for file in [neighbour.join("source"), neighbour.join("s00000.m4s"), folder.path().join("kept")] {
            std::fs::write(file, b"somebody else's").expect("written");
        }
        let before = bytes_of(folder.path(), &[]);
        Self { folder, before }
    }

    fn job(&self) -> tempfile::TempDir {
        tempfile::tempdir_in(self.folder.path()).expect("a job folder")
    }

    /// The jobs are gone, and nothing else was touched.
    fn check(&self, what: &str) {
        assert!(bytes_of(self.folder.path(), &[]) == self.before, "{what}: something outside of the job changed");
    }
}

/// What came of some mutations.
#[derive(Default)]
struct Tally {
    clips: u32,
    troubles: Vec<String>,
    slowest: Duration,
}

impl Tally {
    fn try_one(&mut self, seed: &Seed, number: u32, fence: &Fence) {
        let what = format!("{number} of {}", seed.name);
        let source = bytes("clip.bin", &mutate(&seed.bytes, number));
        let mut options = options();
        options.command.limits = ChildLimits { wall: VERDICT_WITHIN, cpu_secs: 20, ..ChildLimits::default() };
        let started = Instant::now();
        match try_in(fence.job(), &source, &options, &[]).map(drop) {
            Ok(()) => self.clips += 1,
            // The pictures were handed over before the damage was found; the next attempt encodes them.
            Err(TranscodeError::Replanned { .. }) => {}
            Err(error) if CHILD_TROUBLE.contains(&error.code()) => self.troubles.push(format!("{what}: {error}")),
            Err(error) => assert!(!error.is_retryable(), "{what}: {error}"),
        }
        self.slowest = self.slowest.max(started.elapsed());
        fence.check(&what);
    }
}

fn mutations_end_in_a_verdict() {
    let wanted = std::env::var("ESTRADE_FUZZ_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(IN_SUITE);
    let seeds = seeds();
    let (mut tally, fence) = (Tally::default(), Fence::new());
    let numbers: Vec<u32> = (0..wanted).collect();
    for (group, seed) in numbers.chunks(IN_A_GROUP).zip(seeds.iter().cycle()) {
        std::thread::scope(|scope| {
            scope.spawn(|| check_good(seed));
            for number in group {
                tally.try_one(seed, *number, &fence);
            }
        });
    }
    let Tally { clips, troubles, slowest } = tally;
    println!("{wanted} mutations: {clips} clips, {} troubles, slowest {slowest:?}", troubles.len());
    assert!(troubles.is_empty(), "the child did not come to a verdict:\n{}", troubles.join("\n"));
    assert!(wanted < 30 || clips > 0, "some mutations do no harm");
}

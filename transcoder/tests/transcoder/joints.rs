//! What one worker made and what another one made after it sound as if one had made both.

use std::process::Command;

use estrade_transcoder::{
    TranscodeError,
    package::{AUDIO_RENDITION, INIT_FILE, segment_file},
};

use crate::{
    Case,
    media::make,
    run::{Run, options, transcode, try_go_on},
};

pub const CASES: &[Case] = &[
    ("a_joint_between_two_workers_cannot_be_heard", a_joint_cannot_be_heard),
    ("what_another_encoder_began_is_not_gone_on_with", what_another_encoder_began_is_not_gone_on_with),
];

/// Samples on either side of the joint that are looked at: four frames of AAC.
const AROUND: usize = 4096;

/// A tone that rises and swells: it is nowhere like it was a moment before.
const SWEEP: &str = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=13 \
     -f lavfi -i aevalsrc=exprs=(0.3+0.2*sin(3*t))*sin(2*PI*(300+40*t)*t):duration=13:sample_rate=44100 \
     -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -b:a 192k";

/// The left side of these segments, each from the run that made it.
fn listen(segments: &[(&Run, usize)]) -> Vec<f32> {
    let part = |run: &Run, file: &str| std::fs::read(run.work.join(AUDIO_RENDITION).join(file)).expect("a part");
    let mut bytes = part(segments[0].0, INIT_FILE);
    for (run, segment) in segments {
        bytes.extend(part(run, &segment_file(*segment)));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("joined.mp4");
    std::fs::write(&file, bytes).expect("written");
    let decoded = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-i"])
        .arg(&file)
        .args(["-af", "pan=mono|c0=c0", "-f", "f32le", "-"])
        .output()
        .expect("ffmpeg starts");
    assert!(decoded.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&decoded.stderr));
    decoded
        .stdout
        .chunks_exact(4)
        .map(|sample| f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]))
        .collect()
}

fn loudness(samples: impl Iterator<Item = f32>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for sample in samples {
        sum += f64::from(sample) * f64::from(sample);
        count += 1.0;
    }
    f64::sqrt(sum / f64::max(count, 1.0))
}

fn a_joint_cannot_be_heard() {
    let made = make("sweep.mp4", SWEEP);
    let whole = transcode(&made);
    assert_eq!(whole.plan.chunks.len(), 3);
    let mut options = options();
    options.resume = Some(whole.resume_after(2));
    let later = try_go_on(&made, &options, &whole.facts(2)).expect("the rest of the clip");
    let joint = whole.plan.chunks[2].first_segment;
    let segments = 0..whole.plan.segment_starts.len();
    let by_one: Vec<(&Run, usize)> = segments.clone().map(|segment| (&whole, segment)).collect();
    let by_two: Vec<(&Run, usize)> =
        segments.map(|segment| (if segment < joint { &whole } else { &later }, segment)).collect();
    let (by_one, by_two) = (listen(&by_one), listen(&by_two));
    assert_eq!(by_one.len(), by_two.len());
    let audio = whole.plan.audio.as_ref().expect("there is sound");
    let at = usize::try_from(audio.segment_starts[joint] * 1024).expect("a short clip");
    // Two encoders never agree to the bit: what would be heard is a joint at which they disagree more.
    let apart_db = |middle: usize| {
        let around = middle - AROUND..middle + AROUND;
        let signal = loudness(by_one[around.clone()].iter().copied());
        assert!(signal > 0.02, "there is something to hear: {signal}");
        let difference = by_one[around.clone()].iter().zip(&by_two[around]).map(|(one, two)| one - two);
        20.0 * f64::log10(loudness(difference) / signal)
    };
    let (joint_db, usual_db) = (apart_db(at), apart_db(at + 48_000));
    assert!(usual_db < -20.0, "they differ by {usual_db:.1} dB");
    assert!(joint_db < usual_db + 3.0, "the joint differs by {joint_db:.1} dB, the rest by {usual_db:.1} dB");
}

/// Two releases may ask their encoder for other things: their segments need other initialisation segments, which are
/// often of one size and one codec string.
fn what_another_encoder_began_is_not_gone_on_with() {
    let made = make("sweep.mp4", SWEEP);
    let whole = transcode(&made);
    let mut options = options();
    let mut resume = whole.resume_after(2);
    let known = resume.inits[0].sha256.as_mut().expect("the parent has read it");
    known[0] ^= 1;
    options.resume = Some(resume);
    let ended = try_go_on(&made, &options, &whole.facts(2)).map(|run| run.chunks.len());
    assert!(matches!(ended, Err(TranscodeError::EncoderChanged)), "{ended:?}");
}

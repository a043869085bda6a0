//! Sound of any loudness, brought to the same.

use crate::{
    Case,
    good_input::seconds,
    media::{Made, loudness_db, make, measured},
    run::{Run, options, transcode, try_go_on},
};

pub const CASES: &[Case] = &[
    ("sound_of_any_loudness_ends_up_equally_loud", sound_of_any_loudness_ends_up_equally_loud),
    ("silence_and_a_silent_room_stay_as_they_are", silence_and_a_silent_room_stay_as_they_are),
    ("very_quiet_sound_is_raised_within_bounds", very_quiet_sound_is_raised_within_bounds),
    ("resumed_sound_is_as_loud_as_the_rest", resumed_sound_is_as_loud_as_the_rest),
];

/// Where the loudness of every clip should be.
const TARGET_LUFS: f64 = -14.0;
/// Peaks that are promised.
const CEILING_DBTP: f64 = -1.0;

fn sounding(name: &str, sound: &str, codec: &str) -> Made {
    make(
        name,
        &format!(
            "-f lavfi -i color=gray:size=64x64:rate=25:duration=5 -f lavfi -i {sound} \
             -c:v libx264 -preset ultrafast -pix_fmt yuv420p {codec}"
        ),
    )
}

fn heard(run: &Run) -> (f64, f64) {
    measured(&run.playlist("audio"))
}

fn sound_of_any_loudness_ends_up_equally_loud() {
    let noise = |amplitude: &str, rate: &str| {
        format!("anoisesrc=color=pink:seed=7:duration=5:sample_rate={rate}:amplitude={amplitude}")
    };
    let clicks = "aevalsrc='if(lt(mod(t\\,0.5)\\,0.01)\\,0.9*sin(2*PI*800*t)\\,0.06*sin(2*PI*300*t))':duration=5";
    let surround = "aevalsrc='0.1*random(0)|0.1*random(1)|0.3*sin(2*PI*440*t)|0|0.1*random(2)|0.1*random(3)':\
                    channel_layout=5.1:duration=5";
    for (name, sound, codec) in [
        ("quiet.mp4", noise("0.1", "44100"), "-c:a aac -b:a 192k"),
        ("loud.mp4", noise("1", "48000"), "-c:a aac -b:a 192k"),
        ("clipped.mkv", noise("1,volume=20dB", "48000"), "-c:a pcm_s16le"),
        ("clicks.mp4", clicks.to_owned(), "-c:a aac -b:a 192k"),
        ("mono.mp4", noise("0.3", "22050"), "-ac 1 -c:a aac -b:a 64k"),
        ("telephone.mp4", noise("0.3", "8000"), "-ac 1 -c:a aac -b:a 24k"),
        ("studio.mp4", noise("0.3", "96000"), "-ar 96000 -c:a aac -b:a 192k"),
        ("surround.mkv", surround.to_owned(), "-c:a ac3 -b:a 448k"),
    ] {
        let made = sounding(name, &sound, codec);
        let (before, _) = measured(&made.source);
        let run = transcode(&made);
        let (loudness, peak) = heard(&run);
        eprintln!("{name}: {before} to {loudness} LUFS, {peak} dBTP");
        assert!((loudness - TARGET_LUFS).abs() <= 1.0, "{name}: {before} became {loudness} LUFS");
        assert!(peak <= CEILING_DBTP, "{name}: peaks at {peak} dBTP");
        assert!((seconds(&run, "audio") - 5.0).abs() < 0.0214, "{name}: {} s", seconds(&run, "audio"));
    }
}

fn silence_and_a_silent_room_stay_as_they_are() {
    let silent = transcode(&sounding("silent.mp4", "anullsrc=duration=5", "-t 5 -c:a aac"));
    assert!(silent.outcome.has_audio);
    assert!(loudness_db(&silent.playlist("audio"), "anull") < -85.0);
    let room =
        sounding("room.mp4", "anoisesrc=color=pink:seed=7:amplitude=0.005:duration=5", "-ac 2 -c:a aac -b:a 192k");
    let (before, _) = measured(&room.source);
    let (after, _) = heard(&transcode(&room));
    assert!(before < -50.0 && (after - before).abs() < 1.0, "{before} became {after} LUFS");
}

fn very_quiet_sound_is_raised_within_bounds() {
    let made = sounding("far.mp4", "sine=frequency=1000:duration=5,volume=-24dB", "-ac 2 -c:a aac -b:a 192k");
    let (before, _) = measured(&made.source);
    let (after, _) = heard(&transcode(&made));
    assert!(before < -38.0 && (after - before - 20.0).abs() < 0.7, "{before} became {after} LUFS");
}

fn resumed_sound_is_as_loud_as_the_rest() {
    // Quiet at first and loud in the end: judged on its own, the end would be turned down further.
    let made = make(
        "swells.mp4",
        "-f lavfi -i color=gray:size=64x64:rate=25:duration=13 \
         -f lavfi -i aevalsrc='(0.02+0.03*t)*sin(2*PI*500*t)':duration=13:sample_rate=48000 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac -b:a 192k",
    );
    let whole = transcode(&made);
    let mut options = options();
    options.resume = Some(whole.resume_after(2));
    let resumed = try_go_on(&made, &options, &whole.facts(2)).expect("a resumed clip");
    let end = |run: &Run| loudness_db(&run.alone("audio", 6), "anull");
    assert!((end(&whole) - end(&resumed)).abs() < 0.1, "{} and {} dB", end(&whole), end(&resumed));
}

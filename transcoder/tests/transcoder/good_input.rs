//! Sources that must become clips, and right ones.

use crate::{Case, media::{ffprobe, make}, run::transcode};

pub const CASES: &[Case] = &[
    ("an_ordinary_clip_becomes_a_ladder_with_sound", an_ordinary_clip_becomes_a_ladder_with_sound),
];

fn an_ordinary_clip_becomes_a_ladder_with_sound() {
    let made = make(
        "clip.mp4",
        "-f lavfi -i testsrc2=size=540x960:rate=30:duration=4 -f lavfi -i sine=frequency=440:duration=4 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -shortest",
    );
    let run = transcode(&made);
    assert_eq!(run.rungs(), ["v360", "v540"]);
    assert_eq!(run.outcome.duration_ms, 4000);
    for rung in run.rungs() {
        let frames = ffprobe(&run.playlist(rung), "-count_frames -select_streams v -show_entries stream=nb_read_frames");
        assert_eq!(frames, ["120"], "{rung}");
    }
    println!("{}", run.outcome.package.multivariant);
}

//! Families that are made later: the same pictures in another codec, or with more effort.

use std::{fs, path::Path};

use estrade_testkit::hls;
use estrade_transcoder::{
    Resume,
    package::{ChunkFacts, InitReport, Package, multivariant_with},
    plan::{Codec, Family},
};

use crate::{
    Case,
    good_input::tone_and_pattern,
    media::{Made, decoded, ffprobe},
    run::{Run, options, transcode, try_go_on},
};

pub const CASES: &[Case] = &[
    ("families_have_the_same_pictures_and_all_of_it_is_valid", families_have_the_same_pictures),
    ("a_family_goes_on_where_it_was_left", a_family_goes_on_where_it_was_left),
];

/// Two small rungs and sound, three segments in two chunks.
fn source() -> Made {
    tone_and_pattern("clip.mp4", "406x720", "15", "4", "")
}

/// Makes a family of a clip, from the chunk after `earlier` on.
fn make_family(made: &Made, first: &Run, family: Family, earlier: &[ChunkFacts]) -> Run {
    let mut options = options();
    let inits: Vec<InitReport> = earlier.first().map(|chunk| chunk.inits.clone()).unwrap_or_default();
    let plan = first.plan.of_family(family);
    options.resume = Some(Resume { plan, first_chunk: earlier.len(), inits, poster_over: None });
    try_go_on(made, &options, earlier).unwrap_or_else(|error| panic!("no family: {error} ({error:?})"))
}

/// Lays families beside the first one, as they are served.
fn stand_together(first: &Run, families: &[&Run]) -> hls::Package {
    for family in families {
        for name in family.rungs() {
            let folder = first.work.join(name);
            fs::create_dir_all(&folder).expect("a folder");
            for entry in fs::read_dir(family.work.join(name)).expect("a rendition") {
                let path = entry.expect("a file").path();
                fs::copy(&path, folder.join(path.file_name().expect("a name"))).expect("copied");
            }
        }
    }
    let packages: Vec<Package> = families.iter().map(|family| family.outcome.package.clone()).collect();
    fs::write(first.work.join("index.m3u8"), multivariant_with(&first.outcome.package, &packages)).expect("written");
    hls::Package::from_folder(&first.work).expect("every file that is referred to")
}

fn families_have_the_same_pictures() {
    let made = source();
    let first = transcode(&made);
    let (av1, slow) = (make_family(&made, &first, Family::Av1, &[]), make_family(&made, &first, Family::Slow, &[]));
    assert!(av1.outcome.poster.is_none() && !av1.outcome.has_audio && av1.outcome.package.storyboard.is_none());
    let usage = av1.outcome.usage.expect("the child lived to the end");
    assert!(usage.peak_memory_bytes < 1_000_000_000, "{usage:?}");
    assert_same_pictures(&first, &av1, Codec::Av1);
    assert_same_pictures(&first, &slow, Codec::Avc);
    let mut package = stand_together(&first, &[&av1, &slow]);
    assert_eq!(hls::check(&package), []);
    let text = String::from_utf8(package.get("index.m3u8").expect("a playlist").to_vec()).expect("text");
    let variants: Vec<&str> =
        text.lines().filter(|line| line.ends_with("/index.m3u8") && !line.contains('"')).collect();
    assert_eq!(variants, ["s406", "s360", "a360", "a406", "audio"].map(|name| format!("{name}/index.m3u8")), "{text}");
    assert!(text.contains("CODECS=\"av01.0.") && text.contains(",mp4a.40.2\""), "{text}");
    say_another_level(&mut package);
    let found: Vec<&str> = hls::check(&package).iter().map(|finding| finding.rule).collect();
    assert!(found.contains(&"record_true") && found.contains(&"codecs_true"), "{found:?}");
}

fn assert_same_pictures(first: &Run, family: &Run, codec: Codec) {
    for (rung, like) in family.plan.rungs.iter().zip(&first.plan.rungs) {
        assert_eq!(rung.codec, codec);
        let times = |path: &Path| {
            let mut times = ffprobe(path, "-select_streams v -show_entries packet=pts_time");
            times.sort();
            times
        };
        let (own, other) = (family.playlist(&rung.name), first.playlist(&like.name));
        assert_eq!(times(&own), times(&other), "{}", rung.name);
        let (own, other) = (decoded(&own), decoded(&other));
        assert_eq!(own.len(), other.len());
        let off: u64 = own.iter().zip(&other).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(off < 4 * own.len() as u64, "{}: {off} over {} samples", rung.name, own.len());
    }
}

/// Makes the record of an AV1 rung say another level than the stream.
fn say_another_level(package: &mut hls::Package) {
    let mut init = package.get("a360/init.mp4").expect("an init segment").to_vec();
    let at = init.windows(4).position(|four| four == b"av1C").expect("a record");
    init[at + 5] += 1;
    package.insert("a360/init.mp4", init);
}

fn a_family_goes_on_where_it_was_left() {
    let made = source();
    let first = transcode(&made);
    let whole = make_family(&made, &first, Family::Av1, &[]);
    let rest = make_family(&made, &first, Family::Av1, &whole.facts(1));
    assert_eq!(rest.chunks.len(), first.plan.chunks.len() - 1);
    assert!(rest.outcome.package.complete);
    let segments = first.plan.segment_starts.len();
    for name in rest.rungs() {
        for segment in rest.plan.chunks[1].segment_range() {
            // A segment has an encoder of its own, so it is the same whoever makes it.
            let [again, before] = [&rest, &whole].map(|run| fs::read(run.alone(name, segment)).expect("readable"));
            assert!(again == before, "{name}, segment {segment}");
        }
    }
    assert!(rest.outcome.package.renditions.iter().all(|made| made.segments.len() == segments));
}

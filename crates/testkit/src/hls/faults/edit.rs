//! How packages are broken: in text, in boxes, in bits. A fault that changes nothing is a mistake and panics.

use std::fmt::Write as _;

use super::super::Package;
use super::super::boxes::{boxes, first};
use super::super::fragment;
use super::super::init::Init;

/// Replaces `from` by `to` wherever it stands in a playlist.
pub(super) fn text(package: &mut Package, name: &str, from: &str, to: &str) {
    let old = String::from_utf8(package.get(name).expect("the playlist").to_vec()).expect("text");
    let new = old.replace(from, to);
    assert_ne!(old, new, "{from:?} is not in {name}");
    package.insert(name, new.into_bytes());
}

/// Takes away the lines of a playlist that begin with `start`.
pub(super) fn without_line(package: &mut Package, name: &str, start: &str) {
    let old = String::from_utf8(package.get(name).expect("the playlist").to_vec()).expect("text");
    let kept: Vec<&str> = old.lines().filter(|line| !line.starts_with(start)).collect();
    let new = kept.join("\n") + "\n";
    assert_ne!(old, new, "no line of {name} begins with {start:?}");
    package.insert(name, new.into_bytes());
}

/// Multiplies a number of a variant.
pub(super) fn times(package: &mut Package, variant: &str, attribute: &str, factor: f64) {
    let old = String::from_utf8(package.get("index.m3u8").expect("a playlist").to_vec()).expect("text");
    let line = old.lines().zip(old.lines().skip(1)).find(|(_, uri)| uri.starts_with(variant)).expect("the variant").0;
    let (before, after) = line.split_once(attribute).expect("the attribute");
    let (number, after) = after.split_once(',').expect("more attributes");
    let number: f64 = number.parse().expect("a number");
    text(package, "index.m3u8", line, &format!("{before}{attribute}{:.0},{after}", number * factor));
}

/// The last segment of a playlist is not listed.
pub(super) fn without_last(package: &mut Package, name: &str) {
    let old = String::from_utf8(package.get(name).expect("the playlist").to_vec()).expect("text");
    let at = old.rfind("#EXTINF").expect("a segment");
    package.insert(name, format!("{}#EXT-X-ENDLIST\n", &old[..at]).into_bytes());
}

/// Gives the segments of a playlist these lengths.
pub(super) fn lengths(package: &mut Package, name: &str, secs: &[f64]) {
    let old = String::from_utf8(package.get(name).expect("the playlist").to_vec()).expect("text");
    let mut secs = secs.iter();
    let lines = old.lines().map(|line| match line.strip_prefix("#EXTINF:") {
        Some(_) => format!("#EXTINF:{:.6},\n", secs.next().expect("a length for each")),
        None => format!("{line}\n"),
    });
    package.insert(name, lines.collect::<String>().into_bytes());
}

/// Changes bytes of the content of the first box of that kind.
pub(super) fn bytes(package: &mut Package, name: &str, kind: [u8; 4], at: usize, new: &[u8]) {
    let mut file = package.get(name).expect("the file").to_vec();
    let start = file.windows(4).position(|four| four == kind).expect("the box") + 4 + at;
    assert_ne!(&file[start..start + new.len()], new, "{name} is like that already");
    file[start..start + new.len()].copy_from_slice(new);
    package.insert(name, file);
}

/// Gives a box another name.
pub(super) fn rename(package: &mut Package, name: &str, from: [u8; 4], to: [u8; 4]) {
    let mut file = package.get(name).expect("the file").to_vec();
    let start = file.windows(4).position(|four| four == from).expect("the box");
    file[start..start + 4].copy_from_slice(&to);
    package.insert(name, file);
}

/// Adds a box at the end of a file.
pub(super) fn append(package: &mut Package, name: &str, kind: [u8; 4], content: &[u8]) {
    let mut file = package.get(name).expect("the file").to_vec();
    file.extend_from_slice(&u32::try_from(content.len() + 8).expect("small").to_be_bytes());
    file.extend_from_slice(&kind);
    file.extend_from_slice(content);
    package.insert(name, file);
}

/// Cuts a file short.
pub(super) fn cut(package: &mut Package, name: &str, by: usize) {
    let file = package.get(name).expect("the file");
    let kept = file[..file.len() - by].to_vec();
    package.insert(name, kept);
}

/// Moves the decoding times of all segments of a rendition.
pub(super) fn later(package: &mut Package, rendition: &str, ticks: u64) {
    for name in package.names().into_iter().filter(|name| name.starts_with(rendition) && name.contains("/s0")) {
        let mut file = package.get(&name).expect("a segment").to_vec();
        let at = file.windows(4).position(|four| four == b"tfdt").expect("a tfdt") + 8;
        let time = u64::from_be_bytes(file[at..at + 8].try_into().expect("eight bytes")) + ticks;
        file[at..at + 8].copy_from_slice(&time.to_be_bytes());
        package.insert(name, file);
    }
}

/// A sequence parameter set that says what a fault needs; everything else as in ours.
pub(super) struct Sps {
    pub(super) profile: u32,
    pub(super) level: u32,
    pub(super) bits: u32,
    pub(super) is_progressive: bool,
    pub(super) aspect: [u32; 2],
}

impl Sps {
    pub(super) const OURS: Self = Self { profile: 100, level: 30, bits: 8, is_progressive: true, aspect: [1, 1] };

    /// 720 × 406 pixels, BT.709.
    fn nal(&self) -> Vec<u8> {
        let mut bits = BitWriter::default();
        for value in [0x67, self.profile, 0, self.level] {
            bits.put(8, value);
        }
        for value in [0, 1, self.bits - 8, self.bits - 8] {
            bits.exp_golomb(value);
        }
        bits.put(2, 0);
        for value in [0, 2, 4] {
            bits.exp_golomb(value);
        }
        bits.put(1, 0);
        let (rows, cut) = if self.is_progressive { (26, 5) } else { (13, 2) };
        bits.exp_golomb(45 - 1);
        bits.exp_golomb(rows - 1);
        bits.put(1, u32::from(self.is_progressive));
        if !self.is_progressive {
            bits.put(1, 0);
        }
        bits.put(2, 3);
        for value in [0, 0, 0, cut] {
            bits.exp_golomb(value);
        }
        for (width, value) in [(1, 1), (1, 1), (8, 255), (16, self.aspect[0]), (16, self.aspect[1]), (1, 0)] {
            bits.put(width, value);
        }
        for (width, value) in [(1, 1), (3, 5), (1, 0), (1, 1), (8, 1), (8, 1), (8, 1), (6, 0), (1, 1)] {
            bits.put(width, value);
        }
        bits.into_nal()
    }

    /// Puts it into an initialisation segment.
    pub(super) fn put(&self, package: &mut Package, name: &str) {
        let file = package.get(name).expect("an initialisation segment").to_vec();
        let at = file.windows(4).position(|four| four == b"avcC").expect("an avcC");
        let nal = self.nal();
        let narrow = |value: u32| u8::try_from(value).expect("a byte");
        let mut record = vec![1, narrow(self.profile), 0, narrow(self.level), 0xff, 0xe1];
        record.extend_from_slice(&u16::try_from(nal.len()).expect("small").to_be_bytes());
        record.extend_from_slice(&nal);
        record.extend_from_slice(&[1, 0, 4, 0x68, 0xee, 0x3c, 0x80, 0xfd, 0xf8, 0xf8, 0]);
        let box_size = usize::try_from(u32::from_be_bytes(file[at - 4..at].try_into().expect("four"))).expect("small");
        let mut new = file[..at + 4].to_vec();
        new.extend_from_slice(&record);
        new.extend_from_slice(&file[at - 4 + box_size..]);
        let grown = i64::try_from(new.len()).expect("small") - i64::try_from(file.len()).expect("small");
        resize(&mut new, &file, at - 4, grown);
        package.insert(name, new);
    }
}

/// Corrects the sizes of the boxes around and at `at`, which grew.
fn resize(new: &mut [u8], old: &[u8], at: usize, grown: i64) {
    let mut start = 0;
    let mut end = old.len();
    while start < end {
        let size = usize::try_from(u32::from_be_bytes(old[start..start + 4].try_into().expect("four"))).expect("small");
        if at >= start + size {
            start += size;
            continue;
        }
        let corrected = i64::try_from(size).expect("small") + grown;
        new[start..start + 4].copy_from_slice(&u32::try_from(corrected).expect("small").to_be_bytes());
        if start == at {
            return;
        }
        end = start + size;
        start += match &old[start + 4..start + 8] {
            b"stsd" => 16,
            b"avc1" => 8 + 78,
            _ => 8,
        };
    }
}

#[derive(Default)]
struct BitWriter {
    bits: Vec<bool>,
}

impl BitWriter {
    fn put(&mut self, width: u32, value: u32) {
        self.bits.extend((0..width).rev().map(|at| value >> at & 1 == 1));
    }

    fn exp_golomb(&mut self, value: u32) {
        let width = u32::BITS - (value + 1).leading_zeros();
        self.put(width - 1, 0);
        self.put(width, value + 1);
    }

    /// Bytes with the emulation prevention that NAL units need.
    fn into_nal(self) -> Vec<u8> {
        let mut nal: Vec<u8> = Vec::new();
        for eight in self.bits.chunks(8) {
            let byte = eight.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at));
            if nal.len() > 1 && nal.ends_with(&[0, 0]) && byte <= 3 {
                nal.push(3);
            }
            nal.push(byte);
        }
        nal
    }
}

/// Adds a good I-frame playlist that points into the segments of `v360`.
pub fn with_i_frames(package: &mut Package) {
    let init = Init::parse(package.get("v360/init.mp4").expect("an init")).expect("readable");
    let mut list = String::from(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-I-FRAMES-ONLY\n\
         #EXT-X-MAP:URI=\"init.mp4\"\n",
    );
    let media = String::from_utf8(package.get("v360/index.m3u8").expect("a playlist").to_vec()).expect("text");
    let mut lines = media.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.starts_with("#EXTINF").then(|| lines.next().expect("a segment")) else { continue };
        let file = package.get(&format!("v360/{name}")).expect("a segment");
        let (fragments, _) = fragment::parse(file, init.track().expect("a track")).expect("readable");
        let sample = fragments[0].samples[0];
        let moof = first(&boxes(file, 0).expect("boxes"), *b"moof").expect("a moof").start;
        let length = sample.at + sample.size - moof;
        writeln!(list, "{line}\n#EXT-X-BYTERANGE:{length}@{moof}\n{name}").expect("text grows");
    }
    package.insert("v360/iframes.m3u8", (list + "#EXT-X-ENDLIST\n").into_bytes());
    let mut multivariant = package.get("index.m3u8").expect("a playlist").to_vec();
    multivariant.extend_from_slice(
        b"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,CODECS=\"avc1.64001e\",RESOLUTION=638x360,\
          URI=\"v360/iframes.m3u8\"\n",
    );
    package.insert("index.m3u8", multivariant);
}

/// Adds good subtitles.
pub fn with_subtitles(package: &mut Package) {
    package.insert("subs/all.vtt", b"WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n".to_vec());
    package.insert(
        "subs/index.m3u8",
        b"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:7.0,\nall.vtt\n\
          #EXT-X-ENDLIST\n"
            .to_vec(),
    );
    text(package, "index.m3u8", ",AUDIO=\"audio\"", ",AUDIO=\"audio\",SUBTITLES=\"subs\"");
    text(
        package,
        "index.m3u8",
        "#EXT-X-INDEPENDENT-SEGMENTS\n",
        "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subs\",NAME=\"English\",LANGUAGE=\"en\",\
         URI=\"subs/index.m3u8\"\n",
    );
}

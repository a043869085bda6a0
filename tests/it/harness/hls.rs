//! Playlists as a player reads them.

use std::collections::BTreeMap;

use estrade_testkit::hls::{self, Package};

use super::client::Client;

#[derive(Debug)]
pub struct Variant {
    pub attributes: BTreeMap<String, String>,
    pub uri: String,
}

#[derive(Debug)]
pub struct Multivariant {
    pub variants: Vec<Variant>,
    /// Address of the sound's playlist.
    pub audio: Option<String>,
    /// Attributes of the subtitles, their addresses absolute.
    pub subtitles: Vec<BTreeMap<String, String>>,
    /// The variant that is sound alone.
    pub sound_only: Option<Variant>,
    /// Addresses of the playlists of key pictures.
    pub keys: Vec<String>,
}

#[derive(Debug)]
pub struct MediaPlaylist {
    pub text: String,
    pub init: String,
    /// Addresses and durations in seconds.
    pub segments: Vec<(String, f64)>,
}

/// `base` with `uri` in place of its last part.
pub fn join(base: &str, uri: &str) -> String {
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{uri}")
}

/// `NAME=value,NAME="quoted, value"`.
fn attributes(line: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = line;
    while let Some((name, tail)) = rest.split_once('=') {
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a closing quote"),
            None => tail.find(',').map_or((tail, ""), |at| tail.split_at(at)),
        };
        found.insert(name.to_owned(), value.to_owned());
        rest = tail.strip_prefix(',').unwrap_or("");
    }
    found
}

impl Multivariant {
    pub async fn fetch(client: &Client, url: &str) -> Self {
        let answer = client.get(url).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/vnd.apple.mpegurl");
        let text = answer.text();
        assert!(text.starts_with("#EXTM3U\n"), "{text}");
        let (mut variants, mut audio, mut subtitles, mut pending) = (Vec::new(), None, Vec::new(), None);
        let (mut sound_only, mut keys) = (None, Vec::new());
        for line in text.lines() {
            if let Some(line) = line.strip_prefix("#EXT-X-STREAM-INF:") {
                pending = Some(attributes(line));
            } else if let Some(line) = line.strip_prefix("#EXT-X-MEDIA:") {
                let mut attributes = attributes(line);
                let uri = join(url, &attributes["URI"]);
                if attributes["TYPE"] == "AUDIO" {
                    audio = Some(uri);
                } else {
                    attributes.insert("URI".to_owned(), uri);
                    subtitles.push(attributes);
                }
            } else if let Some(line) = line.strip_prefix("#EXT-X-I-FRAME-STREAM-INF:") {
                keys.push(join(url, &attributes(line)["URI"]));
            } else if !line.starts_with('#') && !line.is_empty() {
                assert!(sound_only.is_none(), "sound alone is the last variant: {text}");
                let attributes = pending.take().expect("a STREAM-INF");
                let variant = Variant { attributes, uri: join(url, line) };
                if variant.attributes.contains_key("RESOLUTION") {
                    variants.push(variant);
                } else {
                    sound_only = Some(variant);
                }
            }
        }
        Self { variants, audio, subtitles, sound_only, keys }
    }

    /// Short edges, in order.
    pub fn rungs(&self) -> Vec<u32> {
        let edge = |variant: &Variant| {
            let (width, height) = variant.attributes["RESOLUTION"].split_once('x').expect("WxH");
            width.parse::<u32>().expect("a width").min(height.parse().expect("a height"))
        };
        let mut rungs: Vec<u32> = self.variants.iter().map(edge).collect();
        rungs.sort_unstable();
        rungs
    }
}

impl MediaPlaylist {
    pub async fn fetch(client: &Client, url: &str) -> Self {
        let text = client.get(url).await.expect(200).text();
        assert!(text.starts_with("#EXTM3U\n"), "{text}");
        let init = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MAP:")).expect("an init segment");
        let init = join(url, &attributes(init)["URI"]);
        let mut segments = Vec::new();
        let mut duration = None;
        for line in text.lines() {
            if let Some(line) = line.strip_prefix("#EXTINF:") {
                duration = line.trim_end_matches(',').parse().ok();
            } else if !line.starts_with('#') {
                segments.push((join(url, line), duration.take().expect("an EXTINF")));
            }
        }
        Self { text, init, segments }
    }

    /// Init segment and segments, one after the other.
    pub async fn bytes(&self, client: &Client) -> Vec<u8> {
        let mut bytes = client.get(&self.init).await.expect(200).body.to_vec();
        for (url, _) in &self.segments {
            bytes.extend_from_slice(&client.get(url).await.expect(200).body);
        }
        bytes
    }

    pub fn duration_secs(&self) -> f64 {
        self.segments.iter().map(|(_, duration)| duration).sum()
    }
}

/// The second reader finds nothing wrong with a package as it is served.
pub async fn check_validity(client: &Client, url: &str) {
    let mut package = Package::default();
    loop {
        let wanted = package.wanted();
        if wanted.is_empty() {
            break;
        }
        for name in wanted {
            let bytes = client.get(&join(url, &name)).await.expect(200).body.to_vec();
            package.insert(name, bytes);
        }
    }
    let findings: Vec<String> = hls::check(&package).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{url} is not valid:\n{}", findings.join("\n"));
}

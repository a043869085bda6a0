//! Playlists, read strictly by the grammar of RFC 8216.

use std::collections::BTreeSet;

/// A value of an attribute list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Without quotation marks.
    pub text: String,
    /// It stood between quotation marks.
    pub is_quoted: bool,
}

/// `NAME=value,NAME="value"`, in order.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Vec<(String, Value)>);

impl Attributes {
    fn parse(list: &str) -> Result<Self, String> {
        let mut found: Vec<(String, Value)> = Vec::new();
        let mut rest = list;
        loop {
            let (name, tail) = rest.split_once('=').ok_or_else(|| format!("an attribute without value in {list}"))?;
            let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || !name.bytes().all(legal) {
                return Err(format!("{name:?} is no attribute name"));
            }
            let (text, is_quoted, tail) = if let Some(quoted) = tail.strip_prefix('"') {
                let (text, tail) = quoted.split_once('"').ok_or_else(|| format!("{name} is not closed"))?;
                (text, true, tail)
            } else {
                let (text, tail) = tail.split_at(tail.find(',').unwrap_or(tail.len()));
                (text, false, tail)
            };
            if !is_quoted && (text.is_empty() || text.contains(['"', ' '])) {
                return Err(format!("{name} has an illegal value"));
            }
            if found.iter().any(|(known, _)| known == name) {
                return Err(format!("{name} stands there twice"));
            }
            found.push((name.to_owned(), Value { text: text.to_owned(), is_quoted }));
            match tail.strip_prefix(',') {
                Some(more) => rest = more,
                None if tail.is_empty() => return Ok(Self(found)),
                None => return Err(format!("{tail:?} follows {name}")),
            }
        }
    }

    /// The text of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.value(name).map(|value| value.text.as_str())
    }

    /// An attribute.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A decimal integer.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(integer)
    }

    /// A decimal number.
    pub fn decimal(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(decimal)
    }
}

fn integer(text: &str) -> Option<u64> {
    let digits = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn decimal(text: &str) -> Option<f64> {
    let legal = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    legal.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

enum Line<'a> {
    Tag(&'a str, &'a str),
    Uri(&'a str),
}

fn lines(text: &str) -> Result<Vec<Line<'_>>, String> {
    let mut all = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    if all.next() != Some("#EXTM3U") {
        return Err("the first line is not #EXTM3U".into());
    }
    let mut found = Vec::new();
    for line in all {
        if line.chars().any(char::is_control) {
            return Err(format!("control characters in {line:?}"));
        }
        if let Some(tag) = line.strip_prefix("#EXT") {
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            found.push(Line::Tag(name, value));
        } else if !line.is_empty() && !line.starts_with('#') {
            found.push(Line::Uri(line));
        }
    }
    Ok(found)
}

/// `uri` seen from the playlist `base`, if it stays below the package.
pub(super) fn resolve(base: &str, uri: &str) -> Option<String> {
    let is_plain = !uri.is_empty() && !uri.starts_with('/') && !uri.contains([':', '?', '#', '\\', '%']);
    let parts_are_names = uri.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let folder = base.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    (is_plain && parts_are_names).then(|| format!("{folder}{uri}"))
}

/// A variant of the multivariant playlist.
#[derive(Debug, Clone)]
pub struct Variant {
    /// `EXT-X-STREAM-INF`.
    pub attributes: Attributes,
    /// Address of its media playlist.
    pub uri: String,
}

/// A multivariant playlist.
#[derive(Debug, Clone, Default)]
pub struct Multivariant {
    /// Every `EXT-X-VERSION`.
    pub versions: Vec<u64>,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub is_independent: bool,
    /// In their order.
    pub variants: Vec<Variant>,
    /// `EXT-X-MEDIA`.
    pub renditions: Vec<Attributes>,
    /// `EXT-X-I-FRAME-STREAM-INF`.
    pub i_frames: Vec<Attributes>,
}

impl Multivariant {
    /// Reads the text of one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        let mut pending = None;
        for line in lines(text)? {
            match line {
                Line::Uri(uri) => {
                    let attributes = pending.take().ok_or_else(|| format!("{uri} has no EXT-X-STREAM-INF"))?;
                    found.variants.push(Variant { attributes, uri: uri.to_owned() });
                }
                Line::Tag(name, _) if pending.is_some() => return Err(format!("EXT{name} instead of an address")),
                Line::Tag("-X-VERSION", value) => found.versions.push(integer(value).ok_or("no version")?),
                Line::Tag("-X-INDEPENDENT-SEGMENTS", "") => found.is_independent = true,
                Line::Tag("-X-STREAM-INF", value) => pending = Some(Attributes::parse(value)?),
                Line::Tag("-X-MEDIA", value) => found.renditions.push(Attributes::parse(value)?),
                Line::Tag("-X-I-FRAME-STREAM-INF", value) => found.i_frames.push(Attributes::parse(value)?),
                Line::Tag("-X-START", value) => drop(Attributes::parse(value)?),
                Line::Tag(name, _) => return Err(format!("EXT{name} does not belong into a multivariant playlist")),
            }
        }
        if pending.is_some() || found.variants.is_empty() {
            return Err("a variant is missing".into());
        }
        Ok(found)
    }

    /// Addresses of all media playlists, each once.
    pub(super) fn playlists(&self) -> BTreeSet<String> {
        let named = self.renditions.iter().chain(&self.i_frames).filter_map(|attributes| attributes.get("URI"));
        self.variants.iter().map(|variant| variant.uri.as_str()).chain(named).map(str::to_owned).collect()
    }
}

/// A file or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its address.
    pub uri: String,
    /// First byte and length.
    pub range: Option<(u64, u64)>,
}

/// A segment of a media playlist.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its length.
    pub secs: f64,
    /// Where it is.
    pub piece: Piece,
    /// `EXT-X-DISCONTINUITY` stands before it.
    pub has_discontinuity: bool,
    /// An initialisation segment is known.
    pub has_map: bool,
}

/// A media playlist.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a tag that stands there or not")]
pub struct MediaPlaylist {
    /// Every `EXT-X-VERSION`.
    pub versions: Vec<u64>,
    /// `EXT-X-TARGETDURATION`.
    pub target_secs: Option<u64>,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub sequence: Option<u64>,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub kind: Option<String>,
    /// `EXT-X-ENDLIST`.
    pub has_end: bool,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub is_independent: bool,
    /// `EXT-X-I-FRAMES-ONLY`.
    pub is_i_frames: bool,
    /// A length has decimals.
    pub has_fractions: bool,
    /// `EXT-X-START`.
    pub start_secs: Option<f64>,
    /// Every `EXT-X-MAP`.
    pub maps: Vec<Piece>,
    /// Segments in their order.
    pub entries: Vec<Entry>,
}

/// What the tags before a segment say of it.
#[derive(Default)]
struct Pending {
    secs: Option<f64>,
    range: Option<(Option<u64>, u64)>,
    has_discontinuity: bool,
}

impl MediaPlaylist {
    /// Reads the text of one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        let mut pending = Pending::default();
        for line in lines(text)? {
            if found.has_end && !matches!(line, Line::Tag("-X-START" | "-X-INDEPENDENT-SEGMENTS", _)) {
                return Err("something follows EXT-X-ENDLIST".into());
            }
            match line {
                Line::Uri(uri) => found.add_entry(uri, &std::mem::take(&mut pending))?,
                Line::Tag("INF", value) => {
                    let (secs, _title) = value.split_once(',').ok_or("EXTINF without a comma")?;
                    found.has_fractions |= secs.contains('.');
                    pending.secs = Some(decimal(secs).ok_or_else(|| format!("EXTINF:{value}"))?);
                }
                Line::Tag("-X-BYTERANGE", value) => pending.range = Some(range(value)?),
                Line::Tag("-X-DISCONTINUITY", "") => pending.has_discontinuity = true,
                Line::Tag(name, value) => found.take_tag(name, value)?,
            }
        }
        if pending.secs.is_some() {
            return Err("an EXTINF without a segment".into());
        }
        Ok(found)
    }

    fn take_tag(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || integer(value).ok_or_else(|| format!("EXT{name}:{value}"));
        let once = |taken: bool| if taken { Err(format!("EXT{name} stands there twice")) } else { Ok(()) };
        match name {
            "-X-VERSION" => self.versions.push(number()?),
            "-X-TARGETDURATION" => {
                once(self.target_secs.is_some())?;
                self.target_secs = Some(number()?);
            }
            "-X-MEDIA-SEQUENCE" => {
                once(self.sequence.is_some())?;
                self.sequence = Some(number()?);
            }
            "-X-PLAYLIST-TYPE" => {
                once(self.kind.is_some())?;
                self.kind = Some(value.to_owned());
            }
            "-X-ENDLIST" => self.has_end = true,
            "-X-INDEPENDENT-SEGMENTS" => self.is_independent = true,
            "-X-I-FRAMES-ONLY" => self.is_i_frames = true,
            "-X-START" => {
                let start = Attributes::parse(value)?.decimal("TIME-OFFSET");
                self.start_secs = Some(start.ok_or("EXT-X-START without TIME-OFFSET")?);
            }
            "-X-MAP" => self.maps.push(map(&Attributes::parse(value)?)?),
            _ => return Err(format!("EXT{name} does not belong into a media playlist of ours")),
        }
        Ok(())
    }

    fn add_entry(&mut self, uri: &str, pending: &Pending) -> Result<(), String> {
        let secs = pending.secs.ok_or_else(|| format!("{uri} has no EXTINF"))?;
        let range = match pending.range {
            None => None,
            Some((Some(first), length)) => Some((first, length)),
            Some((None, length)) => {
                let before = self.entries.last().filter(|entry| entry.piece.uri == uri).and_then(|e| e.piece.range);
                let (first, before) = before.ok_or_else(|| format!("{uri} continues nothing"))?;
                Some((first.checked_add(before).ok_or("a byte range beyond all numbers")?, length))
            }
        };
        let piece = Piece { uri: uri.to_owned(), range };
        let has_map = !self.maps.is_empty();
        self.entries.push(Entry { secs, piece, has_discontinuity: pending.has_discontinuity, has_map });
        Ok(())
    }

    /// Addresses of all files, each once.
    pub(super) fn files(&self) -> BTreeSet<String> {
        let entries = self.entries.iter().map(|entry| &entry.piece);
        self.maps.iter().chain(entries).map(|piece| piece.uri.clone()).collect()
    }

    pub(super) fn secs(&self) -> f64 {
        self.entries.iter().map(|entry| entry.secs).sum()
    }
}

/// `LENGTH` or `LENGTH@FIRST`.
fn range(text: &str) -> Result<(Option<u64>, u64), String> {
    let illegal = || format!("{text:?} is no byte range");
    let (length, first) = match text.split_once('@') {
        Some((length, first)) => (length, Some(integer(first).ok_or_else(illegal)?)),
        None => (text, None),
    };
    Ok((first, integer(length).ok_or_else(illegal)?))
}

fn map(attributes: &Attributes) -> Result<Piece, String> {
    let uri = attributes.value("URI").filter(|uri| uri.is_quoted).ok_or("EXT-X-MAP without URI")?;
    let range = match attributes.get("BYTERANGE") {
        Some(text) => match range(text)? {
            (Some(first), length) => Some((first, length)),
            (None, _) => return Err("EXT-X-MAP with half a byte range".into()),
        },
        None => None,
    };
    Ok(Piece { uri: uri.text.clone(), range })
}

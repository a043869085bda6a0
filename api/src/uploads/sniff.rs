//! The first bytes of a source say whether it can be a video at all. Pure.

/// Bytes looked at.
pub const SNIFF_BYTES: u64 = 4096;

/// What the first bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// A container that may hold a video; its content type.
    Container(&'static str),
    /// Something else; what, in the words of people, when it is recognised.
    Other(Option<&'static str>),
}

/// Length of a transport stream's packet, and of one with a time code before it, bytes.
const TS_PACKETS: [(usize, usize); 2] = [(188, 0), (192, 4)];
/// Begins every packet of a transport stream.
const TS_SYNC: u8 = 0x47;

/// First bytes of containers.
const CONTAINERS: &[(&[u8], &str)] = &[
    (b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
    (b"FLV\x01", "video/x-flv"),
    (b"OggS", "video/ogg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
];

/// First bytes of what people pick by mistake, or send on purpose.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"GIF8", "a picture"),
    (b"BM", "a picture"),
    (b"II*\0", "a picture"),
    (b"MM\0*", "a picture"),
    (b"ID3", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"#EXTM3U", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"%PDF", "a document"),
    (b"PK\x03\x04", "an archive"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"\x1f\x8b", "an archive"),
    (b"<", "a web page"),
    (b"{", "text"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
];

/// Boxes an ISO or `QuickTime` file may begin with.
const BOXES: &[&[u8]] = &[b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"];
/// Brands of pictures in the same container.
const PICTURE_BRANDS: &[&[u8]] = &[b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"];

/// Recognises `head`, the first [`SNIFF_BYTES`] of a source or all of a shorter one.
pub fn sniff(head: &[u8]) -> Sniffed {
    if let Some(sniffed) = sniff_boxes(head).or_else(|| sniff_riff(head)) {
        return sniffed;
    }
    if let Some((_, kind)) = CONTAINERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Sniffed::Container(kind);
    }
    if is_transport_stream(head) {
        return Sniffed::Container("video/mp2t");
    }
    let other = OTHERS.iter().find(|(magic, _)| head.starts_with(magic));
    Sniffed::Other(other.map(|(_, what)| *what))
}

fn sniff_boxes(head: &[u8]) -> Option<Sniffed> {
    let name = head.get(4..8)?;
    if !BOXES.contains(&name) {
        return None;
    }
    let brand = head.get(8..12).unwrap_or_default();
    Some(match (name, brand) {
        (b"ftyp", brand) if PICTURE_BRANDS.contains(&brand) => Sniffed::Other(Some("a picture")),
        (b"ftyp", b"qt  ") => Sniffed::Container("video/quicktime"),
        (b"ftyp" | b"styp", _) => Sniffed::Container("video/mp4"),
        _ => Sniffed::Container("video/quicktime"),
    })
}

fn sniff_riff(head: &[u8]) -> Option<Sniffed> {
    head.starts_with(b"RIFF").then(|| match head.get(8..12) {
        Some(b"AVI ") => Sniffed::Container("video/x-msvideo"),
        Some(b"WEBP") => Sniffed::Other(Some("a picture")),
        Some(b"WAVE") => Sniffed::Other(Some("a sound file")),
        _ => Sniffed::Other(None),
    })
}

/// At least two packets in a row begin with the sync byte, and every one that is there does.
fn is_transport_stream(head: &[u8]) -> bool {
    TS_PACKETS.iter().any(|&(packet, first)| {
        let mut starts = head.iter().skip(first).step_by(packet).peekable();
        head.len() > first + packet && starts.all(|byte| *byte == TS_SYNC)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn padded(head: &[u8]) -> Vec<u8> {
        let mut bytes = head.to_vec();
        bytes.resize(1000, 0);
        bytes
    }

    #[test]
    fn containers_are_recognised_whatever_their_name() {
        for (head, kind) in [
            (&b"\0\0\0\x1cftypmp42"[..], "video/mp4"),
            (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
            (b"\0\0\0\x08wide\0\0", "video/quicktime"),
            (b"\x1a\x45\xdf\xa3", "video/x-matroska"),
            (b"RIFF\0\0\0\0AVI ", "video/x-msvideo"),
            (b"FLV\x01\x05", "video/x-flv"),
        ] {
            assert_eq!(sniff(&padded(head)), Sniffed::Container(kind), "{head:?}");
        }
    }

    #[test]
    fn what_is_no_video_is_named() {
        for (head, what) in [
            (&b"\xff\xd8\xff\xe0"[..], Some("a picture")),
            (b"\0\0\0\x18ftypheic", Some("a picture")),
            (b"RIFF\0\0\0\0WEBP", Some("a picture")),
            (b"#EXTM3U\n", Some("a playlist")),
            (b"PK\x03\x04", Some("an archive")),
            (b"hello", None),
        ] {
            assert_eq!(sniff(&padded(head)), Sniffed::Other(what), "{head:?}");
        }
    }

    #[test]
    fn the_shortest_heads_are_no_trap() {
        for length in 0..12 {
            let _ = sniff(&b"\0\0\0\x1cftypmp42"[..length]);
        }
        assert_eq!(sniff(b""), Sniffed::Other(None));
        assert_eq!(sniff(b"\0\0\0\x1cftyp"), Sniffed::Container("video/mp4"));
    }

    #[test]
    fn one_sync_byte_makes_no_transport_stream() {
        let mut stream = vec![0; 4096];
        stream[0] = TS_SYNC;
        assert_eq!(sniff(&stream), Sniffed::Other(None));
        stream.iter_mut().step_by(188).for_each(|byte| *byte = TS_SYNC);
        assert_eq!(sniff(&stream), Sniffed::Container("video/mp2t"));
        assert_eq!(sniff(&stream[..188]), Sniffed::Other(None));
        let mut timed = vec![0; 4096];
        timed.iter_mut().skip(4).step_by(192).for_each(|byte| *byte = TS_SYNC);
        assert_eq!(sniff(&timed), Sniffed::Container("video/mp2t"));
    }

    proptest! {
        #[test]
        fn no_head_makes_it_panic(head in prop::collection::vec(any::<u8>(), 0..600), magic in 0..CONTAINERS.len() + BOXES.len()) {
            let _ = sniff(&head);
            let start = if magic < CONTAINERS.len() {
                CONTAINERS[magic].0.to_vec()
            } else {
                [&[0; 4], BOXES[magic - CONTAINERS.len()]].concat()
            };
            let sniffed = sniff(&[start.as_slice(), &head].concat());
            prop_assert!(sniffed != Sniffed::Other(None), "{:?}", sniffed);
        }
    }
}

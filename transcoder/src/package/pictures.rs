//! Looking at pictures the child wrote: only the parts a picture needs, nothing that could tell
//! where or by what it was taken.

use super::CheckError;

/// Most pictures in an animation.
const MOST_PICTURES: u32 = 64;

/// Size in pixels of a JPEG that holds tables and one scan, and no application data but JFIF's.
pub fn check_jpeg(bytes: &[u8]) -> Result<(u32, u32), CheckError> {
    let short = || CheckError::Size("jpeg".into());
    if !bytes.starts_with(&[0xff, 0xd8]) || !bytes.ends_with(&[0xff, 0xd9]) {
        return Err(CheckError::Missing("the ends of a JPEG"));
    }
    let (mut at, mut size) = (2, None);
    loop {
        let [0xff, marker] = *bytes.get(at..at + 2).ok_or_else(short)? else {
            return Err(CheckError::Content("a JPEG segment does not begin where the last one ended"));
        };
        let length = usize::from(u16_be(bytes, at + 2).ok_or_else(short)?);
        let body = bytes.get(at + 4..at + 2 + length.max(2)).ok_or_else(short)?;
        match marker {
            // JFIF itself, quantisation, Huffman tables, restart interval.
            0xe0 if body.starts_with(b"JFIF\0") && body.len() == 14 => {}
            0xdb | 0xc4 | 0xdd => {}
            0xc0..=0xc2 if size.is_none() => {
                let height = u16_be(body, 1).ok_or_else(short)?;
                let width = u16_be(body, 3).ok_or_else(short)?;
                size = Some((u32::from(width), u32::from(height)));
            }
            0xda => return check_scan(&bytes[at + 2 + length..], size),
            _ => return Err(CheckError::Unexpected(format!("JPEG marker {marker:02x}"))),
        }
        at += 2 + length;
    }
}

/// The scan goes to the end: nothing is hidden behind it.
fn check_scan(scan: &[u8], size: Option<(u32, u32)>) -> Result<(u32, u32), CheckError> {
    let is_plain = |pair: &[u8]| pair[0] != 0xff || matches!(pair[1], 0x00 | 0xd0..=0xd7);
    let entropy = scan.len().saturating_sub(1);
    if scan[..entropy].windows(2).all(is_plain) {
        size.ok_or(CheckError::Missing("the size of a JPEG"))
    } else {
        Err(CheckError::Content("a JPEG goes on after its scan"))
    }
}

/// Size in pixels of a `WebP` picture that holds pictures and no metadata: an animation, or a single
/// picture, which is what becomes of an animation in which nothing moves.
pub fn check_webp(bytes: &[u8]) -> Result<(u32, u32), CheckError> {
    let body = bytes.get(12..).ok_or_else(|| CheckError::Size("webp".into()))?;
    let declared = u32_le(bytes, 4).map(u64::from);
    if &bytes[..4] != b"RIFF" || &bytes[8..12] != b"WEBP" || declared != Some(bytes.len() as u64 - 8) {
        return Err(CheckError::Missing("the header of a WebP picture"));
    }
    let chunks = split_riff(body)?;
    if let [(kind, picture)] = chunks.as_slice() {
        return still_size(*kind, picture);
    }
    let [(head, header), (anim, _), pictures @ ..] = chunks.as_slice() else {
        return Err(CheckError::Missing("VP8X, ANIM"));
    };
    // Of the flags, animation and transparency alone.
    let flags = header.first().copied().unwrap_or(0xff);
    if head != b"VP8X" || anim != b"ANIM" || flags & !0x12 != 0 || flags & 0x02 == 0 {
        return Err(CheckError::Content("the picture is no plain animation"));
    }
    if pictures.is_empty() || pictures.len() > MOST_PICTURES as usize {
        return Err(CheckError::Content("an animation has an impossible number of pictures"));
    }
    for (kind, picture) in pictures {
        let inside = picture.get(16..).filter(|_| kind == b"ANMF");
        let parts = split_riff(inside.ok_or_else(|| CheckError::Unexpected(name(*kind)))?)?;
        if let Some((kind, _)) = parts.iter().find(|(kind, _)| !matches!(kind, b"VP8 " | b"VP8L" | b"ALPH")) {
            return Err(CheckError::Unexpected(name(*kind)));
        }
    }
    let side = |at: usize| u24_le(header, at).map(|side| side + 1).ok_or_else(|| CheckError::Size("VP8X".into()));
    Ok((side(4)?, side(7)?))
}

/// Size of a single picture, from its own header.
fn still_size(kind: [u8; 4], picture: &[u8]) -> Result<(u32, u32), CheckError> {
    let short = || CheckError::Size(name(kind));
    match &kind {
        b"VP8 " if picture.get(3..6) == Some(&[0x9d, 0x01, 0x2a]) => {
            let sides = u32_le(picture, 6).ok_or_else(short)?;
            Ok((sides & 0x3fff, (sides >> 16) & 0x3fff))
        }
        b"VP8L" if picture.first() == Some(&0x2f) => {
            let sides = u32_le(picture, 1).ok_or_else(short)?;
            Ok(((sides & 0x3fff) + 1, ((sides >> 14) & 0x3fff) + 1))
        }
        _ => Err(CheckError::Unexpected(name(kind))),
    }
}

type RiffChunk<'a> = ([u8; 4], &'a [u8]);

/// Chunks one after the other, each padded to an even length, filling `bytes` exactly.
fn split_riff(mut bytes: &[u8]) -> Result<Vec<RiffChunk<'_>>, CheckError> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let kind: [u8; 4] =
            bytes.get(..4).and_then(|kind| kind.try_into().ok()).ok_or_else(|| CheckError::Size("RIFF".into()))?;
        let length = u32_le(bytes, 4).and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
        let end = length.checked_add(8).ok_or_else(|| CheckError::Size(name(kind)))?;
        let body = bytes.get(8..end).ok_or_else(|| CheckError::Size(name(kind)))?;
        found.push((kind, body));
        bytes = bytes.get(end + length % 2..).ok_or_else(|| CheckError::Size(name(kind)))?;
    }
    Ok(found)
}

fn name(kind: [u8; 4]) -> String {
    String::from_utf8_lossy(&kind).into_owned()
}

fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]))
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

fn u24_le(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 3).map(|three| u32::from_le_bytes([three[0], three[1], three[2], 0]))
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
    use proptest::prelude::*;

    use super::*;

    fn jpeg() -> Vec<u8> {
        let pixels: Vec<u8> = (0..48 * 32 * 3u32).map(|at| u8::try_from(at * 7 % 251).expect("a byte")).collect();
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, 80);
        encoder.write_image(&pixels, 48, 32, ExtendedColorType::Rgb8).expect("encoded");
        bytes
    }

    fn riff(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).expect("short");
        let mut bytes = [kind.as_slice(), &length.to_le_bytes(), body].concat();
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes
    }

    /// An animation of 180 × 320 with these chunks after its header.
    fn webp(flags: u8, chunks: &[Vec<u8>]) -> Vec<u8> {
        let header = riff(*b"VP8X", &[flags, 0, 0, 0, 179, 0, 0, 63, 1, 0]);
        let body = [b"WEBP".to_vec(), header, riff(*b"ANIM", &[0; 6]), chunks.concat()].concat();
        riff(*b"RIFF", &body)
    }

    fn picture() -> Vec<u8> {
        riff(*b"ANMF", &[vec![0; 16], riff(*b"VP8 ", &[1, 2, 3])].concat())
    }

    #[test]
    fn a_plain_jpeg_passes_and_tells_its_size() {
        assert_eq!(check_jpeg(&jpeg()), Ok((48, 32)));
    }

    #[test]
    fn a_jpeg_with_metadata_or_a_rider_is_refused() {
        let plain = jpeg();
        let exif = [&[0xff, 0xe1, 0, 8][..], b"Exif\0\0"].concat();
        let with_exif = [&plain[..2], &exif, &plain[2..]].concat();
        assert_eq!(check_jpeg(&with_exif), Err(CheckError::Unexpected("JPEG marker e1".into())));
        let with_rider = [plain.as_slice(), b"secret\xff\xd9"].concat();
        assert!(check_jpeg(&with_rider).is_err());
        for length in 0..plain.len() {
            assert!(check_jpeg(&plain[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_plain_animation_passes_and_metadata_does_not() {
        assert_eq!(check_webp(&webp(0x02, &[picture(), picture()])), Ok((180, 320)));
        assert!(check_webp(&webp(0x02, &[])).is_err());
        assert!(check_webp(&webp(0x0a, &[picture()])).is_err(), "a flag that promises EXIF");
        assert!(check_webp(&webp(0x02, &[picture(), riff(*b"EXIF", b"GPS")])).is_err());
        assert!(check_webp(&webp(0x02, &vec![picture(); 65])).is_err());
        let mut longer = webp(0x02, &[picture()]);
        longer.push(0);
        assert!(check_webp(&longer).is_err());
    }

    #[test]
    fn a_picture_that_does_not_move_passes() {
        let vp8 = [0, 0, 0, 0x9d, 0x01, 0x2a, 200, 0, 98, 1, 7];
        let still = riff(*b"RIFF", &[b"WEBP".as_slice(), &riff(*b"VP8 ", &vp8)].concat());
        assert_eq!(check_webp(&still), Ok((200, 354)));
        let vp8l = riff(*b"RIFF", &[b"WEBP".as_slice(), &riff(*b"VP8L", &[0x2f, 199, 0x40, 0x58, 0])].concat());
        assert_eq!(check_webp(&vp8l), Ok((200, 354)));
        let other = riff(*b"RIFF", &[b"WEBP".as_slice(), &riff(*b"EXIF", &vp8)].concat());
        assert_eq!(check_webp(&other), Err(CheckError::Unexpected("EXIF".into())));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_checkers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (check_jpeg(&bytes), check_webp(&bytes));
        }

        #[test]
        fn no_flipped_byte_makes_the_checkers_panic(at in 0usize..600, value: u8) {
            let (mut one, mut other) = (jpeg(), webp(0x02, &[picture()]));
            let (end, last) = (one.len(), other.len());
            one[at % end] = value;
            other[at % last] = value;
            let _ = (check_jpeg(&one), check_webp(&other));
        }
    }
}

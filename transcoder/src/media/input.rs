//! Opening a source: a file of ours, read through our own hands, under whitelists.

use std::{
    fs::File,
    hint::black_box,
    io::{BufReader, Read},
    path::Path,
};

use ff::{
    Dictionary, Packet,
    format::{
        self,
        context::{Input, StreamIo},
    },
};
use ffmpeg_next as ff;

use super::{
    MediaError, codecs,
    error::{Next, next},
    raw,
};
use crate::plan::{Refusal, RefusalCode};

/// Packets in a row that cannot be read before the file counts as broken.
const MAX_BAD_PACKETS: u32 = 1000;
/// As much as a packet of a source that we take may need.
const LARGE_PACKET_BYTES: usize = 64 << 20;
/// How much of the file libav may look at to find out what is in it.
const PROBE_BYTES: &str = "5000000";
/// The same where the header says what is in it, and has been read before: enough to know the container.
const KNOWN_PROBE_BYTES: &str = "4096";
/// How much media time, in microseconds, libav may look at for the same.
const PROBE_MICROSECONDS: &str = "5000000";

/// How far libav looks into a file to find out what is in it.
#[derive(Debug, Clone, Copy)]
enum Looking {
    /// As far as it takes; it decodes the first pictures and sound.
    Everywhere,
    /// The header says it all. No decoder is allowed, so that none works for nothing at each opening.
    Header,
}

/// A source that packets are read from.
pub(super) struct Source {
    pub(super) input: Input,
}

impl Source {
    /// Opens the file for all of its streams, to learn everything about them.
    pub(super) fn open(path: &Path) -> Result<Self, MediaError> {
        Self::open_looking(path, Looking::Everywhere)
    }

    fn open_looking(path: &Path, looking: Looking) -> Result<Self, MediaError> {
        let file = File::open(path).map_err(|e| MediaError::io("open the source", e))?;
        let io = StreamIo::from_read_seek(BufReader::with_capacity(1 << 16, file))
            .map_err(|e| MediaError::av("open the source", e))?;
        match format::input_from_stream(io, None, Some(open_options(looking))) {
            Ok(input) => Ok(Self { input }),
            Err(source) => Err(judge_unopened(path, source)),
        }
    }

    /// Opens a file that was opened before for one stream, from the last key picture at or before `from_us`.
    pub(super) fn open_stream(path: &Path, stream: usize, from_us: Option<i64>) -> Result<Self, MediaError> {
        let header_says_all = read_head(path).is_ok_and(|head| is_mov(&head));
        let mut source = Self::open_looking(path, if header_says_all { Looking::Header } else { Looking::Everywhere })?;
        if source.input.stream(stream).is_none() {
            return Err(MediaError::Inconsistent(format!("stream {stream} is gone")));
        }
        raw::read_only_stream(&mut source.input, stream);
        if let Some(from_us) = from_us {
            source.seek(from_us)?;
        }
        Ok(source)
    }

    /// Goes to the last key picture at or before `to_us`.
    pub(super) fn seek(&mut self, to_us: i64) -> Result<(), MediaError> {
        self.input.seek(to_us, ..to_us).map_err(|e| MediaError::av("seek", e))
    }

    /// Reads the next packet; `false` at the end. Unreadable ones are skipped, within reason.
    pub(super) fn read(&mut self, packet: &mut Packet) -> Result<bool, MediaError> {
        for _ in 0..MAX_BAD_PACKETS {
            raw::empty_packet(packet);
            match packet.read(&mut self.input) {
                Err(ff::Error::InvalidData) => {}
                // A packet that claims more than can be had, while there is enough for any honest one.
                Err(ff::Error::Other { errno: libc::ENOMEM }) if is_memory_left() => {}
                // What a cut file answers where its last packets should be.
                Err(ff::Error::Other { errno: libc::EIO }) => return Ok(false),
                answer => match next("read the source", answer)? {
                    Next::Ready => return Ok(true),
                    Next::End => return Ok(false),
                    Next::Again => {}
                },
            }
        }
        Err(Refusal::new(RefusalCode::Damaged, "too many unreadable packets").into())
    }
}

fn is_memory_left() -> bool {
    let mut packet: Vec<u8> = Vec::new();
    black_box(&mut packet).try_reserve_exact(LARGE_PACKET_BYTES).is_ok()
}

fn open_options(looking: Looking) -> Dictionary<'static> {
    let (probe_bytes, decoders) = match looking {
        Looking::Everywhere => (PROBE_BYTES, codecs::decoder_whitelist()),
        Looking::Header => (KNOWN_PROBE_BYTES, "none".into()),
    };
    let mut options = Dictionary::new();
    options.set("format_whitelist", codecs::CONTAINERS);
    options.set("codec_whitelist", &decoders);
    options.set("protocol_whitelist", "");
    options.set("probesize", probe_bytes);
    options.set("analyzeduration", PROBE_MICROSECONDS);
    options.set("max_streams", "64");
    options
}

/// Tells a broken video from something that never was one.
fn judge_unopened(path: &Path, source: ff::Error) -> MediaError {
    let head = read_head(path).unwrap_or_default();
    let code = match head.as_slice() {
        [] => RefusalCode::Empty,
        head if looks_like_video(head) => RefusalCode::Damaged,
        _ => RefusalCode::NotAVideo,
    };
    Refusal::new(code, source.to_string()).into()
}

/// The first bytes of a file, as far as they say what it is.
fn read_head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut head)?;
    Ok(head)
}

/// The first bytes are those of a container we read.
fn looks_like_video(head: &[u8]) -> bool {
    let matroska = head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]);
    let avi = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ");
    is_mov(head) || matroska || avi
}

/// The first bytes are those of MP4 and its kin, but not of a still picture.
fn is_mov(head: &[u8]) -> bool {
    const STILLS: [&[u8]; 5] = [b"heic", b"heix", b"mif1", b"msf1", b"avif"];
    let (kind, brand) = (head.get(4..8), head.get(8..12));
    let mov = matches!(kind, Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip"));
    mov && !(kind == Some(b"ftyp") && brand.is_some_and(|brand| STILLS.contains(&brand)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_from_other_files() {
        assert!(looks_like_video(b"\0\0\0\x18ftypmp42\0\0\0\0"));
        assert!(looks_like_video(&[0x1a, 0x45, 0xdf, 0xa3, 0, 0]));
        assert!(!looks_like_video(b"\0\0\0\x18ftypheic\0\0\0\0"));
        assert!(!looks_like_video(b"#EXTM3U\n#EXT-X-V"));
        assert!(!looks_like_video(b"abc"));
    }
}

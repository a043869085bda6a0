//! Opening a source: a file of ours, read through our own hands, under whitelists.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
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
/// How much of the file libav may look at to find out what is in it.
const PROBE_BYTES: &str = "5000000";
/// How much media time, in microseconds, libav may look at for the same.
const PROBE_MICROSECONDS: &str = "5000000";

/// A source that packets are read from.
pub(super) struct Source {
    pub(super) input: Input,
}

impl Source {
    /// Opens the file for all of its streams.
    pub(super) fn open(path: &Path) -> Result<Self, MediaError> {
        let file = File::open(path).map_err(|e| MediaError::io("open the source", e))?;
        let io = StreamIo::from_read_seek(BufReader::with_capacity(1 << 16, file))
            .map_err(|e| MediaError::av("open the source", e))?;
        match format::input_from_stream(io, None, Some(open_options())) {
            Ok(input) => Ok(Self { input }),
            Err(source) => Err(judge_unopened(path, source)),
        }
    }

    /// Opens the file for one stream, from the last key picture at or before `from_us`.
    pub(super) fn open_stream(path: &Path, stream: usize, from_us: Option<i64>) -> Result<Self, MediaError> {
        let mut source = Self::open(path)?;
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
            match packet.read(&mut self.input) {
                Err(ff::Error::InvalidData) => {}
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

fn open_options() -> Dictionary<'static> {
    let mut options = Dictionary::new();
    options.set("format_whitelist", codecs::CONTAINERS);
    options.set("codec_whitelist", &codecs::decoder_whitelist());
    options.set("protocol_whitelist", "");
    options.set("probesize", PROBE_BYTES);
    options.set("analyzeduration", PROBE_MICROSECONDS);
    options.set("max_streams", "64");
    options
}

/// Tells a broken video from something that never was one.
fn judge_unopened(path: &Path, source: ff::Error) -> MediaError {
    let mut head = [0; 16];
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(0))?;
        file.read(&mut head)
    });
    let head = &head[..read.unwrap_or(0)];
    let code = match head {
        [] => RefusalCode::Empty,
        _ if looks_like_video(head) => RefusalCode::Damaged,
        _ => RefusalCode::NotAVideo,
    };
    Refusal::new(code, source.to_string()).into()
}

/// The first bytes are those of a container we read.
fn looks_like_video(head: &[u8]) -> bool {
    const STILLS: [&[u8]; 5] = [b"heic", b"heix", b"mif1", b"msf1", b"avif"];
    let (kind, brand) = (head.get(4..8), head.get(8..12));
    let mov = matches!(kind, Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip"));
    let still = kind == Some(b"ftyp") && brand.is_some_and(|brand| STILLS.contains(&brand));
    let matroska = head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]);
    let avi = head.starts_with(b"RIFF") && brand == Some(b"AVI ");
    (mov && !still) || matroska || avi
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

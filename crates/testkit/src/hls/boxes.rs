//! MP4 boxes and the numbers in them, as ISO 14496-12 lays them out.

/// Boxes nested deeper than this are not followed.
pub(super) const DEEPEST: usize = 10;

/// A box and where its content lies in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mp4Box<'a> {
    pub(super) kind: [u8; 4],
    /// First byte of the box in the file.
    pub(super) start: usize,
    /// First byte after its header in the file.
    pub(super) content_start: usize,
    pub(super) content: &'a [u8],
}

impl<'a> Mp4Box<'a> {
    pub(super) fn name(&self) -> String {
        self.kind.iter().map(|byte| char::from(*byte)).collect()
    }

    /// The boxes in it, after `skip` bytes of its own.
    pub(super) fn inner(&self, skip: usize) -> Result<Vec<Mp4Box<'a>>, String> {
        let content = self.content.get(skip..).ok_or_else(|| format!("{} is too short", self.name()))?;
        boxes(content, self.content_start + skip)
    }

    /// A reader of its content.
    pub(super) fn reader(&self) -> Reader<'a> {
        Reader { rest: self.content, what: self.name() }
    }
}

/// The boxes that fill `bytes`, which begin at `offset` of their file.
pub(super) fn boxes(bytes: &[u8], offset: usize) -> Result<Vec<Mp4Box<'_>>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let mut reader = Reader { rest, what: "a box header".into() };
        let size = reader.u32()?;
        let kind: [u8; 4] = reader.take(4)?.try_into().map_err(|_| "no kind")?;
        let (header, size) = match size {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(reader.u64()?).map_err(|_| "a box beyond all memory")?),
            size => (8, usize::try_from(size).map_err(|_| "a box beyond all memory")?),
        };
        if size < header || size > rest.len() {
            return Err(format!("box {:?} at {} claims {size} bytes", String::from_utf8_lossy(&kind), offset + at));
        }
        let content = &rest[header..size];
        found.push(Mp4Box { kind, start: offset + at, content_start: offset + at + header, content });
        at += size;
    }
    Ok(found)
}

/// The only box of that kind.
pub(super) fn only<'a>(boxes: &[Mp4Box<'a>], kind: [u8; 4]) -> Result<Mp4Box<'a>, String> {
    let mut matching = boxes.iter().filter(|found| found.kind == kind);
    match (matching.next(), matching.next()) {
        (Some(found), None) => Ok(*found),
        (None, _) => Err(format!("there is no {}", String::from_utf8_lossy(&kind))),
        _ => Err(format!("there are several {}", String::from_utf8_lossy(&kind))),
    }
}

/// The first box of that kind.
pub(super) fn first<'a>(boxes: &[Mp4Box<'a>], kind: [u8; 4]) -> Option<Mp4Box<'a>> {
    boxes.iter().find(|found| found.kind == kind).copied()
}

/// Reads numbers one after the other.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    what: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], what: &str) -> Self {
        Self { rest: bytes, what: what.to_owned() }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| format!("{} is too short", self.what))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn u8(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, String> {
        Ok(self.take(2)?.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        Ok(self.take(4)?.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    pub(super) fn u64(&mut self) -> Result<u64, String> {
        Ok(self.take(8)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// Version and flags of a full box.
    pub(super) fn version_and_flags(&mut self) -> Result<(u8, u32), String> {
        let both = self.u32()?;
        Ok((u8::try_from(both >> 24).unwrap_or(u8::MAX), both & 0x00ff_ffff))
    }

    /// A time or duration, which version 1 writes in eight bytes.
    pub(super) fn time(&mut self, version: u8) -> Result<u64, String> {
        if version == 1 { self.u64() } else { Ok(self.u32()?.into()) }
    }
}

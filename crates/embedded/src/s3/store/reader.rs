//! Reading an object: the bytes of one version, whatever happens to its name meanwhile.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use bytes::Bytes;

use super::StoreError;
use super::lease::Lease;
use super::object::{ObjectMeta, PartList};

/// One version of an object, open.
#[derive(Debug)]
pub(crate) struct ObjectReader {
    pub(crate) meta: ObjectMeta,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The bytes are in this file.
    Whole { file: File, path: PathBuf },
    /// The bytes are in part files, opened one at a time.
    Parts { dir: PathBuf, list: PartList, open: Option<(usize, File)>, _lease: Lease },
}

impl ObjectReader {
    pub(super) fn whole(meta: ObjectMeta, file: File, path: PathBuf) -> Self {
        Self { meta, source: Source::Whole { file, path } }
    }

    pub(super) fn parts(meta: ObjectMeta, list: PartList, dir: PathBuf, lease: Lease) -> Self {
        Self { meta, source: Source::Parts { dir, list, open: None, _lease: lease } }
    }

    /// Reads up to `max` bytes from `offset`, fewer at the end of a part. Never none: who asks for
    /// what lies beyond the end is told so rather than kept asking. Blocks.
    pub(crate) fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, StoreError> {
        let left = self.meta.size.saturating_sub(offset);
        if left == 0 || max == 0 {
            return Err(StoreError::BeyondEnd { offset });
        }
        match &mut self.source {
            Source::Whole { file, path } => {
                let length = usize::try_from(left).unwrap_or(max).min(max);
                read_exact(file, offset, length).map_err(StoreError::io("read", path))
            }
            Source::Parts { dir, list, open, .. } => {
                let Some((index, offset_in_part)) = locate(list, offset) else {
                    return Err(StoreError::BeyondEnd { offset });
                };
                let part = list.parts[index];
                let path = super::upload::part_path(dir, part.number);
                let file = match open.take() {
                    Some((opened, file)) if opened == index => file,
                    _ => File::open(&path).map_err(StoreError::io("open", &path))?,
                };
                let length = usize::try_from(part.size - offset_in_part).unwrap_or(max).min(max);
                let bytes = read_exact(&file, offset_in_part, length).map_err(StoreError::io("read", &path))?;
                *open = Some((index, file));
                Ok(bytes)
            }
        }
    }
}

fn read_exact(file: &File, offset: u64, length: usize) -> std::io::Result<Bytes> {
    let mut buffer = vec![0; length];
    file.read_exact_at(&mut buffer, offset)?;
    Ok(buffer.into())
}

/// The part that holds the byte at `offset`, and where in it.
fn locate(list: &PartList, offset: u64) -> Option<(usize, u64)> {
    let mut start = 0;
    for (index, part) in list.parts.iter().enumerate() {
        if offset - start < part.size {
            return Some((index, offset - start));
        }
        start += part.size;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::object::PartSpan;
    use super::*;

    #[test]
    fn every_offset_falls_into_one_part() {
        let parts = [(1, 3), (3, 0), (7, 2)].map(|(number, size)| PartSpan { number, size }).to_vec();
        let list = PartList { upload: "u".to_owned(), parts };
        let found: Vec<_> = (0..6).map(|offset| locate(&list, offset)).collect();
        assert_eq!(found, [Some((0, 0)), Some((0, 1)), Some((0, 2)), Some((2, 0)), Some((2, 1)), None]);
    }
}

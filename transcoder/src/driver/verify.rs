//! The child's files are looked at here before anybody else sees them.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    ops::Range,
    path::PathBuf,
};

use sha2::{Digest, Sha256};
use tokio::fs;

use super::{OutputFile, TranscodeError};
use crate::{
    media::PosterReport,
    package::{
        AUDIO_RENDITION, ChunkFacts, INIT_FILE, PREVIEW_FILE, STORYBOARD_FOLDER, SampleOrder, check_init, check_jpeg,
        check_pictures, check_segment, check_webp, segment_file, sheet_file,
    },
    plan::{AAC_FRAME_SAMPLES, Codec, TranscodePlan},
};

/// Most bytes all files of one clip may have together.
const MAX_OUTPUT_BYTES: u64 = 2 << 30;
/// Largest poster.
const MAX_POSTER_BYTES: u64 = 2 << 20;
/// No picture ranks so high.
const MAX_POSTER_RANK: u64 = 1 << 33;
/// Largest sheet of the storyboard, and largest preview.
const MAX_STILL_BYTES: u64 = 1 << 20;
/// Longest thumbhash.
const MAX_THUMBHASH_BYTES: usize = 64;

/// Checks names, sizes and box structure of what lies in a work folder.
pub(super) struct Verifier {
    work: PathBuf,
    bytes: u64,
    /// SHA-256 of each rendition's initialisation segment.
    inits: HashMap<String, [u8; 32]>,
}

/// What the files of a rendition must contain.
struct Expected {
    name: String,
    /// Four-character code of its sample entry.
    entry: &'static str,
    order: SampleOrder,
    frame_ticks: u32,
    /// Pictures or frames of sound in each segment.
    frames: Vec<Range<u64>>,
}

fn output_file(name: String, content_type: &'static str, content: &[u8]) -> OutputFile {
    OutputFile { name, bytes: content.len() as u64, content_type, sha256: Sha256::digest(content).into() }
}

fn untrue<T>(what: impl Into<String>) -> Result<T, TranscodeError> {
    Err(TranscodeError::Untrue(what.into()))
}

impl Verifier {
    pub(super) fn new(work: PathBuf) -> Self {
        Self { work, bytes: 0, inits: HashMap::new() }
    }

    /// Nothing of what was checked is kept.
    pub(super) fn forget(&mut self) {
        self.bytes = 0;
        self.inits.clear();
    }

    /// The folders the files will lie in: the child makes none.
    pub(super) async fn make_folders(&self, plan: &TranscodePlan) -> io::Result<()> {
        let renditions = expected_renditions(plan).into_iter().map(|rendition| rendition.name);
        for name in renditions.chain([STORYBOARD_FOLDER.to_owned()]) {
            match fs::create_dir(self.work.join(name)).await {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The poster's file and its bytes, which are what the child says they are.
    pub(super) async fn check_poster(
        &self,
        poster: &PosterReport,
        name: &str,
    ) -> Result<(OutputFile, Vec<u8>), TranscodeError> {
        let is_agreed = poster.file == name && poster.rank < MAX_POSTER_RANK;
        if !is_agreed || poster.thumbhash.len() > MAX_THUMBHASH_BYTES {
            return untrue("the poster is not as agreed");
        }
        let bytes = self.read(&poster.file, MAX_POSTER_BYTES).await?;
        match check_jpeg(&bytes) {
            Ok(size) if size == (poster.width, poster.height) && bytes.len() as u64 == poster.bytes => {
                Ok((output_file(poster.file.clone(), "image/jpeg", &bytes), bytes))
            }
            Ok(_) => untrue("the poster has another size"),
            Err(source) => Err(TranscodeError::Output { file: poster.file.clone(), source }),
        }
    }

    /// The files of a chunk, each of them checked; notes where their key pictures end and what the initialisation
    /// segments hold.
    pub(super) async fn check_chunk(
        &mut self,
        plan: &TranscodePlan,
        chunk: &mut ChunkFacts,
    ) -> Result<Vec<OutputFile>, TranscodeError> {
        let planned = &plan.chunks[chunk.index];
        let mut files = Vec::new();
        let expected = expected_renditions(plan);
        if [chunk.renditions.len(), chunk.inits.len()] != [expected.len(); 2] {
            return untrue("there are other renditions than planned");
        }
        for rendition in expected {
            let part = chunk.renditions.iter_mut().find(|part| part.rendition == rendition.name);
            let init = chunk.inits.iter_mut().find(|init| init.rendition == rendition.name);
            let (Some(part), Some(init)) = (part, init) else {
                return untrue(format!("{} is missing", rendition.name));
            };
            let is_of_entry = init.codecs.split('.').next() == Some(rendition.entry);
            if part.segment_bytes.len() != planned.segments || !is_codec_string(&init.codecs) || !is_of_entry {
                return untrue(format!("{} is incomplete", rendition.name));
            }
            // Written with the first chunk of a run; its files may be gone when the second one comes.
            if let Some(read) = self.inits.get(&rendition.name) {
                init.sha256 = Some(*read);
            } else {
                let file = self.check_init(&rendition, init.bytes).await?;
                self.inits.insert(rendition.name.clone(), file.sha256);
                init.sha256 = Some(file.sha256);
                files.extend((chunk.index == 0).then_some(file));
            }
            let mut key_bytes = Vec::with_capacity(planned.segments);
            for (segment, bytes) in planned.segment_range().zip(&part.segment_bytes) {
                let (file, key) = self.check_segment(&rendition, segment, *bytes).await?;
                files.push(file);
                key_bytes.push(key);
            }
            if rendition.order != SampleOrder::Sound {
                part.key_bytes = key_bytes;
            }
        }
        files.extend(self.check_sheet(plan, chunk).await?);
        files.extend(self.check_preview(plan, chunk).await?);
        Ok(files)
    }

    async fn check_sheet(
        &mut self,
        plan: &TranscodePlan,
        chunk: &ChunkFacts,
    ) -> Result<Option<OutputFile>, TranscodeError> {
        let seconds = plan.chunk_seconds(chunk.index);
        if chunk.sheet_bytes.is_some() == seconds.is_empty() {
            return untrue("the storyboard is not as planned");
        }
        let Some(bytes) = chunk.sheet_bytes else { return Ok(None) };
        let name = format!("{STORYBOARD_FOLDER}/{}", sheet_file(chunk.index));
        let (file, content) = self.still(name, bytes, "image/jpeg").await?;
        match check_jpeg(&content) {
            Ok(size) if size == plan.sheet_size(seconds.end - seconds.start) => Ok(Some(file)),
            Ok(_) => untrue("a sheet of the storyboard has another size"),
            Err(source) => Err(TranscodeError::Output { file: file.name, source }),
        }
    }

    async fn check_preview(
        &mut self,
        plan: &TranscodePlan,
        chunk: &ChunkFacts,
    ) -> Result<Option<OutputFile>, TranscodeError> {
        if chunk.preview_bytes.is_some() != (Some(chunk.index) == plan.preview_chunk()) {
            return untrue("the preview is not as planned");
        }
        let Some(bytes) = chunk.preview_bytes else { return Ok(None) };
        let (file, content) = self.still(PREVIEW_FILE.to_owned(), bytes, "image/webp").await?;
        match check_webp(&content) {
            Ok(size) if size == plan.preview_size() => Ok(Some(file)),
            Ok(_) => untrue("the preview has another size"),
            Err(source) => Err(TranscodeError::Output { file: file.name, source }),
        }
    }

    async fn still(
        &mut self,
        name: String,
        bytes: u64,
        content_type: &'static str,
    ) -> Result<(OutputFile, Vec<u8>), TranscodeError> {
        if bytes > MAX_STILL_BYTES {
            return untrue(format!("{name} is too large"));
        }
        self.count(bytes)?;
        let content = self.read_whole(&name, bytes).await?;
        Ok((output_file(name, content_type, &content), content))
    }

    /// Adds to what the files of the clip have together.
    fn count(&mut self, bytes: u64) -> Result<(), TranscodeError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_OUTPUT_BYTES { untrue("the renditions are too large") } else { Ok(()) }
    }

    async fn check_init(&mut self, rendition: &Expected, bytes: u64) -> Result<OutputFile, TranscodeError> {
        let (file, content) = self.output(rendition, INIT_FILE, bytes).await?;
        match check_init(&content) {
            Ok(facts) if facts.sample_entry == rendition.entry => Ok(file),
            Ok(facts) => untrue(format!("{} holds {}", file.name, facts.sample_entry)),
            Err(source) => Err(TranscodeError::Output { file: file.name, source }),
        }
    }

    async fn check_segment(
        &mut self,
        rendition: &Expected,
        segment: usize,
        bytes: u64,
    ) -> Result<(OutputFile, u64), TranscodeError> {
        let (file, content) = self.output(rendition, &segment_file(segment), bytes).await?;
        let wrong = |source| TranscodeError::Output { file: file.name.clone(), source };
        let facts = check_segment(&content).map_err(wrong)?;
        check_pictures(&content, rendition.order).map_err(wrong)?;
        let frames = &rendition.frames[segment];
        let start_ticks = rendition.order.decode_ticks(frames.start, rendition.frame_ticks);
        let fits = facts.start_ticks == start_ticks
            && u64::from(facts.samples) == frames.end - frames.start
            && usize::try_from(facts.sequence).is_ok_and(|sequence| sequence == segment + 1);
        if fits { Ok((file, facts.key_bytes)) } else { untrue(format!("{} is not where it belongs", file.name)) }
    }

    async fn output(
        &mut self,
        rendition: &Expected,
        file: &str,
        bytes: u64,
    ) -> Result<(OutputFile, Vec<u8>), TranscodeError> {
        let name = format!("{}/{file}", rendition.name);
        self.count(bytes)?;
        let content = self.read_whole(&name, bytes).await?;
        let is_sound = rendition.order == SampleOrder::Sound;
        let content_type = if is_sound { "audio/mp4" } else { "video/mp4" };
        Ok((output_file(name, content_type, &content), content))
    }

    async fn read_whole(&self, name: &str, bytes: u64) -> Result<Vec<u8>, TranscodeError> {
        let content = self.read(name, bytes).await?;
        if content.len() as u64 == bytes { Ok(content) } else { untrue(format!("{name} has another size")) }
    }

    /// Reads a regular file of the work folder; links and larger files are refused.
    async fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, TranscodeError> {
        let mut path = self.work.clone();
        for part in name.split('/') {
            path.push(part);
            if fs::symlink_metadata(&path).await?.is_symlink() {
                return untrue(format!("{name} is a link"));
            }
        }
        let found = fs::symlink_metadata(&path).await?;
        if !found.is_file() || found.len() > most {
            return untrue(format!("{name} is not a file of that size"));
        }
        Ok(fs::read(&path).await?)
    }
}

fn expected_renditions(plan: &TranscodePlan) -> Vec<Expected> {
    let segments = 0..plan.segment_starts.len();
    let mut expected: Vec<Expected> = plan
        .rungs
        .iter()
        .map(|rung| Expected {
            name: rung.name.clone(),
            entry: match rung.codec {
                Codec::Avc => "avc1",
                Codec::Av1 => "av01",
            },
            order: SampleOrder::of(rung.codec),
            frame_ticks: rung.rate.frame_ticks(),
            frames: segments.clone().map(|s| rung.own_frames(&plan.segment_slots(s))).collect(),
        })
        .collect();
    expected.extend(plan.audio.as_ref().map(|audio| Expected {
        name: AUDIO_RENDITION.to_owned(),
        entry: "mp4a",
        order: SampleOrder::Sound,
        frame_ticks: u32::try_from(AAC_FRAME_SAMPLES).expect("1024 fits"),
        frames: segments.clone().map(|segment| audio.segment_frames(segment)).collect(),
    }));
    expected
}

/// A codec string goes into playlists, so it may hold nothing that means something there.
fn is_codec_string(codecs: &str) -> bool {
    (1..=32).contains(&codecs.len()) && codecs.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

//! Puts the file to share together from the segments that are stored: nothing is encoded again.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use estrade_blobs::{Blobs, key};
use estrade_db::downloads::{DownloadChunk, DownloadWork};
use estrade_domain::VersionId;
use estrade_jobs::JobError;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::attempt::io_trouble;
use super::extras::{discard, storage};
use crate::package::{
    AUDIO_RENDITION, CheckError, INIT_FILE, MovieTrack, movie_head, read_segment, read_track, segment_file,
};

/// The file is made of the largest rung up to this short edge.
const SHORT_EDGE: i32 = 720;
/// Largest file to share.
const MAX_BYTES: u64 = 512 << 20;
/// Largest segment.
const MAX_SEGMENT_BYTES: u64 = 64 << 20;

/// Where a version's objects are.
struct Shelf<'a> {
    blobs: &'a Blobs,
    work: &'a DownloadWork,
    version: VersionId,
}

/// The data of the file in the making, behind its tracks.
struct Movie {
    tracks: Vec<(String, MovieTrack)>,
    data: File,
    bytes: u64,
}

/// Writes the file into `dir` and returns where it lies.
pub(super) async fn put_together(
    blobs: &Blobs,
    work: &DownloadWork,
    version: VersionId,
    dir: &Path,
) -> Result<PathBuf, JobError> {
    let shelf = Shelf { blobs, work, version };
    let data_path = dir.join("data");
    let data = File::create(&data_path).await.map_err(io_trouble)?;
    let mut movie = Movie { tracks: shelf.tracks().await?, data, bytes: 0 };
    for chunk in &work.chunks {
        for segment in chunk.first_segment..chunk.first_segment + chunk.segment_count {
            shelf.add_segment(&mut movie, chunk, segment).await?;
        }
    }
    movie.data.flush().await.map_err(io_trouble)?;
    let tracks = movie.tracks.into_iter().map(|(_, track)| track).collect();
    let head = movie_head(tracks, movie.bytes).ok_or_else(|| discard("too_large", "the file would be too large"))?;
    let path = dir.join("clip.mp4");
    let mut file = File::create(&path).await.map_err(io_trouble)?;
    file.write_all(&head).await.map_err(io_trouble)?;
    let mut data = File::open(&data_path).await.map_err(io_trouble)?;
    tokio::io::copy(&mut data, &mut file).await.map_err(io_trouble)?;
    file.flush().await.map_err(io_trouble)?;
    Ok(path)
}

impl Shelf<'_> {
    /// The rung people get, and the sound.
    async fn tracks(&self) -> Result<Vec<(String, MovieTrack)>, JobError> {
        let rungs = &self.work.rungs;
        let rung = rungs.iter().rfind(|(_, short_edge)| *short_edge <= SHORT_EDGE).or(rungs.first());
        let (rung, _) = rung.ok_or_else(|| discard("no_rungs", "the version has no pictures"))?;
        let mut tracks = vec![(rung.clone(), self.track(rung, false).await?)];
        if self.work.has_audio {
            tracks.push((AUDIO_RENDITION.to_owned(), self.track(AUDIO_RENDITION, true).await?));
        }
        Ok(tracks)
    }

    async fn track(&self, rendition: &str, is_sound: bool) -> Result<MovieTrack, JobError> {
        let init = self.fetch(self.work.first_token, &format!("{rendition}/{INIT_FILE}")).await?;
        Ok(MovieTrack::new(read_track(&init).map_err(|error| unreadable(&error))?, is_sound))
    }

    async fn add_segment(&self, movie: &mut Movie, chunk: &DownloadChunk, segment: i32) -> Result<(), JobError> {
        let file = segment_file(usize::try_from(segment).unwrap_or(0));
        for (rendition, track) in &mut movie.tracks {
            let bytes = self.fetch(chunk.token, &format!("{rendition}/{file}")).await?;
            let read = read_segment(&bytes).map_err(|error| unreadable(&error))?;
            if !track.add(&read, movie.bytes) {
                return Err(discard("gap", &format!("{rendition}/{file} does not follow the segment before it")));
            }
            let data = &bytes[read.data];
            movie.bytes += data.len() as u64;
            if movie.bytes > MAX_BYTES {
                return Err(discard("too_large", "the file would be too large"));
            }
            movie.data.write_all(data).await.map_err(io_trouble)?;
        }
        Ok(())
    }

    async fn fetch(&self, token: i64, name: &str) -> Result<Bytes, JobError> {
        let key = format!("{}{name}", key::attempt_folder(&self.work.clip_public_id, self.version, token));
        let object = self.blobs.get(&key, None).await.map_err(|error| storage(&error))?;
        if object.length > MAX_SEGMENT_BYTES {
            return Err(discard("too_large", "a segment is too large"));
        }
        let bytes = object.body.collect().await.map_err(|error| JobError::retry("storage", error))?;
        Ok(bytes.into_bytes())
    }
}

fn unreadable(error: &CheckError) -> JobError {
    discard("unreadable", &error.to_string())
}

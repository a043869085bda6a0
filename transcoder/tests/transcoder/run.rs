//! Runs the transcoder on a source and lays its output out as a player would find it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use estrade_testkit::hls;
use estrade_transcoder::{
    ChunkReady, Options, Outcome, Resume, TranscodeError, TranscodeEvent, WAITING_EVENTS,
    media::{PosterReport, Stats},
    package::{ChunkFacts, INIT_FILE, Package, assemble, segment_file},
    plan::{Limits, TranscodePlan},
    sandbox::{ChildCommand, Usage},
    transcode_file,
};
use tokio::sync::mpsc;

use crate::media::Made;

/// What came of a source.
pub struct Run {
    pub work: PathBuf,
    pub outcome: Finished,
    pub plan: TranscodePlan,
    pub chunks: Vec<ChunkReady>,
    _folder: tempfile::TempDir,
}

/// An outcome, and what can be published with it.
#[derive(Debug)]
pub struct Finished {
    pub package: Package,
    pub poster: Option<PosterReport>,
    pub duration_ms: u64,
    pub width: u32,
    pub height: u32,
    pub has_audio: bool,
    pub stats: Stats,
    pub usage: Option<Usage>,
    pub probed_in: Option<Duration>,
}

impl Finished {
    fn new(plan: &TranscodePlan, earlier: &[ChunkFacts], outcome: Outcome) -> Self {
        let Outcome { chunks, poster, duration_ms, width, height, has_audio, stats, usage, probed_in } = outcome;
        let all = [earlier, &chunks].concat();
        let package = assemble(plan, &all).expect("the chunks are those of the plan");
        Self { package, poster, duration_ms, width, height, has_audio, stats, usage, probed_in }
    }
}

pub fn options() -> Options {
    let command = ChildCommand::this_program().expect("the test binary knows itself");
    Options { command, limits: Limits::default(), resume: None }
}

/// Transcodes and writes the playlists beside the segments.
pub fn transcode(made: &Made) -> Run {
    try_transcode(made, &options()).unwrap_or_else(|error| panic!("no clip: {error} ({error:?})"))
}

/// The verdict on a source that must not become a clip.
pub fn refuse(made: &Made) -> TranscodeError {
    match try_transcode(made, &options()) {
        Ok(run) => panic!("became a clip of {} ms", run.outcome.duration_ms),
        Err(error) => error,
    }
}

pub fn try_transcode(made: &Made, options: &Options) -> Result<Run, TranscodeError> {
    try_go_on(made, options, &[])
}

/// Goes on where `earlier` chunks are made already.
pub fn try_go_on(made: &Made, options: &Options, earlier: &[ChunkFacts]) -> Result<Run, TranscodeError> {
    try_in(tempfile::tempdir().expect("a work folder"), made, options, earlier)
}

/// Works in a folder that is made already.
pub fn try_in(
    folder: tempfile::TempDir,
    made: &Made,
    options: &Options,
    earlier: &[ChunkFacts],
) -> Result<Run, TranscodeError> {
    let work = folder.path().to_owned();
    runtime().block_on(async {
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let listen = async {
            let (mut plan, mut chunks) = (None, Vec::new());
            while let Some(event) = events.recv().await {
                match event {
                    TranscodeEvent::Planned(made) => plan = Some(*made),
                    TranscodeEvent::Chunk(ready) => chunks.push(*ready),
                    TranscodeEvent::Probed(_)
                    | TranscodeEvent::Looked(_)
                    | TranscodeEvent::Progress(_)
                    | TranscodeEvent::Poster(..) => {}
                }
            }
            (plan, chunks)
        };
        let transcode = transcode_file(&work, &made.source, options, sender);
        let (outcome, (plan, chunks)) = tokio::join!(transcode, listen);
        let outcome = outcome?;
        let plan = plan.expect("a plan was told");
        let outcome = Finished::new(&plan, earlier, outcome);
        write_playlists(&work, &outcome);
        if options.resume.is_none() {
            check_validity(&work, &plan);
        }
        Ok(Run { work, outcome, plan, chunks, _folder: folder })
    })
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

fn write_playlists(work: &Path, outcome: &Finished) {
    std::fs::write(work.join("index.m3u8"), &outcome.package.multivariant).expect("written");
    for rendition in &outcome.package.renditions {
        let path = work.join(&rendition.name).join("index.m3u8");
        std::fs::write(path, &rendition.playlist).expect("written");
        if let Some(keys) = &rendition.keys_playlist {
            std::fs::write(work.join(&rendition.name).join("keys.m3u8"), keys).expect("written");
        }
    }
}

/// Whatever a test is about, the second reader must find nothing wrong with what was made. A resumed run makes only
/// what was missing, so there the package is not in the folder.
fn check_validity(work: &Path, plan: &TranscodePlan) {
    let package = hls::Package::from_folder(work).expect("every file that is referred to");
    let findings: Vec<String> = hls::check(&package)
        .iter()
        .filter(|finding| !(plan.repackaged().is_some() && OF_OUR_GRID.contains(&finding.rule)))
        .map(ToString::to_string)
        .collect();
    assert!(findings.is_empty(), "the package is not valid:\n{}", findings.join("\n"));
}

/// What a source that is repackaged decides, within the plan's bounds: where segments begin.
const OF_OUR_GRID: [&str; 2] = ["first_segment_short", "key_distance"];

impl Run {
    /// The media playlist of a rendition.
    pub fn playlist(&self, name: &str) -> PathBuf {
        self.work.join(name).join("index.m3u8")
    }

    /// One segment as a file that plays on its own.
    pub fn alone(&self, rendition: &str, segment: usize) -> PathBuf {
        let parts = [INIT_FILE, &segment_file(segment)].map(|file| std::fs::read(self.work.join(rendition).join(file)));
        let alone = self.work.join(format!("{rendition}-{segment}.mp4"));
        std::fs::write(&alone, parts.map(|part| part.expect("a part is there")).concat()).expect("written");
        alone
    }

    /// Names of the video renditions.
    pub fn rungs(&self) -> Vec<&str> {
        self.plan.rungs.iter().map(|rung| rung.name.as_str()).collect()
    }

    /// What a second attempt would know if the first had stored `chunks` chunks.
    pub fn resume_after(&self, chunks: usize) -> Resume {
        Resume {
            plan: self.plan.clone(),
            first_chunk: chunks,
            inits: self.chunks[0].facts.inits.clone(),
            poster_over: self.outcome.poster.is_none().then_some(0),
        }
    }

    /// The first `chunks` chunks.
    pub fn facts(&self, chunks: usize) -> Vec<ChunkFacts> {
        self.chunks.iter().take(chunks).map(|ready| ready.facts.clone()).collect()
    }
}

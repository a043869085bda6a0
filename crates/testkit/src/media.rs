//! Media made by the `ffmpeg` program, once for each recipe.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// A folder of generated files, named by what they were made from.
#[derive(Debug, Clone)]
pub struct MediaShelf {
    folder: PathBuf,
}

/// A moving picture with a tone, as a phone records it.
#[derive(Debug, Clone, Copy)]
pub struct Clip {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Length, tenths of a second.
    pub tenths: u32,
    /// Pictures a second.
    pub rate: u32,
    /// Whether it has sound.
    pub has_audio: bool,
    /// More arguments for the output.
    pub extra: &'static [&'static str],
}

impl Clip {
    /// Portrait, 360 × 640, 2 s, with sound: the cheapest that is a whole clip.
    pub const PORTRAIT: Self = Self { width: 360, height: 640, tenths: 20, rate: 30, has_audio: true, extra: &[] };
}

impl MediaShelf {
    /// A shelf in `folder`, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The file made by this recipe.
    pub fn clip(&self, clip: Clip) -> anyhow::Result<PathBuf> {
        let Clip { width, height, tenths, rate, .. } = clip;
        let seconds = format!("{}.{}", tenths / 10, tenths % 10);
        let picture = format!("testsrc2=size={width}x{height}:rate={rate}:duration={seconds}");
        let sound = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
        let mut arguments = vec!["-f", "lavfi", "-i", &picture];
        if clip.has_audio {
            arguments.extend(["-f", "lavfi", "-i", &sound, "-c:a", "aac", "-b:a", "96k"]);
        }
        arguments.extend(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60"]);
        arguments.extend(clip.extra);
        self.make("mp4", &arguments)
    }

    /// What `ffmpeg` makes of `arguments`; made once.
    pub fn make(&self, extension: &str, arguments: &[&str]) -> anyhow::Result<PathBuf> {
        let mut hasher = DefaultHasher::new();
        (extension, arguments).hash(&mut hasher);
        let name = format!("{:016x}.{extension}", hasher.finish());
        let path = self.folder.join(&name);
        if path.exists() {
            return Ok(path);
        }
        fs::create_dir_all(&self.folder).context("cannot make the folder of generated media")?;
        // Two tests may make the same at once: each aside, and the last one stays.
        let aside = tempfile::Builder::new().suffix(&format!(".{extension}")).tempfile_in(&self.folder)?;
        let made = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y"])
            .args(arguments)
            .arg(aside.path())
            .stdin(Stdio::null())
            .output()
            .context("ffmpeg cannot be run; packages.txt lists what the tests need")?;
        if !made.status.success() {
            bail!("ffmpeg failed: {}", String::from_utf8_lossy(&made.stderr));
        }
        aside.persist(&path)?;
        Ok(path)
    }
}

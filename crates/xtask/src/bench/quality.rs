//! What a rendition looks like: bits of its pictures, and VMAF against the source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::bd_rate::Point;
use super::ffmpeg::command;
use super::peer::fps;
use super::product::Rung;
use crate::process::{capture, run, succeeds};

/// Every how manieth picture is judged.
const SUBSAMPLE: u32 = 3;

/// How to get an `ffmpeg` with libvmaf.
pub(super) const HINT: &str = "no ffmpeg with libvmaf: `pip install imageio-ffmpeg`, or --vmaf-ffmpeg PATH";

/// What renditions are compared with.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) duration_secs: f64,
}

/// An `ffmpeg` that has libvmaf.
pub(super) struct Judge(PathBuf);

impl Judge {
    /// The program named, or the one that Python's imageio-ffmpeg carries, if there is any.
    pub(super) fn find(named: Option<&Path>) -> Result<Option<Self>> {
        if let Some(path) = named {
            if !has_vmaf(path) {
                bail!("{} has no libvmaf", path.display());
            }
            return Ok(Some(Self(path.to_owned())));
        }
        let script = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
        let Ok(said) = capture(Command::new("python3").args(["-c", script])) else { return Ok(None) };
        let path = PathBuf::from(said.trim());
        Ok(has_vmaf(&path).then_some(Self(path)))
    }

    /// Bits a second and VMAF of a rendition of a source, shown at the size of `top`.
    pub(super) fn judge(&self, source: &Source<'_>, made: &Path, rung: &Rung, top: &Rung) -> Result<Point> {
        let quality = self.vmaf(source.path, made, rung, top)?;
        let bits_per_second = video_bytes(made)? * 8.0 / source.duration_secs;
        Ok(Point { bits_per_second, quality })
    }

    /// Both sides get times from the count of their pictures, or libvmaf compares neighbours.
    fn vmaf(&self, source: &Path, made: &Path, rung: &Rung, top: &Rung) -> Result<f64> {
        let log = made.with_extension("vmaf.json");
        let size = format!("scale={}:{}:flags=bicubic,format=yuv420p,setsar=1", top.width, top.height);
        let clock = format!("settb=AVTB,setpts=N/({}*TB)", fps(&rung.rate));
        let graph = format!(
            "[0:v:0]{size},{clock}[made];[1:v:0]fps={},select='not(mod(n,{}))',{size},{clock}[source];\
             [made][source]libvmaf=n_threads=2:n_subsample={SUBSAMPLE}:log_fmt=json:log_path={}",
            top.rate,
            rung.divisor,
            log.display()
        );
        run(command(&self.0).arg("-i").arg(made).arg("-i").arg(source).args(["-lavfi", &graph, "-f", "null", "-"]))?;
        let text = fs::read_to_string(&log).context("libvmaf wrote nothing")?;
        let found: serde_json::Value = serde_json::from_str(&text).context("libvmaf's log is no JSON")?;
        found["pooled_metrics"]["vmaf"]["mean"].as_f64().context("libvmaf's log has no mean")
    }
}

fn has_vmaf(program: &Path) -> bool {
    succeeds(Command::new(program).args(["-hide_banner", "-h", "filter=libvmaf"]))
        && capture(Command::new(program).args(["-hide_banner", "-filters"])).is_ok_and(|said| said.contains("libvmaf"))
}

/// Bytes of the pictures alone, without containers and sound.
fn video_bytes(made: &Path) -> Result<f64> {
    let bare = made.with_extension("bare");
    run(command("ffmpeg").arg("-i").arg(made).args(["-map", "0:v:0", "-c", "copy", "-f", "data"]).arg(&bare))?;
    let size = fs::metadata(&bare).context("the pictures are gone")?.len();
    Ok(f64::from(u32::try_from(size).context("the rendition is too large")?))
}

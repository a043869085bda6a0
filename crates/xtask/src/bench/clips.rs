//! What is measured: files that were named, or clips made here.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::ffmpeg;
use crate::process::{run, say};

/// A source to measure with.
pub(super) struct Clip {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// Clips made here: name, picture and sound as `ffmpeg` draws them, and seconds.
///
/// The easy one is a slow drift over a still scene with a little grain, as from a phone on a
/// table. The hard one moves everywhere at once, with fine detail that no block can borrow.
const MADE: [(&str, &str, u32); 3] = [("easy 8 s", EASY, 8), ("hard 8 s", HARD, 8), ("easy 30 s", EASY, 30)];
const EASY: &str = "mandelbrot=size=1280x2200:rate=30:maxiter=300,loop=loop=-1:size=1:start=0,setpts=N/(30*TB),\
    crop=1080:1920:x='100+40*sin(t/2)':y='140+t*4',noise=alls=5:allf=t,format=yuv420p";
const HARD: &str = "life=size=360x640:rate=30:ratio=0.3:death_color=#204060:life_color=#e0c070:mold=12:seed=7,\
    scale=1620:2880:flags=bicubic,rotate=a='0.25*sin(t*2)':c=gray,\
    crop=1080:1920:x='270+200*sin(t*3)':y='480+300*cos(t*2.3)',noise=alls=12:allf=t,format=yuv420p";

/// The files named, or the clips made below `folder`, which are kept there.
pub(super) fn find(files: &[PathBuf], folder: &Path) -> Result<Vec<Clip>> {
    if files.is_empty() {
        return MADE.iter().map(|(name, picture, secs)| make(name, picture, *secs, folder)).collect();
    }
    files.iter().map(|path| named(path)).collect()
}

fn named(path: &Path) -> Result<Clip> {
    let path = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
    let Some(name) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else {
        bail!("{} is no file", path.display());
    };
    Ok(Clip { name, path })
}

fn make(name: &str, picture: &str, secs: u32, folder: &Path) -> Result<Clip> {
    let path = folder.join(format!("{}.mp4", name.replace(' ', "-")));
    let clip = Clip { name: name.to_owned(), path };
    if clip.path.exists() {
        return Ok(clip);
    }
    say(&format!("making the clip {name}"));
    let half_made = clip.path.with_extension("part.mp4");
    let sound =
        "anoisesrc=color=pink:sample_rate=48000:amplitude=0.2:seed=1,tremolo=f=3,aformat=channel_layouts=stereo";
    run(ffmpeg::command("ffmpeg")
        .args(["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-t", &secs.to_string()])
        .args([
            "-c:v", "libx264", "-preset", "veryfast", "-b:v", "18M", "-maxrate", "24M", "-bufsize", "24M", "-g", "30",
        ])
        .args(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"])
        .args(["-c:a", "aac", "-b:a", "128k"])
        .arg(&half_made))?;
    std::fs::rename(&half_made, &clip.path).context("cannot keep the clip")?;
    Ok(clip)
}

//! The same ladder as `PeerTube` makes it: one `ffmpeg` for each rendition, each with a decode of
//! its own, capped by bits a pixel.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::ffmpeg::command;
use super::measure::{self, Cost};
use super::product::{Plan, Rung};
use crate::process::capture;

/// Bits a pixel by the shorter side, as its defaults have them; sizes between take the size below.
const BITS_PER_PIXEL: [(u64, f64); 4] = [(1080, 0.10), (720, 0.11), (480, 0.12), (0, 0.15)];

/// The short side of the largest rendition.
const TOP_EDGE: u64 = 1080;

/// The renditions it makes: those of the product, and the one of the source's own size where the product leaves it out.
pub(super) fn ladder(source: &Path, plan: &Plan) -> Result<Vec<Rung>> {
    let mut rungs = plan.rungs.clone();
    let Some(top) = rungs.last().cloned() else { bail!("the ladder is empty") };
    let edge = TOP_EDGE.min(short_side(source)?);
    let short = top.width.min(top.height);
    if short < edge {
        let side = |side: u64| (side * edge / short) & !1;
        let (width, height) = (side(top.width), side(top.height));
        rungs.push(Rung { name: format!("v{edge}"), width, height, encoder: Vec::new(), ..top });
    }
    Ok(rungs)
}

fn short_side(source: &Path) -> Result<u64> {
    let entries = ["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0"];
    let said = capture(Command::new("ffprobe").args(entries).arg(source))?;
    said.trim().split(',').filter_map(|side| side.parse().ok()).min().context("the source has no size")
}

/// Makes one rendition; what it cost and where it lies.
pub(super) fn encode(source: &Path, rung: &Rung, plan: &Plan, folder: &Path) -> Result<(Cost, PathBuf)> {
    let fps = fps(&rung.rate);
    let cap = cap_bits(rung, fps);
    let playlist = folder.join(format!("peer-{}.m3u8", rung.name));
    let made = folder.join(format!("peer-{}.mp4", rung.name));
    let mut command = command("ffmpeg");
    command
        .arg("-i")
        .arg(source)
        .args(["-vf", &format!("scale=w={}:h={}", rung.width, rung.height)])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-maxrate", &cap.to_string()])
        .args(["-bufsize", &(2 * cap).to_string(), "-b_strategy", "1", "-bf", "16"])
        .args(["-r", &rung.rate, "-g", &format!("{:.0}", 2.0 * fps), "-pix_fmt", "yuv420p", "-map_metadata", "-1"]);
    if plan.has_audio {
        command.args(["-c:a", if is_aac(source)? { "copy" } else { "aac" }]);
    }
    command
        .args(["-hls_time", "4", "-hls_list_size", "0", "-hls_playlist_type", "vod"])
        .args(["-hls_segment_type", "fmp4", "-hls_flags", "single_file", "-hls_segment_filename"])
        .arg(&made)
        .args(["-f", "hls"])
        .arg(&playlist);
    Ok((measure::run(&mut command)?, made))
}

/// Sound that players take as it is.
fn is_aac(source: &Path) -> Result<bool> {
    let entries = ["-v", "error", "-select_streams", "a:0", "-show_entries", "stream=codec_name", "-of", "csv=p=0"];
    Ok(capture(Command::new("ffprobe").args(entries).arg(source))?.trim() == "aac")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a bit rate")]
fn cap_bits(rung: &Rung, fps: f64) -> u64 {
    let short = rung.width.min(rung.height);
    let known = BITS_PER_PIXEL.iter().find(|(edge, _)| short >= *edge);
    let bits = known.map_or(0.15, |(_, bits)| *bits);
    ((rung.width * rung.height) as f64 * fps * bits) as u64
}

/// Pictures a second of a rate written as a fraction.
pub(super) fn fps(rate: &str) -> f64 {
    let (num, den) = rate.split_once('/').unwrap_or((rate, "1"));
    num.parse::<f64>().unwrap_or(30.0) / den.parse::<f64>().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_follow_the_size() {
        let rung = |width, height| Rung {
            name: String::new(),
            width,
            height,
            rate: "30/1".to_owned(),
            divisor: 1,
            encoder: Vec::new(),
        };
        assert_eq!(cap_bits(&rung(1080, 1920), 30.0), 6_220_800);
        assert_eq!(cap_bits(&rung(540, 960), 30.0), 1_866_240);
        assert_eq!(cap_bits(&rung(360, 640), 30.0), 1_036_800);
        assert!((fps("30000/1001") - 29.97).abs() < 0.01);
    }
}

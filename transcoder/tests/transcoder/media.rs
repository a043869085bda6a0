//! Media made by the `ffmpeg` command line.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A folder that is removed at the end, with a source in it.
pub struct Made {
    pub folder: tempfile::TempDir,
    pub source: PathBuf,
}

/// Runs `ffmpeg` with `arguments` and the name of its output last.
pub fn make(name: &str, arguments: &str) -> Made {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join(name);
    ffmpeg(arguments, &source);
    Made { folder, source }
}

/// A source with exactly these bytes.
pub fn bytes(name: &str, content: &[u8]) -> Made {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join(name);
    std::fs::write(&source, content).expect("a source is written");
    Made { folder, source }
}

/// Runs `ffmpeg` into a file of one's own.
pub fn ffmpeg(arguments: &str, output: &Path) {
    let result = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(arguments.split_whitespace())
        .arg(output)
        .output()
        .expect("ffmpeg starts");
    assert!(result.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&result.stderr));
}

/// What `ffprobe` says about one entry of a stream, one line each.
pub fn ffprobe(file: &Path, arguments: &str) -> Vec<String> {
    let result = Command::new("ffprobe")
        .args(["-hide_banner", "-loglevel", "error", "-of", "csv=p=0"])
        .args(arguments.split_whitespace())
        .arg(file)
        .output()
        .expect("ffprobe starts");
    assert!(result.status.success(), "ffprobe: {}", String::from_utf8_lossy(&result.stderr));
    let text = String::from_utf8(result.stdout).expect("ffprobe writes text");
    let mut lines: Vec<String> =
        text.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect();
    // Streams that belong to a program are listed twice.
    lines.dedup();
    lines
}

/// All pictures of a file as brightness and colour planes.
pub fn decoded(file: &Path) -> Vec<u8> {
    let result = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-i"])
        .arg(file)
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
        .output()
        .expect("ffmpeg starts");
    assert!(result.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&result.stderr));
    result.stdout
}

/// Standard error of `ffmpeg` reading a file into nothing through an audio filter.
fn audio_report(file: &Path, filter: &str) -> String {
    let result = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-i"])
        .arg(file)
        .args(["-vn", "-af", filter, "-f", "null", "-"])
        .output()
        .expect("ffmpeg starts");
    assert!(result.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&result.stderr));
    String::from_utf8_lossy(&result.stderr).into_owned()
}

/// Mean loudness of a file's sound after a filter, in decibels.
pub fn loudness_db(file: &Path, filter: &str) -> f64 {
    let report = audio_report(file, &format!("{filter},volumedetect"));
    number_after(&report, "mean_volume: ")
}

/// Integrated loudness in LUFS and the highest true peak in dBTP, as libav's own meter has them.
pub fn measured(file: &Path) -> (f64, f64) {
    let report = audio_report(file, "ebur128=peak=true");
    let (_, summary) = report.rsplit_once("Summary:").expect("a summary");
    (number_after(summary, "I:"), number_after(summary, "Peak:"))
}

/// When the first silence of a file ends, in seconds.
pub fn tone_starts_at(file: &Path) -> f64 {
    number_after(&audio_report(file, "silencedetect=noise=-30dB:duration=0.1"), "silence_end: ")
}

fn number_after(report: &str, label: &str) -> f64 {
    let (_, after) = report.split_once(label).unwrap_or_else(|| panic!("no {label} in {report}"));
    let number = after.split_whitespace().next().unwrap_or_default();
    number.parse().unwrap_or_else(|_| panic!("{number} is not a number"))
}

/// All files below a folder with their bytes, but for those named.
pub fn bytes_of(folder: &Path, but: &[&str]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(bytes_of(&path, but));
        } else if !but.iter().any(|name| path.ends_with(name)) {
            let bytes = std::fs::read(&path).expect("readable");
            found.push((path, bytes));
        }
    }
    found
}

/// The picture at `seconds` of a playlist or file, as rows of red, green and blue.
pub fn picture(file: &Path, seconds: f64, width: usize, height: usize) -> Vec<[u8; 3]> {
    let result = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-i"])
        .arg(file)
        .args(["-ss", &seconds.to_string(), "-frames:v", "1"])
        .args(["-vf", &format!("scale={width}:{height}:flags=area"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .expect("ffmpeg starts");
    assert!(result.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&result.stderr));
    result.stdout.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect()
}

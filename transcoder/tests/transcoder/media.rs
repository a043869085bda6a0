//! Media made by the `ffmpeg` command line.

use std::{path::{Path, PathBuf}, process::Command};

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

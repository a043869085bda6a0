//! Programs of others that judge what we made.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::world::world;

/// Writes bytes where a program can read them.
pub fn write_aside(name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = world().fresh_path("file-").with_extension(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

/// What `ffprobe` says about a file, tags and frame counts too.
pub fn probe(path: &Path) -> Value {
    let output = Command::new("ffprobe")
        .args(["-loglevel", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json"])
        .arg(path)
        .output()
        .expect("ffprobe runs");
    assert!(output.status.success() && output.stderr.is_empty(), "ffprobe: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("json")
}

/// Decodes everything of an address without a complaint.
pub fn decode(url: &str) {
    let output = run(Command::new("ffmpeg").args(["-nostdin", "-loglevel", "warning", "-xerror", "-i", url, "-f", "null", "-"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "ffmpeg on {url}: {said}");
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program runs")
}

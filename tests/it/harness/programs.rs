//! Programs of others that judge what we made.

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

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
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "ffprobe: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("json")
}

/// Where a file keeps the packet of pictures that is shown at `seconds`, such as `2.000000`.
pub fn packet_bytes(path: &Path, seconds: &str) -> Range<usize> {
    let mut command = Command::new("ffprobe");
    command.args(["-loglevel", "error", "-select_streams", "v", "-show_packets", "-of", "json"]).arg(path);
    let packets: Value = serde_json::from_slice(&run(&mut command).stdout).expect("json");
    let all = packets["packets"].as_array().expect("packets");
    let packet = all.iter().find(|packet| packet["pts_time"] == seconds).expect("a packet then");
    let number = |field: &str| packet[field].as_str().and_then(|text| text.parse::<usize>().ok()).expect("a number");
    number("pos")..number("pos") + number("size")
}

/// Decodes everything of an address without a complaint.
pub fn decode(url: &str) {
    let output =
        run(Command::new("ffmpeg").args(["-nostdin", "-loglevel", "warning", "-xerror", "-i", url, "-f", "null", "-"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "ffmpeg on {url}: {said}");
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program runs")
}

/// SHA-256 of these bytes as hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    let path = write_aside("bin", bytes);
    let output = run(Command::new("sha256sum").arg(path));
    String::from_utf8_lossy(&output.stdout).split(' ').next().expect("a digest").to_owned()
}

/// A script of the web app's, to be run against a server.
fn script(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    for package in ["playwright-core", "tus-js-client", "hls-parser", "mp4box"] {
        let is_installed = web.join("node_modules").join(package).is_dir();
        assert!(
            is_installed,
            "web/node_modules has no {package}: run the tests with `cargo xtask test`, which installs it"
        );
    }
    assert!(
        web.join("dist/index.html").is_file(),
        "web/dist is not built: run the tests with `cargo xtask test`, which builds it"
    );
    let mut command = Command::new("node");
    command.arg(web.join("e2e").join(name)).args(arguments).envs(variables.iter().copied());
    command
}

/// Runs a script; what it printed.
pub fn node(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    judge(name, &run(&mut script(name, arguments, variables)))
}

fn judge(name: &str, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{name}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A script that goes on while the test does something.
pub struct Script {
    name: &'static str,
    child: Child,
}

impl Script {
    /// Starts it and waits until it says that it has begun, in a line of its own.
    pub fn begin(name: &'static str, variables: &[(&str, &str)]) -> Self {
        let mut command = script(name, &[], variables);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = world().spawn(command);
        // Byte by byte: what comes after the line is read at the end.
        let output = child.stdout.as_mut().expect("a pipe");
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            match output.read(&mut byte) {
                Ok(1) => line.push(byte[0]),
                _ => break,
            }
        }
        let script = Self { name, child };
        if line == b"begun\n" {
            return script;
        }
        panic!("{name} did not begin: {}", script.finish());
    }

    /// Waits for its end; what it printed since it began.
    pub fn finish(self) -> String {
        judge(self.name, &self.child.wait_with_output().expect("the program ends"))
    }
}

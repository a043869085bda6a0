//! A server process: the real binary, its settings, its log.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use estrade_blobs::{Blobs, Connection};
use estrade_db::PgPool;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::client::Client;
use super::document::Document;
use super::wait::eventually;
use super::world::{S3_ACCESS_KEY, S3_REGION, S3_SECRET_KEY, world};

const BINARY: &str = env!("CARGO_BIN_EXE_estrade");

/// What a server is started with; the environment of the tests is not inherited.
#[derive(Debug, Clone)]
pub struct Setup {
    role: &'static str,
    settings: BTreeMap<String, String>,
    may_log_errors: bool,
}

/// A running server. Dropped, it is killed.
pub struct Estrade {
    setup: Setup,
    child: Child,
    log: Log,
    document: Arc<Document>,
    pub base: String,
    pub operators: String,
    has_ended: bool,
}

type Log = Arc<Mutex<Vec<Value>>>;

impl Setup {
    /// A database, a bucket and a data folder of its own; passwords are cheap and nobody is limited
    /// in how often they may try.
    pub async fn fresh() -> Self {
        let world = world();
        let bucket = world.unique("bucket-");
        let mut setup = Self::bare();
        setup.set("ESTRADE_DATABASE_URL", &world.cluster.create_database().await.expect("a database"));
        setup.set("ESTRADE_S3_ENDPOINT", &world.s3_url());
        setup.set("ESTRADE_S3_ACCESS_KEY", S3_ACCESS_KEY);
        setup.set("ESTRADE_S3_SECRET_KEY", S3_SECRET_KEY);
        setup.set("ESTRADE_S3_BUCKET", &bucket);
        setup
    }

    /// Nothing but a data folder: PostgreSQL and S3 are brought along.
    pub fn bare() -> Self {
        let mut setup = Self { role: "serve", settings: BTreeMap::new(), may_log_errors: false };
        let data = world().fresh_path("data-");
        for (name, value) in [
            ("ESTRADE_DATA_DIR", data.to_str().expect("a path in UTF-8")),
            ("ESTRADE_LISTEN", "127.0.0.1:0"),
            ("ESTRADE_METRICS_LISTEN", "127.0.0.1:0"),
            ("ESTRADE_LOG_FORMAT", "json"),
            ("ESTRADE_PASSWORD_MEMORY_KIB", "8"),
            ("ESTRADE_PASSWORD_PASSES", "1"),
            ("ESTRADE_DATABASE_CONNECTIONS", "6"),
            ("ESTRADE_SIGN_UPS_PER_MINUTE", "100000"),
            ("ESTRADE_LOGINS_PER_MINUTE", "100000"),
            ("ESTRADE_LOGINS_PER_HANDLE", "100000"),
            ("ESTRADE_GUESTS_PER_MINUTE", "100000"),
            ("ESTRADE_REPORTS_PER_MINUTE", "100000"),
            ("ESTRADE_EVENT_BATCHES_PER_MINUTE", "100000"),
            ("ESTRADE_UPLOAD_CREATIONS_PER_MINUTE", "100000"),
            ("ESTRADE_UPLOAD_OPEN_MAX", "1000"),
            ("ESTRADE_UPLOAD_DISK_RESERVE", "1048576"),
        ] {
            setup.set(name, value);
        }
        setup
    }

    /// Another process of the same installation: same database and bucket, a data folder of its own.
    pub fn beside(&self, role: &'static str) -> Self {
        let mut other = self.clone();
        other.role = role;
        let data = world().fresh_path("data-");
        other.set("ESTRADE_DATA_DIR", data.to_str().expect("a path in UTF-8"));
        other.set("ESTRADE_LISTEN", "127.0.0.1:0");
        other
    }

    /// Another role than all of them.
    pub fn role(mut self, role: &'static str) -> Self {
        self.role = role;
        self
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Errors in the log are what this test is about.
    pub fn may_log_errors(mut self) -> Self {
        self.may_log_errors = true;
        self
    }

    fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    pub fn get(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    pub fn data_dir(&self) -> PathBuf {
        PathBuf::from(self.get("ESTRADE_DATA_DIR"))
    }

    /// `estrade` with these settings and these arguments; ends with this process.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", BINARY]).args(arguments).env_clear().envs(&self.settings);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
        command
    }

    pub async fn start(self) -> Estrade {
        let (child, log) = self.launch();
        let mut starting = Starting { child: Some(child), log };
        let ready = eventually("the server is ready", || {
            let found = starting.look();
            async move { found }
        })
        .await;
        let child = starting.child.take().expect("it runs");
        let at = |field: &str| format!("http://{}", ready[field].as_str().expect(field));
        let base = at("listen");
        let document = Arc::new(Document::fetch(&base, self.role).await);
        Estrade {
            base,
            operators: at("operators"),
            setup: self,
            child,
            log: Arc::clone(&starting.log),
            document,
            has_ended: false,
        }
    }

    /// Starts a process that is expected to end by itself; its status and what it said.
    pub fn fail(&self) -> (ExitStatus, String) {
        let output = self.command(&[self.role]).output().expect("the binary runs");
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn launch(&self) -> (Child, Log) {
        let mut command = self.command(&[self.role]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = world().spawn(command);
        let lines = BufReader::new(child.stderr.take().expect("a pipe"));
        let log = Log::default();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let entry = serde_json::from_str(&line).unwrap_or(Value::String(line));
                kept.lock().expect("the log").push(entry);
            }
        });
        (child, log)
    }
}

/// A process that may not be ready in time: it does not outlive the attempt.
struct Starting {
    child: Option<Child>,
    log: Log,
}

impl Starting {
    fn look(&mut self) -> Option<Value> {
        let log = self.log.lock().expect("the log");
        let is_ready = |entry: &&Value| entry["message"].as_str().is_some_and(|text| text.starts_with("ready: "));
        if let Some(ready) = log.iter().find(is_ready) {
            return Some(ready.clone());
        }
        let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("a status"));
        assert!(ended.is_none(), "the server ended with {ended:?}: {log:#?}");
        None
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Estrade {
    /// A server with everything of its own.
    pub async fn start() -> Self {
        Setup::fresh().await.start().await
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// A client without identity.
    pub fn client(&self) -> Client {
        Client::new(&self.base, Arc::clone(&self.document))
    }

    /// A client signed up under a handle of its own.
    pub async fn sign_up(&self, stem: &str) -> Client {
        self.client().sign_up(&world().unique(stem)).await
    }

    /// The rows.
    pub async fn db(&self) -> PgPool {
        estrade_db::connect(self.setup.get("ESTRADE_DATABASE_URL"), 3).await.expect("the database")
    }

    /// The objects.
    pub fn blobs(&self) -> Blobs {
        Blobs::new(&Connection {
            endpoint: self.setup.get("ESTRADE_S3_ENDPOINT").to_owned(),
            bucket: self.setup.get("ESTRADE_S3_BUCKET").to_owned(),
            region: S3_REGION.to_owned(),
            access_key: S3_ACCESS_KEY.to_owned(),
            secret_key: S3_SECRET_KEY.to_owned(),
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.setup.data_dir()
    }

    /// Everything logged so far.
    pub fn log(&self) -> Vec<Value> {
        self.log.lock().expect("the log").clone()
    }

    /// Asks the process to stop; it goes on while requests are in flight.
    pub fn send_term(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a signal");
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = eventually("the server ends", || {
            let status = self.child.try_wait().expect("a status");
            async move { status }
        })
        .await;
        self.has_ended = true;
        status
    }

    /// An orderly stop, which must succeed.
    pub async fn stop(mut self) -> Setup {
        self.send_term();
        let status = self.ended().await;
        assert!(status.success(), "{status}: {:#?}", self.log());
        self.check_log();
        self.setup.clone()
    }

    /// `kill -9`; what it was started with. The port stays its own.
    pub fn kill(mut self) -> Setup {
        self.child.kill().expect("killed");
        self.child.wait().expect("collected");
        self.has_ended = true;
        self.check_log();
        self.setup.clone()
    }

    /// The same settings, and the same port as now: for clients that come back to their address.
    pub fn setup_on_same_port(&self) -> Setup {
        self.setup.clone().with("ESTRADE_LISTEN", self.base.trim_start_matches("http://"))
    }

    /// Nothing went wrong on our side that the test did not bring about.
    fn check_log(&self) {
        if self.setup.may_log_errors || std::thread::panicking() {
            return;
        }
        let log = self.log();
        let errors: Vec<&Value> = log
            .iter()
            .filter(|entry| {
                entry["level"] == "ERROR" || entry.is_string() || entry["http.status"].as_u64() == Some(500)
            })
            .collect();
        assert!(errors.is_empty(), "the server logged errors: {errors:#?}");
    }
}

impl Drop for Estrade {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.check_log();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<String> = log.iter().rev().take(30).rev().map(ToString::to_string).collect();
            eprintln!("the last of the server's log:\n{}", tail.join("\n"));
        }
    }
}

/// Runs `estrade` with arguments alone.
pub fn run_binary(arguments: &[&str]) -> std::process::Output {
    Command::new(BINARY).args(arguments).env_clear().current_dir(Path::new("/")).output().expect("the binary runs")
}

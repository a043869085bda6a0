//! Stop, start again: all is still there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use estrade_testkit::media::Clip;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::harness::client::PASSWORD;
use crate::harness::programs::decode;
use crate::harness::server::Setup;
use crate::harness::{Client, Estrade, eventually, world};

/// The same account, by its password, sees the same clip, and anybody plays it.
async fn check_all_is_there(server: &Estrade, handle: &str, id: &str) {
    let session = server
        .client()
        .post("/v1/sessions", &json!({ "handle": handle, "password": PASSWORD }))
        .await
        .expect(201)
        .json();
    let creator = server.client().with_token(session["token"].as_str().expect("a token"));
    let clip = creator.clip(id).await;
    assert_eq!((&clip["state"], &clip["complete"], &clip["caption"]), (&json!("ready"), &json!(true), &json!("kept")));
    decode(clip["hls_url"].as_str().expect("an address"));
    eventually("the feed knows the clip", || async {
        let page = server.client().get("/v1/feeds/for-you").await.expect(200).json();
        (page["items"][0]["clip"]["id"] == id).then_some(())
    })
    .await;
}

#[tokio::test]
async fn after_a_stop_and_a_start_everything_is_still_there() {
    let server = Estrade::start().await;
    let creator = server.sign_up("ada").await;
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[("caption", "kept")]).await;
    let id = clip["id"].as_str().expect("an id");
    let half = creator.create_upload(1000, &[]).await;
    let server = server.stop().await.start().await;
    check_all_is_there(&server, &creator.handle, id).await;
    let creator = creator.at(&server.base);
    creator.get("/v1/me").await.expect(200);
    assert_eq!(creator.offset(&half).await, Ok(0), "an upload survives too");
}

/// The database server of a data folder; it must not outlive the test.
struct Postmaster(PathBuf);

impl Postmaster {
    fn pid(&self) -> Option<i32> {
        let text = fs::read_to_string(self.0.join("postgres/data/postmaster.pid")).ok()?;
        let pid: i32 = text.lines().next()?.parse().ok()?;
        let cwd = fs::read_link(Path::new("/proc").join(pid.to_string()).join("cwd")).ok()?;
        cwd.starts_with(self.0.canonicalize().ok()?).then_some(pid)
    }

    fn kill(&self) {
        if let Some(pid) = self.pid().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test]
async fn with_nothing_given_everything_is_brought_along_and_survives_kill_nine() {
    let setup = Setup::bare();
    let postmaster = Postmaster(setup.data_dir());
    let server = setup.start().await;
    let creator = server.sign_up("ada").await;
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[("caption", "kept")]).await;
    let id = clip["id"].as_str().expect("an id");
    check_folder(&server.data_dir());
    grant_moderator(&server, &creator).await;

    let first = postmaster.pid().expect("a database server");
    let server = server.kill().start().await;
    assert_eq!(postmaster.pid(), Some(first), "the database server is adopted");
    check_all_is_there(&server, &creator.handle, id).await;

    let setup = server.kill();
    postmaster.kill();
    let server = setup.start().await;
    assert_ne!(postmaster.pid(), Some(first), "a new database server runs");
    check_all_is_there(&server, &creator.handle, id).await;

    let setup = server.stop().await;
    assert_eq!(postmaster.pid(), None, "an orderly stop stops the database server too");
    let server = setup.start().await;
    check_all_is_there(&server, &creator.handle, id).await;
    server.stop().await;
}

/// Secrets are for their owner; the database is nobody privileged's.
fn check_folder(data: &Path) {
    let cluster = fs::metadata(data.join("postgres/data")).expect("the cluster");
    assert_ne!(cluster.uid(), 0, "PostgreSQL does not run as root");
    assert_eq!(cluster.mode() & 0o077, 0, "the cluster is closed");
    for secret in fs::read_dir(data.join("secrets")).expect("secrets") {
        let secret = secret.expect("an entry").metadata().expect("metadata");
        assert_eq!(secret.mode() & 0o077, 0, "a secret is readable by others");
    }
}

/// A command beside a running server uses the server's database.
async fn grant_moderator(server: &Estrade, account: &Client) {
    let output = server.setup().command(&["admin", "grant", &account.handle, "moderator"]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(account.get("/v1/me").await.expect(200).json()["roles"], json!(["moderator"]));
    let output = server.setup().command(&["admin", "grant", "nobody_at_all", "operator"]).output().expect("it runs");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("nobody_at_all"));
}

#[tokio::test]
async fn a_second_server_in_the_same_data_folder_is_turned_away() {
    let server = Estrade::start().await;
    let (status, said) = server.setup().fail();
    assert!(!status.success() && said.contains("--data-dir"), "{status} {said}");
    server.client().get("/v1/feeds/trending").await.expect(200);
}

#[tokio::test]
async fn a_role_of_its_own_asks_for_the_stores_it_shares() {
    for role in ["api", "feed", "transcoder"] {
        let (status, said) = Setup::bare().role(role).fail();
        assert!(
            !status.success() && said.contains("ESTRADE_DATABASE_URL") && said.contains("ESTRADE_S3_ENDPOINT"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_doctor_finds_nothing_wrong_where_the_tests_run() {
    let setup = Setup::fresh().await;
    let output = setup.command(&["doctor"]).output().expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let broken = setup.with("ESTRADE_DATABASE_URL", "postgres://127.0.0.1:1/none");
    let output: std::process::Output = Command::output(&mut broken.command(&["doctor"])).expect("it runs");
    assert!(!output.status.success(), "a database that is away is found");
}

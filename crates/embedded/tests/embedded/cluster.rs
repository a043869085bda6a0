use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use estrade_embedded::postgres::{PostgresCluster, PostgresError, PostgresOptions};
use rustix::process::{Pid, Signal, kill_process};

use crate::victim::{self, Victim, is_root, scratch, wait_until_gone};

const HOLDER: &str = "cluster::helper_holds_a_cluster";

/// Cheap, but adopted like in production.
const LASTING: PostgresOptions = PostgresOptions { fsync: false, stop_when_killed: false };

fn query(url: &str, sql: &str) -> String {
    let mut psql = Command::new("psql");
    let output = psql.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output().expect("psql runs");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn kill_nine(pid: i32) {
    kill_process(Pid::from_raw(pid).expect("a process id"), Signal::KILL).expect("killed");
}

async fn start(dir: &Path) -> PostgresCluster {
    PostgresCluster::start_with(dir, LASTING).await.expect("a cluster")
}

/// The process the tests kill.
#[tokio::test]
#[ignore = "run by other tests in a process of its own"]
async fn helper_holds_a_cluster() {
    let Some((dir, mode)) = victim::orders() else {
        return;
    };
    let options = PostgresOptions { fsync: false, stop_when_killed: mode == "stop_when_killed" };
    let cluster = PostgresCluster::start_with(&dir, options).await.expect("a cluster");
    let answer = query(&cluster.url("postgres"), "select current_user");
    let said = format!("{} {} {answer}", cluster.pid(), cluster.is_adopted());
    victim::say_ready_and_wait(&said);
    cluster.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_cluster_keeps_its_data_and_ends_with_its_owner() {
    let scratch = scratch();
    let dir = scratch.path().join("postgres");
    assert_eq!(PostgresCluster::find_running_url(&dir, "postgres").await.expect("no cluster"), None);
    let cluster = start(&dir).await;
    let url = cluster.url("postgres");
    assert_eq!(query(&url, "select current_user"), "postgres");
    assert_eq!(query(&url, "show listen_addresses"), "");
    assert_eq!(query(&url, "show data_checksums"), "on");
    query(&url, "create database \"a b\"");
    query(&cluster.url("a b"), "create table t as select 7 as n");
    assert_eq!(PostgresCluster::find_running_url(&dir, "postgres").await.expect("running"), Some(url));
    assert!(cluster.socket_dir().join(".s.PGSQL.5432").exists());
    let pid = cluster.pid();
    cluster.stop().await.expect("stopped");
    wait_until_gone(pid);
    assert_eq!(PostgresCluster::find_running_url(&dir, "postgres").await.expect("stopped"), None);

    let again = start(&dir).await;
    assert!(!again.is_adopted());
    assert_eq!(query(&again.url("a b"), "select n from t"), "7");
    let pid = again.pid();
    drop(again);
    wait_until_gone(pid);
}

#[tokio::test]
async fn after_kill_nine_the_next_start_adopts_the_server() {
    let scratch = scratch();
    let dir = scratch.path().join("postgres");
    let helper = Victim::start(HOLDER, &dir, "lasting");
    let pid: i32 = helper.said.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a process id");
    let refused = PostgresCluster::start_with(&dir, LASTING).await.expect_err("the helper owns it");
    assert!(matches!(refused, PostgresError::InUse { .. }), "{refused}");
    helper.kill();

    let cluster = start(&dir).await;
    assert!(cluster.is_adopted());
    assert_eq!(cluster.pid(), pid);
    assert_eq!(query(&cluster.url("postgres"), "select 1"), "1");
    cluster.stop().await.expect("stopped");
    wait_until_gone(pid);
}

#[tokio::test]
async fn a_server_with_other_settings_is_replaced_and_one_that_was_killed_is_recovered() {
    let scratch = scratch();
    let dir = scratch.path().join("postgres");
    let helper = Victim::start(HOLDER, &dir, "lasting");
    let old: i32 = helper.said.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a process id");
    helper.kill();
    let durable = PostgresOptions { fsync: true, ..LASTING };
    let cluster = PostgresCluster::start_with(&dir, durable).await.expect("a cluster");
    assert!(!cluster.is_adopted());
    wait_until_gone(old);
    assert_eq!(query(&cluster.url("postgres"), "show fsync"), "on");

    // A session that outlives its postmaster holds the shared memory until it notices.
    let url = cluster.url("postgres");
    query(&url, "create table t as select 7 as n");
    let mut session = Command::new("psql")
        .args(["-X", "-c", "select pg_sleep(600)", &url])
        .stderr(Stdio::null())
        .spawn()
        .expect("psql runs");
    let sleeping = "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'";
    while query(&url, sleeping) != "1" {}
    let pid = cluster.pid();
    kill_nine(pid);
    cluster.wait_for_exit().await;
    drop(cluster);
    let cluster = start(&dir).await;
    assert_eq!(query(&cluster.url("postgres"), "select n from t"), "7");
    session.kill().expect("killed");
    session.wait().expect("collected");
    cluster.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_server_may_be_bound_to_the_life_of_its_owner() {
    let scratch = scratch();
    let dir = scratch.path().join("postgres");
    let helper = Victim::start(HOLDER, &dir, "stop_when_killed");
    let pid: i32 = helper.said.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a process id");
    helper.kill();
    wait_until_gone(pid);
}

#[tokio::test]
async fn an_interrupted_first_start_and_stale_locks_are_got_over() {
    let scratch = scratch();
    // Too long for a socket, so that it goes to a folder in /tmp.
    let dir = scratch.path().join("x".repeat(100)).join("postgres");
    fs::create_dir_all(dir.join("data.init/base")).expect("made");
    fs::set_permissions(dir.join("data.init"), fs::Permissions::from_mode(0o700)).expect("closed");
    let cluster = start(&dir).await;
    assert!(cluster.socket_dir().starts_with("/tmp"), "{}", cluster.socket_dir().display());
    assert_eq!(query(&cluster.url("postgres"), "select 1"), "1");
    let socket_dir = cluster.socket_dir().to_path_buf();
    cluster.stop().await.expect("stopped");

    // After a power cut, the number in the lock files may belong to anybody, even to a process of the
    // user the server runs as, which it would take for another server.
    let mut stranger = Command::new("cat");
    stranger.stdin(Stdio::piped());
    if is_root() {
        let data = fs::metadata(dir.join("data")).expect("made");
        stranger.uid(data.uid()).gid(data.gid());
    }
    let mut stranger = stranger.spawn().expect("cat runs");
    let lock = format!("{}\n{}\n1\n5432\n\n\n1 1\nready\n", stranger.id(), dir.join("data").display());
    fs::write(dir.join("data/postmaster.pid"), &lock).expect("written");
    fs::write(socket_dir.join(".s.PGSQL.5432.lock"), &lock).expect("written");
    let cluster = start(&dir).await;
    assert!(!cluster.is_adopted());
    assert_ne!(cluster.pid(), i32::try_from(stranger.id()).expect("a process id"));
    cluster.stop().await.expect("stopped");
    assert!(stranger.try_wait().expect("watched").is_none(), "a stranger was stopped");
    drop(stranger.stdin.take());
    stranger.wait().expect("collected");
    fs::remove_dir_all(socket_dir).expect("removed");
}

#[tokio::test]
async fn an_ordinary_user_runs_a_cluster_too() {
    if !is_root() {
        // Then all the other tests show it.
        return;
    }
    let scratch = scratch();
    let home = scratch.path().join("home");
    fs::create_dir(&home).expect("made");
    std::os::unix::fs::chown(&home, Some(victim::NOBODY), Some(victim::NOBODY)).expect("given away");
    let dir = home.join("postgres");
    let first = Victim::start_as_nobody(HOLDER, &dir, "lasting");
    let pid = first.said.split(' ').next().expect("a process id").to_owned();
    assert_eq!(first.said, format!("{pid} false postgres"));
    first.kill();
    let second = Victim::start_as_nobody(HOLDER, &dir, "lasting");
    assert_eq!(second.said, format!("{pid} true postgres"));
    second.finish();
    wait_until_gone(pid.parse().expect("a process id"));
    // Root runs the cluster as the user it belongs to.
    let cluster = start(&dir).await;
    assert_eq!(query(&cluster.url("postgres"), "select current_user"), "postgres");
    cluster.stop().await.expect("stopped");
    let last = Victim::start_as_nobody(HOLDER, &dir, "lasting");
    last.finish();
}

#[tokio::test]
async fn a_folder_the_server_cannot_reach_is_named_with_what_to_do() {
    if !is_root() {
        // Only root becomes somebody who may not go where root goes.
        return;
    }
    let closed = tempfile::tempdir().expect("a scratch folder");
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).expect("closed");
    let dir = closed.path().join("postgres");
    let error = PostgresCluster::start_with(&dir, LASTING).await.expect_err("closed");
    assert!(matches!(error, PostgresError::Unreachable { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("ESTRADE_DATA_DIR"), "{text}");
    assert!(text.contains(&format!("chmod o+x {}", closed.path().display())), "{text}");
}

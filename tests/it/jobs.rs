//! Workers that die, stop and give up.

use std::path::Path;
use std::time::{Duration, Instant};

use estrade_db::PgPool;
use estrade_testkit::media::Clip;
use serde_json::{Value, json};

use crate::harness::hls::Multivariant;
use crate::harness::programs::{decode, packet_bytes};
use crate::harness::server::Setup;
use crate::harness::{Client, Estrade, eventually, world};

/// Takes some seconds to process: there is a middle to be struck in.
const LONG: Clip = Clip { width: 720, height: 1280, tenths: 120, rate: 30, has_audio: true, extra: &[] };

/// The clip's newest job: state, attempts, lease token.
async fn job(db: &PgPool) -> (String, i32, i64) {
    let statement = "SELECT state, attempt, lease_token FROM jobs ORDER BY created_at DESC LIMIT 1";
    sqlx::query_as(statement).fetch_one(db).await.expect("a job")
}

async fn chunks(db: &PgPool) -> Vec<(i32, i64)> {
    sqlx::query_as("SELECT number, token FROM media_chunks ORDER BY number").fetch_all(db).await.expect("chunks")
}

/// Uploads the long clip and waits until its transcode is well on its way and not at its end.
async fn strike_in_the_middle(creator: &Client, db: &PgPool) -> String {
    let id = creator.upload(&world().clip_bytes(LONG), &[]).await;
    eventually("the first chunk is stored", || async { (!chunks(db).await.is_empty()).then_some(()) }).await;
    let (state, ..) = job(db).await;
    assert_eq!(state, "running", "the job has a middle");
    id
}

async fn let_leases_lapse(db: &PgPool) {
    let statement = "UPDATE jobs SET leased_until = now() - interval '1 second' WHERE state = 'running'";
    sqlx::query(statement).execute(db).await.expect("lapsed");
}

/// Whole, decodable, and from the first rung to the last.
async fn check_finished(creator: &Client, id: &str) {
    let clip = creator.wait_complete(id).await;
    let url = clip["hls_url"].as_str().expect("an address");
    assert_eq!(Multivariant::fetch(creator, url).await.rungs(), [360, 540, 720]);
    decode(url);
}

#[tokio::test]
async fn when_a_server_is_killed_another_one_finishes_its_transcode() {
    let server = Estrade::start().await;
    let (creator, db) = (server.sign_up("ada").await, server.db().await);
    let id = strike_in_the_middle(&creator, &db).await;
    let children = children_of(server.pid());
    assert!(!children.is_empty(), "media is read in a child");
    let setup = server.kill();
    eventually("no child outlives the server", || async { children.iter().all(|pid| !is_alive(*pid)).then_some(()) })
        .await;
    let done_before = chunks(&db).await;
    let_leases_lapse(&db).await;

    let successor = setup.beside("serve").start().await;
    check_finished(&creator.at(&successor.base), &id).await;
    let (state, attempt, token) = job(&db).await;
    assert_eq!((state.as_str(), attempt), ("completed", 2));
    let done = chunks(&db).await;
    assert!(done.starts_with(&done_before), "what was done stays: {done_before:?} {done:?}");
    assert!(done.iter().skip(done_before.len()).all(|(_, made_by)| *made_by == token), "{done:?}");
    assert!(done.len() > done_before.len(), "there was something left to do");
}

#[tokio::test]
async fn a_server_that_stops_hands_its_transcode_back_and_it_costs_no_attempt() {
    let server = Estrade::start().await;
    let (creator, db) = (server.sign_up("ada").await, server.db().await);
    let id = strike_in_the_middle(&creator, &db).await;
    let setup = server.stop().await;
    let (state, attempt, _) = job(&db).await;
    assert_eq!((state.as_str(), attempt), ("available", 0));

    let successor = setup.start().await;
    check_finished(&creator.at(&successor.base), &id).await;
    let (state, attempt, _) = job(&db).await;
    assert_eq!((state.as_str(), attempt), ("completed", 1));
}

#[tokio::test]
async fn a_clip_that_kills_its_workers_is_given_up_with_a_reason_and_may_be_tried_again() {
    let server = Setup::fresh().await.may_log_errors().start().await;
    let (creator, db) = (server.sign_up("ada").await, server.db().await);
    let id = strike_in_the_middle(&creator, &db).await;
    let setup = server.kill();
    sqlx::query("UPDATE jobs SET attempt = attempts_max").execute(&db).await.expect("used up");
    let_leases_lapse(&db).await;

    let successor = setup.start().await;
    let creator = creator.at(&successor.base);
    let clip = eventually("the clip is given up", || async {
        let clip = creator.clip(&id).await;
        (!clip["failure"].is_null()).then_some(clip)
    })
    .await;
    assert_eq!((&clip["failure"]["code"], &clip["failure"]["retryable"]), (&json!("worker_lost"), &json!(true)));
    assert!(clip["failure"]["message"].as_str().is_some_and(|message| message.ends_with('.')), "{clip}");
    creator.post(&format!("/v1/clips/{id}/retry"), &Value::Null).await.expect(202);
    check_finished(&creator, &id).await;
}

/// The order in which chunks were stored: whose, and which.
async fn order(db: &PgPool) -> Vec<(String, i32)> {
    let statement = "SELECT a.handle, k.number FROM media_chunks k
        JOIN media_versions v ON v.id = k.version_id JOIN clips c ON c.id = v.clip_id
        JOIN accounts a ON a.id = c.creator_id ORDER BY k.stored_at";
    sqlx::query_as(statement).fetch_all(db).await.expect("chunks")
}

#[tokio::test]
async fn under_backlog_everybody_plays_before_anybody_is_complete() {
    const UPLOADS: usize = 8;
    let api = Setup::fresh().await.role("api").start().await;
    let (ada, bob, db) = (api.sign_up("ada").await, api.sign_up("bob").await, api.db().await);
    let source = world().clip_bytes(Clip::PORTRAIT);
    let mut ids = Vec::new();
    for _ in 0..UPLOADS {
        ids.push(ada.upload(&source, &[]).await);
    }
    let of_bob = bob.upload(&source, &[]).await;
    let queued = "SELECT count(*) FROM jobs WHERE kind = 'transcode_clip'";
    eventually("all are in the queue", || async {
        let count: i64 = sqlx::query_scalar(queued).fetch_one(&db).await.expect("a count");
        (count == 9).then_some(())
    })
    .await;
    let transcoder = api.setup().beside("transcoder").start().await;
    bob.wait_complete(&of_bob).await;
    for id in &ids {
        ada.wait_complete(id).await;
    }
    // The last clip is gone on with by the child that began it.
    let metrics = eventually("every attempt is counted", || async {
        let metrics = reqwest::get(format!("{}/metrics", transcoder.operators)).await.ok()?.text().await.ok()?;
        let count = format!("estrade_transcoder_child_peak_bytes_count {}\n", 2 * UPLOADS + 1);
        metrics.contains(&count).then_some(metrics)
    })
    .await;
    let probes = format!("estrade_transcoder_stage_seconds_count{{stage=\"probe\"}} {}\n", UPLOADS + 1);
    assert!(metrics.contains(&probes), "none of them went to the end of its clip:\n{metrics}");
    let order = order(&db).await;
    assert_eq!(order[1].0, bob.handle, "the other creator is second: {order:?}");
    let (firsts, rests) = order.split_at(UPLOADS + 1);
    assert!(firsts.iter().all(|(_, number)| *number == 0) && rests.len() == UPLOADS + 1, "{order:?}");
    assert!(rests.iter().all(|(_, number)| *number == 1), "{order:?}");
    for server in [transcoder, api] {
        server.stop().await;
    }
}

/// Long enough for two ranges of chunks, small enough to be done in seconds.
const TWO_RANGES: Clip = Clip { width: 180, height: 320, tenths: 450, rate: 15, has_audio: true, extra: &[] };

async fn workers(db: &PgPool) -> Vec<String> {
    let statement = "SELECT DISTINCT worker FROM jobs WHERE state = 'running' AND kind = 'transcode_range'";
    sqlx::query_scalar(statement).fetch_all(db).await.expect("workers")
}

#[tokio::test]
async fn two_workers_share_one_long_clip_and_one_of_them_may_die() {
    let api = Setup::fresh().await.role("api").start().await;
    let one = api.setup().beside("transcoder").start().await;
    let two = api.setup().beside("transcoder").start().await;
    let (creator, db) = (api.sign_up("ada").await, api.db().await);
    let id = creator.upload(&world().clip_bytes(TWO_RANGES), &[]).await;
    eventually("two workers are on one clip", || async { (workers(&db).await.len() == 2).then_some(()) }).await;
    let killed = format!("%-{}", two.pid());
    two.kill();
    let lapse = "UPDATE jobs SET leased_until = now() - interval '1 second' WHERE state = 'running' AND worker LIKE $1";
    let lapsed = sqlx::query(lapse).bind(killed).execute(&db).await.expect("lapsed");
    assert_eq!(lapsed.rows_affected(), 1, "it was at work");
    let clip = creator.wait_complete(&id).await;
    decode(clip["hls_url"].as_str().expect("an address"));
    let done = chunks(&db).await;
    let numbers: Vec<i32> = done.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5], "every chunk, once");
    let states = "SELECT kind, state FROM jobs ORDER BY created_at";
    let states: Vec<(String, String)> = sqlx::query_as(states).fetch_all(&db).await.expect("jobs");
    assert!(states.len() == 3, "{states:?}");
    eventually("all jobs have ended", || async {
        let live = "SELECT count(*) FROM jobs WHERE state <> 'completed'";
        let live: i64 = sqlx::query_scalar(live).fetch_one(&db).await.expect("a count");
        (live == 0).then_some(())
    })
    .await;
    for server in [one, api] {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_clip_is_tried_again_three_times_and_not_more() {
    let api = Setup::fresh().await.role("api").start().await;
    let creator = api.sign_up("ada").await;
    let id = creator.upload(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    eventually("the source is stored", || async {
        let keys = api.blobs().list("sources/").await.expect("listed");
        for key in &keys {
            api.blobs().delete(key).await.expect("deleted");
        }
        (!keys.is_empty()).then_some(())
    })
    .await;
    let transcoder = api.setup().beside("transcoder").start().await;
    let retry = format!("/v1/clips/{id}/retry");
    for tries_left in (0..=3).rev() {
        let failed = creator.wait_failed(&id).await;
        assert_eq!(failed["failure"]["code"], "source_missing");
        assert_eq!(failed["failure"]["retryable"], json!(tries_left > 0), "{failed}");
        if tries_left > 0 {
            creator.post(&retry, &Value::Null).await.expect(202);
        }
    }
    creator.post(&retry, &Value::Null).await.expect_code(409, "retries_exhausted");
    let log = transcoder.log();
    let given_up: Vec<&Value> = log.iter().filter(|entry| entry["error.code"] == "source_missing").collect();
    assert!(given_up.len() >= 4 && given_up.iter().all(|entry| entry["clip.id"].is_string()), "{given_up:#?}");
    for server in [transcoder, api] {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_clip_that_lost_its_job_is_found_and_gone_on_with() {
    let api = Setup::fresh().await.role("api").start().await;
    let (creator, db) = (api.sign_up("ada").await, api.db().await);
    let id = creator.upload(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    eventually("its job is lost", || async {
        let done = sqlx::query("DELETE FROM jobs").execute(&db).await.expect("deleted");
        (done.rows_affected() == 1).then_some(())
    })
    .await;
    let transcoder = api.setup().beside("transcoder").start().await;
    creator.wait_complete(&id).await;
    sqlx::raw_sql(
        "DELETE FROM jobs;
         UPDATE media_versions SET is_complete = false, rescues = 2",
    )
    .execute(&db)
    .await
    .expect("stranded for the third time");
    transcoder.stop().await;
    let transcoder = api.setup().beside("transcoder").start().await;
    let failed = eventually("it is given up", || async {
        let clip = creator.clip(&id).await;
        (!clip["failure"].is_null()).then_some(clip)
    })
    .await;
    assert_eq!((&failed["failure"]["code"], &failed["failure"]["retryable"]), (&json!("stranded"), &json!(true)));
    for server in [transcoder, api] {
        server.stop().await;
    }
}

#[tokio::test]
async fn one_clip_that_cannot_be_stored_does_not_hold_up_the_others() {
    let server = Setup::fresh().await.may_log_errors().start().await;
    let (creator, db) = (server.sign_up("ada").await, server.db().await);
    sqlx::query("UPDATE jobs SET attempt = attempts_max").execute(&db).await.expect("nothing yet");
    let source = world().clip_bytes(Clip::PORTRAIT);
    let id = creator.upload(&source, &[("visibility", "private")]).await;
    creator.wait_complete(&id).await;
    for key in server.blobs().list("sources/").await.expect("listed") {
        server.blobs().delete(&key).await.expect("deleted");
    }
    // A version to be made of a source that is no longer there, as after a loss in the store.
    sqlx::raw_sql(
        "BEGIN; UPDATE clips SET processing = 'waiting', version_id = NULL, published_at = NULL, publish = false;
         DELETE FROM renditions; DELETE FROM media_chunks;
         UPDATE media_versions SET plan = NULL, plan_token = NULL, published_chunks = 0, playlist = NULL, first_token = NULL, duration_ms = NULL, width = NULL,
                height = NULL, has_audio = NULL, is_complete = false, poster_name = NULL, poster_token = NULL;
         DELETE FROM jobs WHERE kind <> 'transcode_clip';
         UPDATE jobs SET state = 'available', finished_at = NULL, attempt = 0, run_at = now(); NOTIFY jobs; COMMIT",
    )
    .execute(&db)
    .await
    .expect("changed");
    let good = creator.publish(&source, &[]).await;
    assert_eq!(good["state"], "ready");
    let failed = creator.wait_failed(&id).await;
    assert_eq!(failed["failure"]["code"], "source_missing");
}

#[tokio::test]
async fn each_role_works_in_a_process_of_its_own() {
    let api = Setup::fresh().await.role("api").start().await;
    let feed = api.setup().beside("feed").start().await;
    let transcoder = api.setup().beside("transcoder").start().await;
    let creator = api.sign_up("ada").await;
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    let guest = feed.client();
    eventually("the feed's process serves the clip", || async {
        let page = guest.get("/v1/feeds/trending").await.expect(200).json();
        page["items"].as_array().expect("items").iter().any(|item| item["clip"]["id"] == clip["id"]).then_some(())
    })
    .await;
    for (server, path) in
        [(&feed, "/v1/me"), (&transcoder, "/v1/me"), (&transcoder, "/v1/feeds/trending"), (&api, "/v1/feeds/trending")]
    {
        server.client().call(reqwest::Method::GET, path).undocumented().await.expect(404);
    }
    for server in [api, feed, transcoder] {
        server.stop().await;
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// After the name in parentheses stand the state and the parent.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_clip_deleted_while_it_is_processed_leaves_nothing_behind() {
    let server = Estrade::start().await;
    let (creator, db) = (server.sign_up("regretful").await, server.db().await);
    let id = strike_in_the_middle(&creator, &db).await;
    creator.delete(&format!("/v1/clips/{id}")).await.expect(204);
    let blobs = server.blobs();
    eventually("nobody works on it, and no object of it is left", || async {
        let statement = "SELECT count(*) FROM jobs WHERE state IN ('available', 'running')";
        let live: i64 = sqlx::query_scalar(statement).fetch_one(&db).await.expect("a count");
        let left = [blobs.list("media/").await.expect("listed"), blobs.list("sources/").await.expect("listed")];
        (live == 0 && left.concat().is_empty()).then_some(())
    })
    .await;
}

/// One part takes longer than anybody waits for a deletion.
const SLOW: Clip = Clip { width: 1080, height: 1920, tenths: 400, ..LONG };

#[tokio::test]
async fn work_on_a_deleted_clip_ends_soon_and_counts_as_no_failure() {
    let source = world().clip_bytes(SLOW);
    let server = Estrade::start().await;
    let (creator, db) = (server.sign_up("hasty").await, server.db().await);
    let id = creator.upload(&source, &[]).await;
    let uploaded_at = Instant::now();
    eventually("the rest of it is worked on, and waits", || async {
        let states = "SELECT state FROM jobs WHERE kind = 'transcode_range' ORDER BY state";
        let states: Vec<String> = sqlx::query_scalar(states).fetch_all(&db).await.expect("jobs");
        let has = |state: &str| states.iter().any(|found| found == state);
        (has("running") && has("available")).then_some(())
    })
    .await;
    // However slow the machine is: the chunk in work takes several times as long as the first one took.
    let soon = Duration::from_secs(3) + uploaded_at.elapsed();
    creator.delete(&format!("/v1/clips/{id}")).await.expect(204);
    let deleted_at = Instant::now();
    let waiting = "SELECT count(*) FROM jobs WHERE state = 'available' AND kind <> 'delete_media'";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(&db).await.expect("a count"),
        0,
        "nothing more is begun"
    );
    eventually("nobody works on it", || async {
        let live = "SELECT count(*) FROM jobs WHERE state IN ('available', 'running')";
        let live: i64 = sqlx::query_scalar(live).fetch_one(&db).await.expect("a count");
        (live == 0 && children_of(server.pid()).is_empty()).then_some(())
    })
    .await;
    assert!(deleted_at.elapsed() < soon, "{:?}, not {soon:?}", deleted_at.elapsed());
    let failed = "SELECT count(*) FROM jobs WHERE error_code IS NOT NULL";
    assert_eq!(sqlx::query_scalar::<_, i64>(failed).fetch_one(&db).await.expect("a count"), 0);
    let log = server.log();
    let warnings: Vec<&Value> =
        log.iter().filter(|entry| entry["level"] == "WARN" && entry["target"] == "estrade_jobs::worker").collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    let blobs = server.blobs();
    let left = [blobs.list("media/").await.expect("listed"), blobs.list("sources/").await.expect("listed")];
    assert!(left.concat().is_empty(), "{left:?}");
}

/// Fits the largest rung as it is: key pictures every second, few bits, colours declared.
const READY: Clip = Clip {
    extra: &[
        "-g",
        "30",
        "-bf",
        "2",
        "-sc_threshold",
        "0",
        "-b:v",
        "300k",
        "-maxrate",
        "300k",
        "-bufsize",
        "300k",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
        "-colorspace",
        "bt709",
        "-color_range",
        "tv",
    ],
    tenths: 140,
    has_audio: false,
    ..Clip::PORTRAIT
};

#[tokio::test]
async fn a_clip_that_turns_out_damaged_while_it_is_repackaged_is_made_anew_and_whole() {
    let server = Estrade::start().await;
    let (creator, db) = (server.sign_up("scratched").await, server.db().await);
    let path = world().shelf.clip(READY).expect("a clip");
    let mut source = std::fs::read(&path).expect("its bytes");
    let packet = packet_bytes(&path, "12.000000");
    let third = packet.len() / 3;
    for (index, byte) in source[packet.start + third..packet.end - third].iter_mut().enumerate() {
        *byte = u8::try_from(index * 37 % 251).expect("below 251");
    }
    let id = creator.upload(&source, &[]).await;
    let clip = creator.wait_complete(&id).await;
    let versions: Vec<(String, bool)> = sqlx::query_as(
        "SELECT v.plan -> 'plan' ->> 'top_rung', c.version_id = v.id FROM media_versions v
         JOIN clips c ON c.id = v.clip_id ORDER BY v.id",
    )
    .fetch_all(&db)
    .await
    .expect("versions");
    assert_eq!(versions.len(), 2, "one that could not be carried out, and one more: {versions:?}");
    assert!(versions[0].0.contains("epackaged") && !versions[0].1, "{versions:?}");
    assert!(versions[1].0.contains("ncoded") && versions[1].1, "{versions:?}");
    decode(clip["hls_url"].as_str().expect("an address"));
}

//! Versions of a clip: which one may fail it, and that none that is shown is made anew in place.

use estrade_db::PgPool;
use estrade_db::media::{Failure, fail_clip, insert_version};
use estrade_db::transcodes::take_stranded;
use estrade_domain::{ClipId, Time, VersionId};
use estrade_testkit::media::Clip;
use estrade_testkit::rows::{insert_creator, insert_ready_clip};
use serde_json::Value;
use sqlx::types::Uuid;

use crate::harness::programs::decode;
use crate::harness::server::Setup;
use crate::harness::{Client, eventually, world};

const LOST: Failure<'static> = Failure {
    code: "worker_lost",
    message: "Try again.",
    last_message: "Give up.",
    detail: "lost",
    is_retryable: true,
};

/// Every version of the only clip, oldest first.
async fn versions(db: &PgPool) -> Vec<VersionId> {
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM media_versions ORDER BY id").fetch_all(db).await.expect("versions");
    ids.into_iter().map(VersionId).collect()
}

async fn database() -> PgPool {
    let url = world().cluster.create_database().await.expect("a database");
    estrade_db::connect(&url, 2).await.expect("connected")
}

#[tokio::test]
async fn only_the_newest_version_fails_its_clip_and_failed_ones_are_not_looked_after() {
    let db = database().await;
    let mut conn = db.acquire().await.expect("a connection");
    let ada = insert_creator(&mut conn, "ada").await.expect("a creator");
    let (clip, _): (ClipId, _) = insert_ready_clip(&mut conn, ada, "clip", 60).await.expect("a clip");
    sqlx::raw_sql("UPDATE media_versions SET is_complete = false").execute(&db).await.expect("not whole");
    let old = versions(&db).await[0];
    let new = VersionId(Uuid::max());
    insert_version(&mut conn, new, clip, "none", Time::UNIX_EPOCH).await.expect("a newer version");
    assert_eq!(fail_clip(&mut conn, old, &LOST).await.expect("asked"), None, "it is made anew");
    let stranded = take_stranded(&mut conn, 10).await.expect("asked");
    assert_eq!(stranded.iter().map(|found| found.version_id).collect::<Vec<_>>(), [new]);
    assert_eq!(fail_clip(&mut conn, new, &LOST).await.expect("asked"), Some(clip));
    assert!(take_stranded(&mut conn, 10).await.expect("asked").is_empty());
    let waiting = "SELECT count(*) FROM media_versions WHERE NOT is_complete AND NOT is_given_up AND base_id IS NULL";
    let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&db).await.expect("a count");
    assert_eq!(waiting, 0, "keepers need not look at what nobody goes on with");
}

/// Long enough for two ranges of chunks, small enough to be done in seconds.
const TWO_RANGES: Clip = Clip { width: 180, height: 320, tenths: 450, rate: 15, has_audio: false, extra: &[] };

/// A server that was killed while it made a range of the only clip of a creator.
pub async fn killed_in_a_range() -> (Setup, Client, PgPool, String) {
    let server = Setup::fresh().await.may_log_errors().start().await;
    let (creator, db) = (server.sign_up("ada").await, server.db().await);
    let id = creator.upload(&world().clip_bytes(TWO_RANGES), &[]).await;
    eventually("a range is begun", || async {
        let begun = "SELECT count(*) FROM jobs WHERE kind = 'transcode_range' AND state = 'running'";
        let begun: i64 = sqlx::query_scalar(begun).fetch_one(&db).await.expect("a count");
        (begun == 1).then_some(())
    })
    .await;
    let setup = server.kill();
    (setup, creator, db, id)
}

#[tokio::test]
async fn a_clip_that_is_tried_again_is_not_failed_by_what_is_left_of_earlier_tries() {
    let (setup, creator, db, id) = killed_in_a_range().await;
    // As if that range were on its last attempt elsewhere, and another one had failed the clip.
    let last =
        "UPDATE jobs SET attempt = attempts_max, leased_until = now() + interval '1 hour' WHERE state = 'running'";
    sqlx::query(last).execute(&db).await.expect("the last attempt");
    let mut conn = db.acquire().await.expect("a connection");
    let version = versions(&db).await[0];
    fail_clip(&mut conn, version, &LOST).await.expect("asked").expect("failed");
    let api = setup.role("api").start().await;
    let creator = creator.at(&api.base);
    creator.post(&format!("/v1/clips/{id}/retry"), &Value::Null).await.expect(202);
    let lapse = "UPDATE jobs SET leased_until = now() - interval '1 second' WHERE state = 'running'";
    sqlx::query(lapse).execute(&db).await.expect("lapsed");
    let transcoder = api.setup().beside("transcoder").start().await;
    let clip = creator.wait_complete(&id).await;
    decode(clip["hls_url"].as_str().expect("an address"));
    for server in [transcoder, api] {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_clip_whose_plan_cannot_be_read_is_shown_while_it_is_made_anew() {
    let (setup, creator, db, id) = killed_in_a_range().await;
    sqlx::raw_sql(
        "UPDATE media_versions SET plan = '{\"plan\": {\"written\": \"by a newer release\"}}';
         UPDATE jobs SET leased_until = now() - interval '1 second' WHERE state = 'running'",
    )
    .execute(&db)
    .await
    .expect("as in a rolling deploy");
    let server = setup.start().await;
    let creator = creator.at(&server.base);
    let first = creator.clip(&id).await;
    let clip = eventually("it is whole", || async {
        let clip = creator.clip(&id).await;
        assert_eq!(clip["state"], "ready", "it can be watched all the time: {clip}");
        let page = creator.get("/v1/me/clips").await.expect(200).json();
        assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
        (clip["complete"] == true).then_some(clip)
    })
    .await;
    assert_ne!(first["hls_url"], clip["hls_url"], "the old addresses keep meaning what they meant");
    decode(clip["hls_url"].as_str().expect("an address"));
    let kept = "SELECT playlist IS NOT NULL, is_given_up FROM media_versions ORDER BY id";
    let kept: Vec<(bool, bool)> = sqlx::query_as(kept).fetch_all(&db).await.expect("versions");
    assert_eq!(kept, [(true, true), (true, false)]);
}

#[tokio::test]
async fn a_clip_that_cannot_be_read_is_left_out_of_lists_and_feeds() {
    let server = Setup::fresh().await.may_log_errors().start().await;
    let (creator, db) = (server.sign_up("ada").await, server.db().await);
    let source = world().clip_bytes(Clip::PORTRAIT);
    let mut clips = Vec::new();
    for _ in 0..4 {
        clips.push(creator.publish(&source, &[]).await["id"].as_str().expect("an id").to_owned());
    }
    let [old, bad, silent, good] = clips.as_slice() else { panic!("four clips") };
    for id in &clips {
        creator.wait_complete(id).await;
    }
    // Rows as no code of ours writes them, and word of it.
    let spoil = "WITH bad AS (
            UPDATE media_versions v SET is_complete = false, is_given_up = true, playlist = NULL, first_token = NULL,
                   duration_ms = NULL, width = NULL, height = NULL, has_audio = NULL
            FROM clips c WHERE c.public_id = $1 AND v.id = c.version_id RETURNING c.id)
        INSERT INTO event_log (kind, payload) SELECT 'clip_changed', jsonb_build_object('clip_id', c.id)
        FROM clips c WHERE EXISTS (SELECT FROM bad)";
    sqlx::query(spoil).bind(bad).execute(&db).await.expect("spoilt");
    let captions = "WITH bad AS (
            INSERT INTO captions (public_id, clip_id, language, label, kind, text, created_at)
            SELECT repeat('!', 20), c.id, 'en', 'English', 'captions', 'WEBVTT', now() FROM clips c WHERE c.public_id = $1
            RETURNING clip_id)
        INSERT INTO event_log (kind, payload) SELECT 'clip_changed', jsonb_build_object('clip_id', clip_id) FROM bad";
    sqlx::query(captions).bind(silent).execute(&db).await.expect("spoilt");
    let page = creator.get("/v1/me/clips").await.expect(200).json();
    assert_eq!(ids(&page["items"]), [good, old]);
    // Pages without a clip that can be read are no end.
    let one_by_one = creator.all_items("/v1/me/clips", 1).await;
    assert_eq!(ids(&Value::from(one_by_one)), [good, old]);
    creator.get(&format!("/v1/clips/{bad}")).await.expect(500);
    let guest = server.client();
    eventually("the feeds go on without it", || async {
        let page = guest.get("/v1/feeds/trending").await.expect(200).json();
        let clips: Vec<Value> = page["items"].as_array()?.iter().map(|item| item["clip"].clone()).collect();
        let clips = Value::from(clips);
        let shown = ids(&clips);
        (shown.len() == 2 && shown.contains(&good.as_str()) && shown.contains(&old.as_str())).then_some(())
    })
    .await;
    let metrics = reqwest::get(format!("{}/metrics", server.operators)).await.expect("metrics").text().await;
    let metrics = metrics.expect("text");
    for name in ["estrade_api_clips_unreadable_total ", "estrade_feed_clips_unreadable_total "] {
        let counted = metrics.lines().filter_map(|line| line.strip_prefix(name)).any(|count| count != "0");
        assert!(counted, "{name} is not in\n{metrics}");
    }
}

fn ids(clips: &Value) -> Vec<&str> {
    clips.as_array().expect("clips").iter().filter_map(|clip| clip["id"].as_str()).collect()
}

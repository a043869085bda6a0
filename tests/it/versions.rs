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
use crate::harness::{eventually, world};

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

#[tokio::test]
async fn a_clip_that_is_tried_again_is_not_failed_by_what_is_left_of_earlier_tries() {
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

//! Versions that cannot be gone on with: what takes their place, and how often.

use estrade_db::PgPool;
use estrade_db::media::{Failure, fail_clip};
use estrade_domain::{Clock, Entropy, SystemClock, VersionId};
use estrade_testkit::media::Clip;
use serde_json::{Value, json};
use sqlx::types::Uuid;

use crate::harness::programs::decode;
use crate::harness::server::Setup;
use crate::harness::{Client, Estrade, eventually, world};
use crate::versions::killed_in_a_range;

/// A server that transcodes nothing, a creator, and a clip whose job waits.
async fn waiting_clip() -> (Estrade, Client, PgPool, String) {
    let api = Setup::fresh().await.role("api").start().await;
    let (creator, db) = (api.sign_up("ada").await, api.db().await);
    let id = creator.upload(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    eventually("its job waits", || async {
        let waits = "SELECT count(*) FROM jobs WHERE kind = 'transcode_clip' AND state = 'available'";
        let waits: i64 = sqlx::query_scalar(waits).fetch_one(&db).await.expect("a count");
        (waits == 1).then_some(())
    })
    .await;
    (api, creator, db, id)
}

async fn count_versions(db: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM media_versions").fetch_one(db).await.expect("a count")
}

#[tokio::test]
async fn a_version_is_newer_than_the_one_it_replaces_though_the_transcoders_clock_is_behind() {
    let (api, creator, db, id) = waiting_clip().await;
    let ahead = SystemClock.now() + chrono::Duration::hours(1);
    let first = VersionId::new(ahead, &Entropy::from_seed(7));
    sqlx::query("UPDATE media_versions SET id = $1, created_at = $2, plan = '{\"plan\": {}}', plan_token = 1")
        .bind(first.0)
        .bind(ahead)
        .execute(&db)
        .await
        .expect("its clock was ahead");
    sqlx::query("UPDATE jobs SET args = jsonb_set(args, '{version_id}', to_jsonb($1::text)), unique_key = $1")
        .bind(first.to_string())
        .execute(&db)
        .await
        .expect("its job");
    let transcoder = api.setup().beside("transcoder").start().await;
    creator.wait_complete(&id).await;
    let shown: Uuid = sqlx::query_scalar("SELECT version_id FROM clips").fetch_one(&db).await.expect("a version");
    assert!(shown > first.0);
    for server in [transcoder, api] {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_clip_that_another_encoder_began_is_made_anew() {
    let (setup, creator, db, id) = killed_in_a_range().await;
    sqlx::raw_sql(
        "UPDATE media_chunks SET facts = jsonb_set(facts, '{inits,0,bytes}', '1');
         UPDATE jobs SET leased_until = now() - interval '1 second' WHERE state = 'running'",
    )
    .execute(&db)
    .await
    .expect("an encoder that writes other parameter sets");
    let server = setup.start().await;
    let creator = creator.at(&server.base);
    let clip = eventually("it is whole", || async {
        let clip = creator.clip(&id).await;
        assert_eq!(clip["state"], "ready", "it can be watched all the time: {clip}");
        (clip["complete"] == true).then_some(clip)
    })
    .await;
    assert_eq!(count_versions(&db).await, 2);
    decode(clip["hls_url"].as_str().expect("an address"));
}

#[tokio::test]
async fn a_clip_is_made_anew_a_bounded_number_of_times_and_then_fails() {
    let (api, creator, db, id) = waiting_clip().await;
    sqlx::raw_sql(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN NEW.plan := '{}'; NEW.plan_token := 1; RETURN NEW; END $$;
         CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON media_versions FOR EACH ROW EXECUTE FUNCTION spoil();
         UPDATE media_versions SET id = id",
    )
    .execute(&db)
    .await
    .expect("nobody can read what another wrote");
    let transcoder = api.setup().beside("transcoder").start().await;
    let failed = creator.wait_failed(&id).await;
    assert_eq!((&failed["failure"]["code"], &failed["failure"]["retryable"]), (&json!("started_over"), &json!(true)));
    assert!(failed["failure"]["message"].as_str().is_some_and(|message| message.ends_with('.')), "{failed}");
    assert_eq!(count_versions(&db).await, 5);
    creator.post(&format!("/v1/clips/{id}/retry"), &Value::Null).await.expect(202);
    creator.wait_failed(&id).await;
    assert_eq!(count_versions(&db).await, 10, "a try of its creator is as good as the first");
    for server in [transcoder, api] {
        server.stop().await;
    }
}

#[tokio::test]
async fn keepers_look_after_a_clip_that_an_older_release_tried_again() {
    let (api, creator, db, id) = waiting_clip().await;
    sqlx::query("UPDATE media_versions SET is_given_up = true").execute(&db).await.expect("it does not know of that");
    let transcoder = api.setup().beside("transcoder").start().await;
    creator.wait_complete(&id).await;
    let is_given_up: bool =
        sqlx::query_scalar("SELECT is_given_up FROM media_versions").fetch_one(&db).await.expect("a version");
    assert!(!is_given_up, "whoever begins work on it says that it is gone on with");
    for server in [transcoder, api] {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_retry_and_a_worker_lock_version_and_clip_in_one_order() {
    let (api, creator, db, id) = waiting_clip().await;
    let version: Uuid = sqlx::query_scalar("SELECT id FROM media_versions").fetch_one(&db).await.expect("a version");
    let failure = Failure { code: "storage", message: "a", last_message: "b", detail: "c", is_retryable: true };
    let mut conn = db.acquire().await.expect("a connection");
    fail_clip(&mut conn, VersionId(version), &failure).await.expect("asked").expect("failed");
    let mut worker = db.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM media_versions FOR UPDATE").execute(&mut *worker).await.expect("the version is held");
    let path = format!("/v1/clips/{id}/retry");
    let retry = creator.post(&path, &Value::Null);
    let worker = async {
        eventually("the retry waits", || async {
            let waits =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let waits: i64 = sqlx::query_scalar(waits).fetch_one(&db).await.expect("a count");
            (waits == 1).then_some(())
        })
        .await;
        sqlx::query("SELECT FROM clips FOR UPDATE NOWAIT").execute(&mut *worker).await.expect("the clip is free");
        worker.commit().await.expect("committed");
    };
    let (answer, ()) = tokio::join!(retry, worker);
    answer.expect(202);
    api.stop().await;
}

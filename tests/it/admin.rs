//! What operators do about jobs from the command line.

use estrade_db::media::{Failure, fail_clip};
use estrade_domain::VersionId;
use estrade_testkit::media::Clip;
use sqlx::types::Uuid;

use crate::harness::server::Setup;
use crate::harness::{eventually, world};

/// What an operator's command prints, if it succeeds; it runs on another machine than the server.
fn admin(setup: &Setup, arguments: &[&str]) -> Result<String, String> {
    let output = setup.beside("api").command(&[&["admin"], arguments].concat()).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[tokio::test]
async fn operators_see_what_was_given_up_and_give_it_a_second_chance() {
    let api = Setup::fresh().await.role("api").start().await;
    let (creator, db) = (api.sign_up("ada").await, api.db().await);
    let id = creator.upload(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    let job = eventually("its job waits", || async {
        let job = "SELECT id FROM jobs WHERE kind = 'transcode_clip' AND state = 'available'";
        sqlx::query_scalar::<_, Uuid>(job).fetch_optional(&db).await.expect("jobs")
    })
    .await;
    let waiting = admin(api.setup(), &["list-jobs", "--state", "waiting"]).expect("a list");
    assert!(waiting.contains(&format!("{job}  transcode_clip")) && waiting.contains("0 of 3"), "{waiting}");
    assert!(waiting.contains(&format!("  {id}  {}  ", creator.handle)), "whose clip it is: {waiting}");
    assert_eq!(admin(api.setup(), &["list-jobs", "--state", "running"]).expect("a list"), "there are none\n");
    assert_eq!(admin(api.setup(), &["list-jobs"]).expect("a list"), "there are none\n");

    let give_up = "UPDATE jobs SET state = 'discarded', attempt = 3, finished_at = now(), error_code = 'storage', error_detail = 'away'";
    sqlx::query(give_up).execute(&db).await.expect("given up");
    let version: Uuid = sqlx::query_scalar("SELECT id FROM media_versions").fetch_one(&db).await.expect("a version");
    let failure = Failure { code: "storage", message: "a", last_message: "b", detail: "c", is_retryable: true };
    let mut conn = db.acquire().await.expect("a connection");
    fail_clip(&mut conn, VersionId(version), &failure).await.expect("asked").expect("failed");
    let discarded = admin(api.setup(), &["list-jobs", "--kind", "transcode_clip"]).expect("a list");
    assert!(discarded.contains("3 of 3  storage: away"), "{discarded}");

    let retried = admin(api.setup(), &["retry-jobs", "--kind", "transcode_clip"]).expect("retried");
    assert!(retried.starts_with("1 retried; 0 not"), "{retried}");
    assert_eq!(creator.clip(&id).await["state"], "processing");
    assert_eq!(admin(api.setup(), &["list-jobs"]).expect("a list"), "there are none\n", "another job takes its place");
    let transcoder = api.setup().beside("transcoder").start().await;
    creator.wait_complete(&id).await;

    let refused = admin(api.setup(), &["retry-jobs", &job.to_string()]).expect_err("it is not discarded any more");
    assert!(refused.contains(&job.to_string()), "{refused}");
    for wrong in [&["retry-jobs"][..], &["retry-jobs", "x"], &["retry-jobs", "--kind", "dance"]] {
        admin(api.setup(), wrong).expect_err("refused");
    }
    for server in [transcoder, api] {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_clip_that_has_a_verdict_is_not_tried_again_for_what_once_befell_it() {
    let api = Setup::fresh().await.role("api").start().await;
    let (creator, db) = (api.sign_up("ada").await, api.db().await);
    let id = creator.upload(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    let give_up = "UPDATE jobs SET state = 'discarded', attempt = 3, finished_at = now(), error_code = 'storage' RETURNING args ->> 'version_id'";
    let version = eventually("its job is given up", || async {
        sqlx::query_scalar::<_, String>(give_up).fetch_optional(&db).await.expect("jobs")
    })
    .await;
    let version = VersionId(version.parse().expect("an id"));
    let damaged = Failure { code: "damaged", message: "a", last_message: "b", detail: "c", is_retryable: false };
    let mut conn = db.acquire().await.expect("a connection");
    fail_clip(&mut conn, version, &damaged).await.expect("asked").expect("failed");
    let retried = admin(api.setup(), &["retry-jobs", "--kind", "transcode_clip"]).expect("asked");
    assert!(retried.starts_with("0 retried; 1 not"), "{retried}");
    assert_eq!(creator.clip(&id).await["failure"]["code"], "damaged");
    assert_eq!(admin(api.setup(), &["list-jobs"]).expect("a list"), "there are none\n", "it hides no others");
    api.stop().await;
}

#[tokio::test]
async fn a_discarded_deletion_runs_again_and_a_chosen_poster_does_not() {
    let api = Setup::fresh().await.role("api").start().await;
    let db = api.db().await;
    let discarded = "INSERT INTO jobs (id, kind, args, unique_key, attempts_max, attempt, state, run_at, created_at, finished_at, error_code)
        VALUES (gen_random_uuid(), $1, $2, 'x', 3, 3, 'discarded', now(), now(), now(), 'storage') RETURNING id";
    let nil = Uuid::nil();
    let args = [
        ("delete_media", serde_json::json!({ "clip_id": nil })),
        ("make_poster", serde_json::json!({ "poster_id": nil })),
    ];
    let mut ids = Vec::new();
    for (kind, args) in args {
        let id: Uuid = sqlx::query_scalar(discarded).bind(kind).bind(args).fetch_one(&db).await.expect("discarded");
        ids.push(id.to_string());
    }
    let [deletion, poster] = ids.try_into().expect("two");
    assert!(admin(api.setup(), &["retry-jobs", &deletion]).expect("retried").starts_with("1 retried; 0 not"));
    eventually("it is done", || async {
        let done = "SELECT count(*) FROM jobs WHERE kind = 'delete_media' AND state = 'completed'";
        let done: i64 = sqlx::query_scalar(done).fetch_one(&db).await.expect("a count");
        (done == 1).then_some(())
    })
    .await;
    assert!(admin(api.setup(), &["retry-jobs", &poster]).expect("asked").starts_with("0 retried; 1 not"));
    api.stop().await;
}

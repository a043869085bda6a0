//! A clip that is watched much gets smaller renditions, and loses them with everything else when it goes.

use estrade_db::families::{count_demand, find_candidates};
use estrade_domain::Time;
use estrade_testkit::media::Clip;
use estrade_testkit::rows::{insert_creator, insert_ready_clip};
use serde_json::json;

use crate::harness::hls::{MediaPlaylist, check_validity, join};
use crate::harness::programs::node;
use crate::harness::server::Setup;
use crate::harness::{Client, eventually, world};

/// With this price whatever was watched at all pays.
const ALWAYS: (&str, &str) = ("ESTRADE_TRANSCODER_BYTES_PER_CPU_SECOND", "0.001");

async fn watch(guest: &Client, clip: &serde_json::Value) {
    let view =
        json!({ "id": "v", "type": "view", "at": clip["published_at"], "clip_id": clip["id"], "watch_ms": 60_000 });
    guest.post("/v1/events", &json!({ "events": [view] })).await.expect(200);
}

async fn multivariant(client: &Client, url: &str) -> String {
    client.get(url).await.expect(200).text()
}

#[tokio::test]
async fn a_clip_that_is_watched_much_gets_smaller_renditions() {
    let server = Setup::fresh().await.start().await;
    let creator = server.sign_up("star").await;
    let source = world().clip_bytes(Clip::PORTRAIT);
    let watched = creator.publish(&source, &[]).await;
    let unwatched = creator.publish(&source, &[]).await;
    watch(&server.client().into_guest().await, &watched).await;
    let server = server.stop().await.with(ALWAYS.0, ALWAYS.1).start().await;
    let client = server.client();
    let [watched_id, unwatched_id] = [&watched, &unwatched].map(|clip| clip["id"].as_str().expect("an id").to_owned());
    let url = client.clip(&watched_id).await["hls_url"].as_str().expect("an address").to_owned();
    let text = eventually("a family is shown", || async {
        Some(multivariant(&client, &url).await).filter(|text| text.contains("av01."))
    })
    .await;
    assert!(
        text.contains("avc1.") && text.find("avc1.") < text.find("av01."),
        "players begin with what all have: {text}"
    );
    check_validity(&client, &url).await;
    let levels = text.matches("/index.m3u8\n").count() - usize::from(text.contains("audio/index.m3u8\n"));
    let played = node("levels.mjs", &[&url], &[("PATCHES", "[]"), ("SECONDS", "2")]);
    assert_eq!(played, format!("{levels} levels"), "every level plays in a browser");

    // The browser held this thread up for longer than connections may idle.
    let client = server.client();
    let other = client.clip(&unwatched_id).await["hls_url"].as_str().expect("an address").to_owned();
    assert!(!multivariant(&client, &other).await.contains("av01."), "nobody watched that one");

    let name = text.lines().find(|line| line.starts_with('a') && !line.starts_with("audio")).expect("an AV1 rung");
    let playlist = MediaPlaylist::fetch(&client, &join(&url, name)).await;
    creator.at(&server.base).delete(&format!("/v1/clips/{watched_id}")).await.expect(204);
    for gone in [&playlist.init, &playlist.segments[0].0] {
        client.get(gone).await.expect(404);
    }
    let db = server.db().await;
    eventually("every job has ended", || async {
        let live: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs WHERE state IN ('available', 'running')")
            .fetch_one(&db)
            .await
            .expect("a count");
        (live == 0).then_some(())
    })
    .await;
    let left = server.blobs().list(&format!("media/{watched_id}/")).await.expect("a list");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn counting_demand_touches_only_what_was_watched_and_asks_who_may_see_it() {
    let url = world().cluster.create_database().await.expect("a database");
    let db = estrade_db::connect(&url, 2).await.expect("connected");
    let mut conn = db.acquire().await.expect("a connection");
    let ada = insert_creator(&mut conn, "ada").await.expect("a creator");
    for (name, watched_ms) in [("quiet", 10_000), ("watched", 50_000), ("for followers", 90_000)] {
        let (clip, _) = insert_ready_clip(&mut conn, ada, name, 60).await.expect("a clip");
        let count = "INSERT INTO clip_counts (clip_id, watch_ms) VALUES ($1, $2)";
        sqlx::query(count).bind(clip.0).bind(i64::from(watched_ms)).execute(&mut *conn).await.expect("counted");
    }
    let hide = "UPDATE clips SET visibility = 'followers' WHERE caption = 'for followers'";
    sqlx::query(hide).execute(&mut *conn).await.expect("hidden");
    let at = |secs| Time::UNIX_EPOCH + std::time::Duration::from_secs(secs);
    count_demand(&mut conn, at(1000), 1000.0).await.expect("counted");
    let rows = "SELECT c.caption, d.recent_ms, d.xmin::text || d.xmax::text FROM clip_demand d
        JOIN clips c ON c.id = d.clip_id ORDER BY c.caption";
    let before: Vec<(String, f64, String)> = sqlx::query_as(rows).fetch_all(&mut *conn).await.expect("demand");
    let more =
        "UPDATE clip_counts n SET watch_ms = 60000 FROM clips c WHERE c.id = n.clip_id AND c.caption = 'watched'";
    sqlx::query(more).execute(&mut *conn).await.expect("watched");
    count_demand(&mut conn, at(2000), 1000.0).await.expect("counted");
    let after: Vec<(String, f64, String)> = sqlx::query_as(rows).fetch_all(&mut *conn).await.expect("demand");
    assert_eq!(before[..2], after[..2], "nobody watched them since: neither changed nor locked");
    assert_eq!((after[2].0.as_str(), after[2].1), ("watched", 25_000.0 + 10_000.0));
    let found = find_candidates(&mut conn, at(2000), 1000.0, 2, 10).await.expect("candidates");
    let recent: Vec<f64> = found.iter().map(|candidate| candidate.recent_ms).collect();
    assert_eq!(recent, [35_000.0, 5_000.0], "the most watched first, and only what strangers may see");
}

/// Whenever a family is begun or gone on with, somebody else's clip is waiting.
const NEWCOMERS: &str = "
    CREATE FUNCTION add_newcomer() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO jobs (id, kind, args, priority, attempts_max, run_at, created_at)
        VALUES (gen_random_uuid(), 'transcode_clip',
                jsonb_build_object('clip_id', gen_random_uuid(), 'version_id', gen_random_uuid()), 0, 3, now(), now());
        RETURN NULL;
    END $$;
    CREATE TRIGGER newcomers AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (NEW.kind = 'make_family' AND NEW.state = 'running' AND OLD.state = 'available') EXECUTE FUNCTION add_newcomer()";

#[tokio::test]
async fn a_family_that_gives_way_again_and_again_is_made_all_the_same() {
    let server = Setup::fresh().await.start().await;
    let creator = server.sign_up("patient").await;
    let source = world().clip_bytes(Clip { tenths: 40, ..Clip::PORTRAIT });
    let clip = creator.publish(&source, &[]).await;
    let id = clip["id"].as_str().expect("an id");
    let url = creator.wait_complete(id).await["hls_url"].as_str().expect("an address").to_owned();
    watch(&server.client().into_guest().await, &clip).await;
    let db = server.db().await;
    sqlx::raw_sql(NEWCOMERS).execute(&db).await.expect("a trigger");
    let server = server.stop().await.with(ALWAYS.0, ALWAYS.1).start().await;
    let client = server.client();
    let url = url.replace(&creator.base, &client.base);
    eventually("the family is shown", || async {
        Some(multivariant(&client, &url).await).filter(|text| text.contains("av01."))
    })
    .await;
    let attempts = "SELECT count(DISTINCT k.token), count(*) FROM media_chunks k
        JOIN media_versions v ON v.id = k.version_id WHERE v.family = 'av1'";
    let (attempts, chunks): (i64, i64) = sqlx::query_as(attempts).fetch_one(&db).await.expect("counts");
    assert!(chunks > 1 && attempts == chunks, "it gave way after every chunk and never before: {attempts} of {chunks}");
}

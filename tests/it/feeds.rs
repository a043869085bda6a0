//! What feeds promise about paging, privacy and what has just been hidden.

use std::collections::BTreeSet;

use estrade_testkit::rows::{insert_creator, insert_ready_clip};
use serde_json::{Value, json};

use crate::harness::client::ids;
use crate::harness::{Client, Estrade, eventually};

/// A server that has `count` public clips of several creators from the start.
pub async fn stocked_server(count: usize) -> Estrade {
    let setup = crate::harness::server::Setup::fresh().await;
    let pool = estrade_db::connect(setup.get("ESTRADE_DATABASE_URL"), 1).await.expect("the database");
    stock(&pool, "early", count).await;
    pool.close().await;
    setup.start().await
}

async fn stock(pool: &estrade_db::PgPool, stem: &str, count: usize) -> Vec<String> {
    let mut conn = pool.acquire().await.expect("a connection");
    let mut creators = Vec::new();
    for number in 0..count.div_ceil(5) {
        creators.push(insert_creator(&mut conn, &format!("{stem}_{number}")).await.expect("a creator"));
    }
    let mut clips = Vec::new();
    for number in 0..count {
        let creator = creators[number % creators.len()];
        let age_secs = 60 * i32::try_from(number + 1).expect("a small number");
        let (_, id) =
            insert_ready_clip(&mut conn, creator, &format!("{stem} {number}"), age_secs).await.expect("a clip");
        clips.push(id.to_string());
    }
    clips
}

fn assert_once_each(items: &[Value]) -> BTreeSet<String> {
    let served = ids(items, "/clip/id");
    let distinct: BTreeSet<String> = served.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), served.len(), "a clip came twice: {served:?}");
    distinct
}

#[tokio::test]
async fn a_scroll_serves_every_clip_once_and_then_ends() {
    let server = stocked_server(43).await;
    for limit in [1, 7, 50] {
        let guest = server.client().into_guest().await;
        assert_eq!(assert_once_each(&guest.all_items("/v1/feeds/for-you", limit).await).len(), 43, "limit {limit}");
        assert_eq!(assert_once_each(&guest.all_items("/v1/feeds/trending", limit).await).len(), 43, "limit {limit}");
    }
}

#[tokio::test]
async fn clips_published_during_a_scroll_cost_it_nothing() {
    let server = stocked_server(30).await;
    let (guest, db) = (server.client().into_guest().await, server.db().await);
    let mut items = Vec::new();
    let mut cursor = None;
    for page in 0.. {
        let after = cursor.map_or_else(String::new, |cursor: String| format!("&cursor={cursor}"));
        let answer = guest.get(&format!("/v1/feeds/for-you?limit=4{after}")).await.expect(200).json();
        items.extend(answer["items"].as_array().expect("items").clone());
        if page < 4 {
            let late = stock(&db, &format!("late{page}"), 3).await;
            eventually("the feed knows the new clips", || async {
                let all = server.client().all_items("/v1/feeds/trending", 50).await;
                late.iter().all(|id| ids(&all, "/clip/id").contains(&id.as_str())).then_some(())
            })
            .await;
        }
        match answer["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let seen = assert_once_each(&items);
    let early: Vec<String> = sqlx::query_scalar("SELECT public_id FROM clips WHERE caption LIKE 'early%'")
        .fetch_all(&db)
        .await
        .expect("ids");
    assert!(early.iter().all(|id| seen.contains(id)), "a clip was lost");
}

#[tokio::test]
async fn positions_count_on_and_every_serving_is_kept() {
    let server = stocked_server(12).await;
    let guest = server.client().into_guest().await;
    let items = guest.all_items("/v1/feeds/for-you", 5).await;
    let mut positions = Vec::new();
    for item in &items {
        let why = guest
            .get(&format!("/v1/feeds/why/{}", item["served_id"].as_str().expect("an id")))
            .await
            .expect(200)
            .json();
        assert_eq!((&why["clip_id"], &why["feed"]), (&item["clip"]["id"], &json!("for_you")));
        positions.push(why["position"].as_u64().expect("a position"));
    }
    assert_eq!(positions, (0..12).collect::<Vec<_>>());
    let stranger = server.client().into_guest().await;
    stranger.get(&format!("/v1/feeds/why/{}", items[0]["served_id"].as_str().expect("an id"))).await.expect(404);
    let parameters = server.client().get("/v1/feeds/parameters").await.expect(200).json();
    assert!(parameters["version"].as_u64().is_some_and(|version| version >= 1));
}

#[tokio::test]
async fn what_was_watched_does_not_come_again() {
    let server = stocked_server(9).await;
    let guest = server.client().into_guest().await;
    let page = guest.get("/v1/feeds/for-you?limit=4").await.expect(200).json();
    let watched = page["items"].as_array().expect("items").clone();
    let events: Vec<Value> = watched.iter().enumerate().map(|(number, item)| view(number, item, 3000)).collect();
    guest.post("/v1/events", &json!({ "events": events })).await.expect(200);
    eventually("a new scroll leaves out what was watched", || async {
        let again = guest.all_items("/v1/feeds/for-you", 50).await;
        let again = ids(&again, "/clip/id");
        ids(&watched, "/clip/id").iter().all(|id| !again.contains(id)).then_some(())
    })
    .await;
}

fn view(number: usize, item: &Value, watch_ms: u32) -> Value {
    json!({ "id": format!("view-{number}"), "type": "view", "at": item["clip"]["published_at"], "clip_id": item["clip"]["id"],
            "served_id": item["served_id"], "watch_ms": watch_ms })
}

#[tokio::test]
async fn without_profiling_everybody_gets_the_same() {
    let server = stocked_server(20).await;
    let mut scrolls = Vec::new();
    for _ in 0..2 {
        let guest = server.client().into_guest().await;
        let watched = guest.get("/v1/feeds/for-you?limit=3").await.expect(200).json();
        let events: Vec<Value> = watched["items"]
            .as_array()
            .expect("items")
            .iter()
            .skip(scrolls.len())
            .enumerate()
            .map(|(n, item)| view(n, item, 9000))
            .collect();
        guest.post("/v1/events", &json!({ "events": events })).await.expect(200);
        let scroll = guest
            .call(reqwest::Method::GET, "/v1/feeds/for-you?limit=20")
            .header("Estrade-Profiling", "off")
            .send()
            .await
            .expect(200)
            .json();
        let items = scroll["items"].as_array().expect("items").clone();
        let why = guest
            .get(&format!("/v1/feeds/why/{}", items[0]["served_id"].as_str().expect("an id")))
            .await
            .expect(200)
            .json();
        assert_eq!(why["profiled"], false);
        scrolls.push(ids(&items, "/clip/id").iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    assert_eq!(scrolls[0], scrolls[1]);
    assert_eq!(scrolls[0].len(), 20);
}

#[tokio::test]
async fn a_clip_that_is_hidden_vanishes_from_a_scroll_under_way() {
    let server = stocked_server(15).await;
    let (guest, db) = (server.client().into_guest().await, server.db().await);
    let first = guest.get("/v1/feeds/for-you?limit=5").await.expect(200).json();
    let shown: Vec<String> =
        ids(first["items"].as_array().expect("items"), "/clip/id").iter().map(ToString::to_string).collect();
    let hidden: Vec<String> = sqlx::query_scalar(
        "INSERT INTO restrictions (id, clip_id, effect, rule, reason, starts_at)
         SELECT gen_random_uuid(), id, 'removed', 'rule 1', 'A reason.', now() FROM clips WHERE public_id <> ALL($1) LIMIT 4
         RETURNING (SELECT public_id FROM clips WHERE id = clip_id)",
    )
    .bind(&shown)
    .fetch_all(&db)
    .await
    .expect("hidden");
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let rest = rest_of(&guest, "/v1/feeds/for-you", cursor).await;
    let rest = assert_once_each(&rest);
    assert!(hidden.iter().all(|id| !rest.contains(id)), "a hidden clip was shown");
    assert_eq!(rest.len(), 15 - 5 - 4, "and nothing else was lost");
}

async fn rest_of(viewer: &Client, list: &str, cursor: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = Some(cursor.to_owned());
    while let Some(at) = cursor {
        let page = viewer.get(&format!("{list}?limit=5&cursor={at}")).await.expect(200).json();
        items.extend(page["items"].as_array().expect("items").clone());
        cursor = page["next_cursor"].as_str().map(ToOwned::to_owned);
    }
    items
}

#[tokio::test]
async fn a_scroll_goes_on_after_the_server_was_restarted() {
    let server = stocked_server(24).await;
    let guest = server.client().into_guest().await;
    let mut scrolls = Vec::new();
    for list in ["/v1/feeds/for-you", "/v1/feeds/trending"] {
        let page = guest.get(&format!("{list}?limit=6")).await.expect(200).json();
        scrolls.push((
            list,
            page["items"].as_array().expect("items").clone(),
            page["next_cursor"].as_str().expect("a cursor").to_owned(),
        ));
    }
    let server = server.kill().start().await;
    let guest = guest.at(&server.base);
    for (list, mut items, cursor) in scrolls {
        items.extend(rest_of(&guest, list, &cursor).await);
        assert_eq!(assert_once_each(&items).len(), 24, "{list}");
    }
}

#[tokio::test]
async fn a_scroll_is_its_viewers_alone() {
    let server = stocked_server(8).await;
    let (one, other) = (server.client().into_guest().await, server.client().into_guest().await);
    let page = one.get("/v1/feeds/for-you?limit=3").await.expect(200).json();
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    other.get(&format!("/v1/feeds/for-you?cursor={cursor}")).await.expect_code(400, "invalid_cursor");
    one.get(&format!("/v1/feeds/trending?cursor={cursor}")).await.expect_code(400, "invalid_cursor");
    one.get(&format!("/v1/feeds/for-you?cursor={cursor}")).await.expect(200);
}

#[tokio::test]
async fn whoever_comes_without_identity_becomes_a_guest() {
    let server = stocked_server(2).await;
    let answer = server.client().get("/v1/feeds/for-you").await.expect(200);
    assert!(answer.header("set-cookie").contains("HttpOnly"));
    let guest = server.client().with_guest(Some(answer.header("estrade-guest")));
    let again = guest.get("/v1/feeds/for-you").await.expect(200);
    assert_eq!(again.header("estrade-guest"), "", "a guest stays the same");
    let shown = answer.json()["items"][0]["served_id"].as_str().expect("a serving").to_owned();
    guest.get(&format!("/v1/feeds/why/{shown}")).await.expect(200);
    server.client().get("/v1/feeds/following").await.expect_code(401, "sign_in_required");
    guest.get("/v1/feeds/following").await.expect(401);
}

#[tokio::test]
async fn an_empty_feed_is_an_empty_page() {
    let server = Estrade::start().await;
    for list in ["for-you", "trending"] {
        let page = server.client().get(&format!("/v1/feeds/{list}")).await.expect(200).json();
        assert_eq!((&page["items"], &page["next_cursor"]), (&json!([]), &Value::Null));
    }
}

#[tokio::test]
async fn followed_creators_come_newest_first_and_leave_when_unfollowed() {
    let server = stocked_server(20).await;
    let me = server.sign_up("fan").await;
    for creator in ["early_1", "early_3"] {
        me.put(&format!("/v1/creators/{creator}/follow")).await.expect(204);
        me.put(&format!("/v1/creators/{creator}/follow")).await.expect(204);
    }
    let items = eventually("both creators are there", || async {
        let items = me.all_items("/v1/feeds/following", 3).await;
        (items.len() == 10).then_some(items)
    })
    .await;
    assert_once_each(&items);
    let times: Vec<&str> = items.iter().map(|item| item["clip"]["published_at"].as_str().expect("a time")).collect();
    assert!(times.iter().rev().is_sorted(), "{times:?}");
    me.delete("/v1/creators/early_1/follow").await.expect(204);
    eventually("one creator has left", || async {
        (me.all_items("/v1/feeds/following", 50).await.len() == 5).then_some(())
    })
    .await;
    let own = format!("/v1/creators/{}/follow", me.handle);
    assert!((400..500).contains(&me.put(&own).await.status), "nobody follows themselves");
}

//! What clients report is counted once, and the counters are the rows.

use serde_json::{Value, json};

use crate::feeds::stocked_server;
use crate::harness::world::shared_server;
use crate::harness::{Client, Estrade};

struct Scene {
    server: Estrade,
    guest: Client,
    item: Value,
}

impl Scene {
    async fn set() -> Self {
        let server = stocked_server(2).await;
        let guest = server.client().into_guest().await;
        let item = guest.get("/v1/feeds/for-you").await.expect(200).json()["items"][0].clone();
        Self { server, guest, item }
    }

    fn event(&self, id: &str, kind: &str, more: &Value) -> Value {
        let mut event = json!({ "id": id, "type": kind, "at": self.item["clip"]["published_at"], "clip_id": self.item["clip"]["id"],
                                "served_id": self.item["served_id"] });
        for (name, value) in more.as_object().expect("fields") {
            event[name] = value.clone();
        }
        event
    }

    async fn send(&self, events: &[Value]) -> Value {
        self.guest.post("/v1/events", &json!({ "events": events })).await.expect(200).json()
    }

    async fn counts(&self) -> Value {
        self.server.client().clip(self.item["clip"]["id"].as_str().expect("an id")).await["counts"].clone()
    }

    /// The counters are what the rows say.
    async fn check_counters(&self) {
        let db = self.server.db().await;
        let differing: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM clip_counts n WHERE
                (n.views, n.impressions, n.completions, n.skips, n.watch_ms) <>
                (SELECT count(*) FILTER (WHERE watch_ms >= 2000 OR loops >= 1 OR is_completed), count(*) FILTER (WHERE is_impressed),
                        count(*) FILTER (WHERE is_completed), count(*) FILTER (WHERE is_skipped), coalesce(sum(watch_ms), 0)
                 FROM views v WHERE v.clip_id = n.clip_id)
                OR n.shares IS DISTINCT FROM (SELECT count(*) FROM viewer_events e WHERE e.clip_id = n.clip_id AND kind = 'share')
                OR n.likes IS DISTINCT FROM (SELECT count(*) FROM likes l WHERE l.clip_id = n.clip_id)",
        )
        .fetch_one(&db)
        .await
        .expect("a count");
        assert_eq!(differing, 0, "counters differ from the rows they count");
    }

    async fn watched_ms(&self) -> i32 {
        let statement = "SELECT watch_ms FROM views WHERE clip_id = (SELECT id FROM clips WHERE public_id = $1)";
        let id = self.item["clip"]["id"].as_str().expect("an id");
        sqlx::query_scalar(statement).bind(id).fetch_one(&self.server.db().await).await.expect("a row")
    }
}

#[tokio::test]
async fn a_batch_that_is_sent_twice_counts_once() {
    let scene = Scene::set().await;
    let none = json!({});
    let batch = [
        scene.event("a", "impression", &none),
        scene.event("b", "view", &json!({ "watch_ms": 2500, "loops": 1 })),
        scene.event("c", "completion", &none),
        scene.event("d", "share", &none),
        scene.event("d", "share", &none),
        scene.event("e", "not_interested", &none),
        scene.event("f", "quality", &json!({ "startup_ms": 80, "warm": true })),
    ];
    assert_eq!(scene.send(&batch).await, json!({ "accepted": 6, "duplicates": 1, "rejected": [] }));
    assert_eq!(scene.send(&batch).await, json!({ "accepted": 0, "duplicates": 7, "rejected": [] }));
    assert_eq!(scene.counts().await, json!({ "views": 1, "likes": 0, "comments": 0, "shares": 1 }));
    scene.check_counters().await;
}

#[tokio::test]
async fn totals_keep_the_highest_whatever_order_they_come_in() {
    let scene = Scene::set().await;
    let view = |id: &str, watch_ms: i32| scene.event(id, "view", &json!({ "watch_ms": watch_ms }));
    scene.send(&[view("a", 1500)]).await;
    assert_eq!(scene.counts().await["views"], 0, "a glance is no view");
    scene.send(&[view("b", 7000), view("c", 4000)]).await;
    scene.send(&[view("d", 3000)]).await;
    assert_eq!(scene.watched_ms().await, 7000);
    assert_eq!(scene.counts().await["views"], 1);
    scene.check_counters().await;
}

#[tokio::test]
async fn one_bad_event_does_not_take_the_others_along() {
    let scene = Scene::set().await;
    let bad = [
        (json!(7), "invalid"),
        (json!(["x", "view", scene.item["clip"]["published_at"], scene.item["clip"]["id"]]), "invalid"),
        (scene.event("x", "dance", &json!({})), "invalid"),
        (scene.event("x", "view", &json!({ "at": "2999-01-01T00:00:00Z" })), "at_in_future"),
        (scene.event("x", "view", &json!({ "at": "2001-01-01T00:00:00Z" })), "at_too_old"),
        (scene.event("x", "view", &json!({ "watch_ms": -5 })), "out_of_range"),
        (scene.event("x", "view", &json!({ "watch_ms": 1e300 })), "invalid"),
        (scene.event("x", "view", &json!({ "clip_id": "0123456789abcdefghjk" })), "unknown_clip"),
        (scene.event("", "view", &json!({})), "invalid_id"),
        (scene.event("x", "view", &json!({ "mood": "good" })), "invalid"),
        (scene.event("x", "view", &json!({ "startup_ms": 5 })), "unexpected_field"),
    ];
    let mut batch: Vec<Value> = bad.iter().map(|(event, _)| event.clone()).collect();
    batch.push(scene.event("good", "view", &json!({ "watch_ms": 3000 })));
    let told = scene.send(&batch).await;
    let expected: Vec<Value> =
        bad.iter().enumerate().map(|(index, (_, code))| json!({ "index": index, "code": code })).collect();
    assert_eq!(told, json!({ "accepted": 1, "duplicates": 0, "rejected": expected }));
    assert_eq!(scene.counts().await["views"], 1);
}

#[tokio::test]
async fn a_view_is_counted_once_a_serving_whoever_says_what() {
    let scene = Scene::set().await;
    let view = scene.event("a", "view", &json!({ "watch_ms": 5000 }));
    scene.send(std::slice::from_ref(&view)).await;
    // Somebody else names a serving that was not theirs: it counts as none, once.
    let stranger = scene.server.client().into_guest().await;
    for id in ["a", "b", "c"] {
        let mut event = view.clone();
        event["id"] = json!(id);
        stranger.post("/v1/events", &json!({ "events": [event] })).await.expect(200);
    }
    assert_eq!(scene.counts().await["views"], 2);
    scene.check_counters().await;
}

#[tokio::test]
async fn many_at_once_are_counted_exactly() {
    let scene = Scene::set().await;
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..12 {
        let client = scene.server.client();
        let event =
            scene.event(&format!("e{number}"), "view", &json!({ "watch_ms": 2000 + number, "served_id": null }));
        let account = scene.server.sign_up("crowd").await;
        let clip = scene.item["clip"]["id"].as_str().expect("an id").to_owned();
        senders.spawn(async move {
            let guest = client.into_guest().await;
            for _ in 0..3 {
                guest.post("/v1/events", &json!({ "events": [event] })).await.expect(200);
                account.put(&format!("/v1/clips/{clip}/like")).await.expect(204);
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.expect("sent");
    }
    let counts = scene.counts().await;
    assert_eq!((&counts["views"], &counts["likes"]), (&json!(12), &json!(12)));
    scene.check_counters().await;
}

#[tokio::test]
async fn a_batch_has_one_to_a_hundred_events() {
    let client = shared_server().await.client();
    for count in [0, 101] {
        let events: Vec<Value> = (0..count).map(|_| json!({})).collect();
        client.post("/v1/events", &json!({ "events": events })).await.expect_field(422, "events");
    }
    let nonsense: Vec<Value> = (0..100).map(|_| json!({})).collect();
    let answer = client.post("/v1/events", &json!({ "events": nonsense })).await.expect(200);
    assert_eq!(answer.json()["rejected"].as_array().map(Vec::len), Some(100));
    assert_eq!(answer.header("estrade-guest"), "", "nobody becomes a guest over nothing");
}

//! Requests that are refused, each by name.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Client;
use crate::harness::client::Answer;
use crate::harness::world::shared_server;

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let anonymous = shared_server().await.client();
    let post = |body: &str, kind: &str| {
        anonymous.call(Method::POST, "/v1/accounts").header("Content-Type", kind).body(body.to_owned())
    };
    let json = "application/json";
    for body in ["", "{", "[1,", "nul", "{\"handle\":\"abc\"", "{}{}", "\u{feff}{}"] {
        post(body, json).send().await.expect_code(400, "invalid_json");
    }
    for body in ["null", "[]", "7", "\"x\"", "{}"] {
        let answer = post(body, json).send().await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
    }
    post("{\"handle\":1,\"handle\":2}", json).send().await.expect(422);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        post("{}", kind).send().await.expect_code(415, "unsupported_media_type");
    }
    let nested = "[".repeat(20_000);
    post(&format!("{{\"handle\":{nested}"), json).send().await.expect(400);
    let large = format!("{{\"handle\":\"{}\"}}", "x".repeat(65_536));
    post(&large, json).send().await.expect_code(413, "body_too_large");
}

#[tokio::test]
async fn lists_refuse_limits_parameters_and_cursors_that_are_not_theirs() {
    let server = shared_server().await;
    let me = server.sign_up("reader").await;
    let handle = me.handle.clone();
    for list in [
        "/v1/me/clips".to_owned(),
        format!("/v1/creators/{handle}/clips"),
        "/v1/feeds/for-you".into(),
        "/v1/feeds/trending".into(),
        "/v1/feeds/following".into(),
    ] {
        for limit in ["0", "51", "-1", "x", "", "1.5", "99999999999999999999"] {
            let answer = me.get(&format!("{list}?limit={limit}")).await;
            assert_eq!(answer.status, 422, "{list} {limit}: {answer:?}");
            answer.expect_field(422, "limit");
        }
        me.get(&format!("{list}?page=2")).await.expect_field(422, "page");
        for cursor in ["x", "%00", "AAAA", &"A".repeat(513), "' OR 1=1"] {
            let answer = me.get(&format!("{list}?cursor={cursor}")).await;
            assert_eq!((answer.status, answer.code()), (400, "invalid_cursor".to_owned()), "{list} {cursor}");
        }
    }
    me.get("/v1/me/clips?state=lost").await.expect_field(422, "state");
}

async fn page(client: &Client, cursor: &str) -> Answer {
    client.get(&format!("/v1/me/clips?cursor={cursor}")).await
}

#[tokio::test]
async fn a_cursor_holds_for_its_list_its_asker_and_unchanged_alone() {
    let server = shared_server().await;
    let (me, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    for _ in 0..3 {
        me.create_upload(10, &[]).await;
    }
    let cursor =
        me.get("/v1/me/clips?limit=2").await.expect(200).json()["next_cursor"].as_str().expect("a cursor").to_owned();
    page(&me, &cursor).await.expect(200);
    page(&other, &cursor).await.expect_code(400, "invalid_cursor");
    me.get(&format!("/v1/me/clips?state=draft&cursor={cursor}")).await.expect_code(400, "invalid_cursor");
    for at in [0, cursor.len() / 2, cursor.len() - 2] {
        let mut forged = cursor.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        page(&me, &String::from_utf8(forged).expect("ASCII")).await.expect_code(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_404_whatever_it_is_called() {
    let server = shared_server().await;
    let me = server.sign_up("seeker").await;
    let long = "a".repeat(2000);
    for id in ["0123456789abcdefghjk", "x", "%00", "..%2f..%2fetc", "%F0%9F%92%A9", &long, "'%20OR%201=1--"] {
        me.get(&format!("/v1/clips/{id}")).await.expect(404);
        me.patch(&format!("/v1/clips/{id}"), &json!({})).await.expect(404);
        me.put(&format!("/v1/clips/{id}/like")).await.expect(404);
        me.get(&format!("/v1/clips/{id}/events")).await.expect(404);
        me.get(&format!("/v1/creators/{id}")).await.expect(404);
        me.put(&format!("/v1/creators/{id}/follow")).await.expect(404);
        me.get(&format!("/v1/uploads/{id}")).await.expect(404);
        me.get(&format!("/v1/feeds/why/{id}")).await.expect(404);
        me.get(&format!("/media/{id}/{id}/index.m3u8")).await.expect(404);
    }
    me.call(Method::GET, "/v1/nothing").undocumented().await.expect_code(404, "not_found");
    me.call(Method::PUT, "/v1/me").undocumented().await.expect_code(405, "method_not_allowed");
    me.call(Method::GET, "/media/../v1/nothing").undocumented().await.expect(404);
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_so() {
    let server = shared_server().await;
    let mut anonymous = server.client();
    let id = "0123456789abcdefghjk";
    let clip = format!("/v1/clips/{id}");
    for (method, path) in [
        (Method::GET, "/v1/me".to_owned()),
        (Method::GET, "/v1/me/clips".into()),
        (Method::DELETE, "/v1/sessions/current".into()),
        (Method::DELETE, clip.clone()),
        (Method::PUT, format!("{clip}/like")),
        (Method::DELETE, format!("{clip}/like")),
        (Method::POST, format!("{clip}/retry")),
        (Method::GET, format!("{clip}/events")),
        (Method::PUT, "/v1/creators/abc/follow".into()),
        (Method::GET, format!("/v1/uploads/{id}")),
        (Method::GET, "/v1/feeds/following".into()),
    ] {
        anonymous.token = None;
        anonymous.call(method.clone(), &path).send().await.expect(401);
        anonymous.token = Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned());
        anonymous.call(method, &path).send().await.expect_code(401, "invalid_token");
    }
}

#[tokio::test]
async fn a_clip_is_changed_by_its_creator_alone_and_only_to_what_can_be() {
    let server = shared_server().await;
    let me = server.sign_up("writer").await;
    let draft = me.create_upload(10, &[("visibility", "unlisted")]).await;
    let path = format!("/v1/clips/{}", draft.clip);
    for (field, value) in [
        ("caption", json!("x".repeat(2201))),
        ("caption", json!("a\u{0}b")),
        ("hashtags", json!(["two words"])),
        ("hashtags", json!(vec!["a"; 31].iter().enumerate().map(|(n, a)| format!("{a}{n}")).collect::<Vec<_>>())),
        ("hashtags", json!(["x".repeat(61)])),
        ("visibility", json!("friends")),
        ("publish", json!("yes")),
        ("processing", json!("ready")),
        ("language", json!("not a language")),
    ] {
        let answer = me.patch(&path, &json!({ field: value })).await;
        assert_eq!(answer.status, 422, "{field} {value}: {answer:?}");
    }
    let changed = me
        .patch(&path, &json!({ "caption": "e\u{301}te\u{301}", "hashtags": ["#Beach", "beach"], "language": null }))
        .await
        .expect(200)
        .json();
    assert_eq!((&changed["caption"], &changed["hashtags"]), (&json!("été"), &json!(["beach"])));
    let stranger = server.sign_up("stranger").await;
    stranger.patch(&path, &json!({ "caption": "mine now" })).await.expect(404);
    stranger.delete(&path).await.expect(404);
}

#[tokio::test]
async fn a_report_is_taken_once_a_reason() {
    let server = crate::feeds::stocked_server(1).await;
    let guest = server.client().into_guest().await;
    let id = guest.get("/v1/feeds/for-you").await.expect(200).json()["items"][0]["clip"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/v1/clips/{id}/reports");
    guest.post(&path, &json!({ "reason": "it is Tuesday" })).await.expect_field(422, "reason");
    guest.post(&path, &json!({ "reason": "spam", "detail": "x".repeat(2001) })).await.expect_field(422, "detail");
    let first: Value = guest.post(&path, &json!({ "reason": "spam" })).await.expect(202).json();
    let second: Value = guest.post(&path, &json!({ "reason": "spam" })).await.expect(202).json();
    assert_eq!(first["id"], second["id"]);
}

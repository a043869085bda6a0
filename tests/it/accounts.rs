//! Accounts, sessions and guests.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::server::Setup;
use crate::harness::world::{shared_server, world};

fn credentials(handle: &str) -> Value {
    json!({ "handle": handle, "password": PASSWORD })
}

#[tokio::test]
async fn an_account_logs_in_changes_itself_logs_out_and_goes() {
    let server = shared_server().await;
    let mut me = server.sign_up("eva").await;
    let changed =
        me.patch("/v1/me", &json!({ "name": "Eva M.", "email": "eva@example.org", "profiling": false })).await;
    let changed = changed.expect(200).json();
    assert_eq!(
        (&changed["name"], &changed["profiling"], &changed["roles"]),
        (&json!("Eva M."), &json!(false), &json!([]))
    );
    assert_eq!(me.get("/v1/me").await.expect(200).json(), changed);
    let shown = server.client().get(&format!("/v1/creators/{}", me.handle)).await.expect(200).json();
    assert!(!shown.to_string().contains("example.org"), "an address is shown: {shown}");

    let session =
        server.client().post("/v1/sessions", &credentials(&me.handle.to_uppercase())).await.expect(201).json();
    let first = me.token.replace(session["token"].as_str().expect("a token").to_owned());
    me.delete("/v1/sessions/current").await.expect(204);
    me.get("/v1/me").await.expect_code(401, "invalid_token");
    me.token = first;
    me.call(Method::DELETE, "/v1/me")
        .json(&json!({ "password": "not this one" }))
        .send()
        .await
        .expect_code(403, "wrong_password");
    me.call(Method::DELETE, "/v1/me").json(&json!({ "password": PASSWORD })).send().await.expect(204);
    me.get("/v1/me").await.expect(401);
    server.client().get(&format!("/v1/creators/{}", me.handle)).await.expect(404);
    server.client().post("/v1/accounts", &credentials(&me.handle)).await.expect(409);
}

#[tokio::test]
async fn a_login_does_not_tell_whether_the_handle_exists() {
    let server = shared_server().await;
    let known = server.sign_up("known").await;
    let mut answers = Vec::new();
    for handle in [known.handle.as_str(), "nobody_has_this"] {
        let answer =
            server.client().post("/v1/sessions", &json!({ "handle": handle, "password": "wrong password" })).await;
        let mut problem = answer.expect_code(401, "invalid_credentials").json();
        problem["request_id"] = Value::Null;
        answers.push(problem);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_sign_up_that_cannot_be_is_refused_by_field() {
    let server = shared_server().await;
    let taken = server.sign_up("taken").await;
    let anonymous = server.client();
    anonymous.post("/v1/accounts", &credentials(&taken.handle.to_uppercase())).await.expect(409);
    for (field, value) in [
        ("handle", json!("ab")),
        ("handle", json!("x".repeat(31))),
        ("handle", json!("two words")),
        ("handle", json!("gänse")),
        ("handle", json!(7)),
        ("password", json!("too short")),
        ("password", json!("x".repeat(257))),
        ("name", json!("")),
        ("name", json!("a".repeat(51))),
        ("name", json!("evil\u{202e}txt")),
        ("name", json!("line\nbreak")),
        ("name", json!(format!("z{}", "\u{301}".repeat(20)))),
        ("email", json!("not an address")),
        ("language", json!("klingon!")),
        ("is_moderator", json!(true)),
    ] {
        let mut body = credentials(&world().unique("fresh"));
        body[field] = value.clone();
        let answer = anonymous.post("/v1/accounts", &body).await;
        assert_eq!(answer.status, 422, "{field} {value}: {answer:?}");
        answer.expect_field(422, field);
    }
}

#[tokio::test]
async fn the_cookie_of_a_browser_works_for_our_own_pages_alone() {
    let server = shared_server().await;
    let account = server.sign_up("browser").await;
    let mut body = credentials(&account.handle);
    body["cookie"] = json!(true);
    let answer = server.client().post("/v1/sessions", &body).await.expect(201);
    assert_eq!(answer.json().get("token"), None);
    let set = answer.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = set.split(';').next().expect("a pair");
    let browser = server.client();
    let me = |method: Method| browser.call(method, "/v1/me").header("Cookie", cookie);
    me(Method::GET).send().await.expect(200);
    let change = json!({ "name": "Renamed" });
    me(Method::PATCH).json(&change).send().await.expect_code(403, "foreign_origin");
    me(Method::PATCH)
        .header("Origin", "https://evil.example")
        .json(&change)
        .send()
        .await
        .expect_code(403, "foreign_origin");
    me(Method::PATCH).header("Origin", &server.base).json(&change).send().await.expect(200);
}

#[tokio::test]
async fn who_tries_too_often_waits() {
    let setup = Setup::fresh().await.with("ESTRADE_LOGINS_PER_HANDLE", "3").with("ESTRADE_SIGN_UPS_PER_MINUTE", "2");
    let server = setup.start().await;
    let known = server.client().sign_up("somebody").await;
    let wrong = json!({ "handle": known.handle, "password": "wrong password" });
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(server.client().post("/v1/sessions", &wrong).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    server.client().sign_up("somebody_else").await;
    server.client().post("/v1/accounts", &credentials("third")).await.expect(429);
}

#[tokio::test]
async fn a_guests_history_goes_to_the_account_they_log_in_with() {
    let server = crate::feeds::stocked_server(3).await;
    let guest = server.client().into_guest().await;
    let item = guest.get("/v1/feeds/for-you").await.expect(200).json()["items"][0].clone();
    let view = json!({ "id": "v", "type": "view", "at": item["clip"]["published_at"], "clip_id": item["clip"]["id"],
                       "served_id": item["served_id"], "watch_ms": 2500 });
    guest.post("/v1/events", &json!({ "events": [view] })).await.expect(200);

    let account = guest.clone().sign_up("grown_up").await;
    let account = account.with_guest(None);
    let db = server.db().await;
    let owned: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM views w JOIN viewers v ON v.id = w.viewer_id JOIN accounts a ON a.id = v.account_id
         WHERE a.handle = 'grown_up' AND w.watch_ms = 2500",
    )
    .fetch_one(&db)
    .await
    .expect("a count");
    assert_eq!(owned, 1, "the view belongs to the account");
    let why = format!("/v1/feeds/why/{}", item["served_id"].as_str().expect("a serving"));
    account.get(&why).await.expect(200);
    let again = account.post("/v1/events", &json!({ "events": [view] })).await.expect(200).json();
    assert_eq!(again["duplicates"], 1, "the event is known: {again}");
    assert_eq!(account.clip(item["clip"]["id"].as_str().expect("an id")).await["counts"]["views"], 1);
}

//! What operators rely on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use estrade_testkit::media::Clip;
use reqwest::Method;
use serde_json::Value;

use crate::harness::raw::Raw;
use crate::harness::server::Setup;
use crate::harness::world::shared_server;
use crate::harness::{Estrade, eventually, world};

/// Half-sent headers and idle connections are reaped after 5 s; a busy machine takes a little longer.
const REAPED_WITHIN: Duration = Duration::from_secs(10);
const AT_ONCE: Duration = Duration::from_secs(3);

async fn probe(base: &str, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{base}{path}")).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn both_listeners_tell_whether_the_process_lives_and_is_ready() {
    let server = shared_server().await;
    for base in [&server.base, &server.operators] {
        assert_eq!(probe(base, "/livez").await.0, 200);
        let (status, body) = probe(base, "/readyz").await;
        assert_eq!(status, 200, "{body}");
        let checks: Value = serde_json::from_str(&body).expect("json");
        for check in ["database", "objects", "feed", "sandbox"] {
            assert_eq!(checks[check], "ok", "{body}");
        }
    }
}

#[tokio::test]
async fn metrics_are_for_operators_and_have_their_documented_names() {
    let server = Estrade::start().await;
    server.sign_up("ada").await.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    server.client().get("/v1/feeds/for-you").await.expect(200);
    server.client().call(Method::GET, "/metrics").undocumented().await.expect(404);
    let (status, text) = probe(&server.operators, "/metrics").await;
    assert_eq!(status, 200);
    for name in [
        "estrade_http_requests_total{method=\"GET\",route=\"/v1/feeds/for-you\",status=\"200\"} 1",
        "estrade_http_request_seconds_bucket",
        "estrade_http_connections ",
        "estrade_jobs_attempts_total{",
        "estrade_jobs_attempt_seconds_count",
        "estrade_uploads_total",
        "estrade_upload_received_bytes_total",
        "estrade_transcoder_clips_total{",
        "estrade_transcoder_stage_seconds_count",
        "estrade_transcoder_stage_seconds_count{stage=\"probe\"} 1",
        "estrade_transcoder_child_stage_seconds_total{rung=\"\",stage=\"decode\"}",
        "estrade_transcoder_child_stage_seconds_total{rung=\"360\",stage=\"encode\"}",
        "estrade_transcoder_child_cpu_seconds_total",
        "estrade_transcoder_child_peak_bytes_count 1",
        "estrade_transcoder_realtime_factor_count 1",
        "estrade_transcoder_sandbox_contained 1",
        "estrade_feed_pages_total",
        "estrade_feed_servings_total",
        "estrade_feed_log_lag_seconds",
        "process_resident_memory_bytes",
    ] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_request_is_one_line_in_the_log_without_personal_data() {
    let server = Estrade::start().await;
    let me = server.sign_up("observed").await;
    let answer = me.get("/v1/me").await.expect(200);
    let id = answer.header("estrade-request-id").to_owned();
    let lines = eventually("the line is written", || async {
        let lines: Vec<Value> = server.log().into_iter().filter(|line| line["request.id"] == id.as_str()).collect();
        (!lines.is_empty()).then_some(lines)
    })
    .await;
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(
        (line["http.method"].as_str(), line["http.route"].as_str(), line["http.status"].as_u64()),
        (Some("GET"), Some("/v1/me"), Some(200))
    );
    assert!(line["duration_ms"].is_u64(), "{line}");
    let whole: String = server.log().iter().map(ToString::to_string).collect();
    assert!(
        !whole.contains(&me.handle) && !whole.contains(me.token.as_deref().expect("a token")),
        "the log names a person"
    );
}

#[tokio::test]
async fn a_stop_under_load_fails_no_request() {
    let mut server = crate::feeds::stocked_server(5).await;
    let answered = Arc::new(AtomicUsize::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (base, answered) = (server.base.clone(), Arc::clone(&answered));
        clients.spawn(async move {
            let path = ["/v1/feeds/trending", "/v1/creators/early_0", "/v1/guests"][number % 3];
            loop {
                // A connection each: none is closed between two requests just as it is used again.
                let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
                let url = format!("{base}{path}");
                let request = if path == "/v1/guests" { http.post(url) } else { http.get(url) };
                match request.send().await {
                    Ok(answer) => {
                        assert!(answer.status().is_success(), "{path}: {}", answer.status());
                        answer.bytes().await.expect("the whole body");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) if error.is_connect() => return,
                    Err(error) => panic!("{path} failed: {error:?}"),
                }
            }
        });
    }
    eventually("there is load", || async { (answered.load(Ordering::Relaxed) > 100).then_some(()) }).await;
    server.send_term();
    while let Some(client) = clients.join_next().await {
        client.expect("no request failed");
    }
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn while_it_drains_a_server_says_that_it_is_not_ready() {
    let mut server = Setup::fresh().await.with("ESTRADE_DRAIN_SECS", "30").start().await;
    let creator = server.sign_up("slow").await;
    let upload = creator.create_upload(1000, &[]).await;
    let stream = Raw::begin_append(&creator, &upload, 0, 1000).await;
    server.send_term();
    eventually("the operators' listener says so", || async {
        (probe(&server.operators, "/readyz").await.0 == 503).then_some(())
    })
    .await;
    drop(stream);
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn slow_and_idle_connections_are_reaped() {
    let server = shared_server().await;
    let idle = Raw::connect(&server.base).await;
    let mut halting = Raw::connect(&server.base).await;
    halting.send(b"GET /v1/me HTTP/1.1\r\nHost: estrade\r\nX-Slow: ").await;
    let mut kept = Raw::connect(&server.base).await;
    kept.send(b"GET /livez HTTP/1.1\r\nHost: estrade\r\n\r\n").await;
    let (idle, halting, kept) = tokio::join!(
        idle.read_to_end(REAPED_WITHIN),
        halting.read_to_end(REAPED_WITHIN),
        kept.read_to_end(REAPED_WITHIN)
    );
    assert!(idle.is_empty() && !halting.contains("200 OK"), "{idle} {halting}");
    assert!(kept.starts_with("HTTP/1.1 200"), "{kept}");
}

#[tokio::test]
async fn requests_that_are_too_much_are_refused_at_once() {
    let server = shared_server().await;
    let creator = server.sign_up("giant").await;
    let upload = creator.create_upload(1000, &[]).await;
    let mut append = Raw::begin_append(&creator, &upload, 0, 10_000_000_000).await;
    assert_eq!(append.status(AT_ONCE).await, 413);
    for (request, expected) in [
        ("POST /v1/accounts HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n".to_owned(), 413),
        (format!("GET / HTTP/1.1\r\nHost: e\r\nX-Large: {}\r\n\r\n", "x".repeat(40_000)), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: e\r\n\r\n", "x".repeat(70_000)), 414),
        ("GET /v1/me HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET /v1/me HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), 400),
        ("NONSENSE\r\n\r\n".to_owned(), 400),
        ("POST /v1/guests HTTP/1.1\r\nHost: e\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 0),
    ] {
        let mut raw = Raw::connect(&server.base).await;
        raw.send(request.as_bytes()).await;
        let status = raw.status(AT_ONCE).await;
        let shown: String = request.chars().take(60).collect();
        if expected == 0 {
            assert!((200..500).contains(&status), "{shown}: {status}");
        } else {
            assert!(status == expected || (expected == 414 && status == 431), "{shown}: {status}");
        }
    }
    let started = Instant::now();
    server.client().get("/v1/feeds/parameters").await.expect(200);
    assert!(started.elapsed() < AT_ONCE, "the server answers others as ever");
}

/// A new connection, if it gets a place.
async fn served(base: &str) -> Option<Raw> {
    let mut connection = Raw::connect(base).await;
    connection.is_served().await.then_some(connection)
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let server = Setup::fresh().await.with("ESTRADE_CONNECTIONS_PER_ADDRESS", "4").start().await;
    let mut held = Vec::new();
    while held.len() < 4 {
        // The connection that saw the server start may still have its place.
        held.push(eventually("a place", || served(&server.base)).await);
    }
    assert!(served(&server.base).await.is_none(), "a fifth is not served");
    for connection in &mut held {
        assert!(connection.is_served().await, "those before it are");
    }
    assert_eq!(probe(&server.operators, "/livez").await.0, 200, "operators are not locked out");
    held.clear();
    eventually("a place is free again", || async {
        reqwest::get(format!("{}/livez", server.base)).await.ok().filter(|answer| answer.status() == 200)
    })
    .await;
}

#[tokio::test]
async fn pages_are_closed_to_foreign_scripts_and_shared_links_have_a_preview() {
    let server = shared_server().await;
    let creator = server.sign_up("shown").await;
    let source = world().clip_bytes(Clip::PORTRAIT);
    let clip = creator.publish(&source, &[("caption", "\"><script>alert(1)</script>")]).await;
    let page =
        server.client().call(Method::GET, &format!("/c/{}", clip["id"].as_str().expect("an id"))).undocumented().await;
    let page = page.expect(200);
    let html = page.text();
    assert!(html.contains("og:image") && html.contains(clip["poster_url"].as_str().expect("a poster")), "{html}");
    assert!(!html.contains("<script>alert"), "{html}");
    let policy = page.header("content-security-policy").to_owned();
    assert!(
        policy.contains("default-src 'none'")
            && policy.contains("frame-ancestors 'none'")
            && !policy.contains("unsafe-eval"),
        "{policy}"
    );
    let missing = reqwest::get(format!("{}/c/0123456789abcdefghjk", server.base)).await.expect("an answer");
    assert_eq!(missing.status(), 404);
}

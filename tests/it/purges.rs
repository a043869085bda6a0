//! What caches in front of the media are told to forget.

use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::harness::server::Setup;
use crate::harness::world;
use crate::visibility::Scene;

/// A cache's purge hook; which clips it was told to forget, in order.
async fn purge_hook() -> (String, UnboundedReceiver<Value>) {
    let (told, heard) = unbounded_channel();
    let hook = post(move |Json(body): Json<Value>| async move {
        told.send(body).expect("the test listens");
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/purge", listener.local_addr().expect("an address"));
    tokio::spawn(async { axum::serve(listener, Router::new().route("/purge", hook)).await });
    (url, heard)
}

#[tokio::test]
async fn caches_forget_a_clip_whenever_something_of_it_is_taken_back() {
    let (url, mut purges) = purge_hook().await;
    let scene = Scene::set_on(Setup::fresh().await.with("ESTRADE_PURGE_URL", &url).start().await).await;
    scene.change(json!({ "caption": "no reason to purge", "allow_download": true })).await;
    let captions = format!("{}/captions/en", scene.path());
    let jpeg = std::fs::read(
        world().shelf.make("jpg", &["-f", "lavfi", "-i", "testsrc2=size=720x1280", "-frames:v", "1"]).expect("made"),
    )
    .expect("bytes");
    let poster = format!("{}/poster", scene.path());
    let put = |path: String, kind: &'static str, bytes: Vec<u8>| {
        scene.creator.call(Method::PUT, &path).header("content-type", kind).body(bytes).send()
    };
    let mut expect_purge = async |what: &str| {
        let purge = tokio::time::timeout(Duration::from_secs(10), purges.recv()).await.expect(what).expect("the hook");
        assert_eq!(purge, json!({ "surrogate_keys": [scene.id] }), "{what}");
    };
    scene.change(json!({ "allow_download": false })).await;
    expect_purge("no file to share any more").await;
    // What comes in addition takes nothing back.
    let text = b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n";
    put(captions.clone(), "text/vtt", text.to_vec()).await.expect(200);
    put(captions.clone(), "text/vtt", text.to_vec()).await.expect(200);
    expect_purge("other captions").await;
    scene.creator.delete(&captions).await.expect(204);
    expect_purge("no captions").await;
    put(poster.clone(), "image/jpeg", jpeg).await.expect(200);
    scene.creator.call(Method::PUT, &poster).json(&json!({ "at_ms": 500 })).send().await.expect(202);
    expect_purge("another moment").await;
    scene.creator.delete(&poster).await.expect(200);
    expect_purge("the automatic poster").await;
    scene.change(json!({ "visibility": "followers" })).await;
    expect_purge("fewer people").await;
    scene.change(json!({ "visibility": "private" })).await;
    scene.change(json!({ "visibility": "public" })).await;
    scene.creator.delete(&scene.path()).await.expect(204);
    expect_purge("nobody").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(purges.is_empty(), "nothing is forgotten twice");
}

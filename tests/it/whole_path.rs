//! From a phone clip to a playing, ranked feed.

use estrade_testkit::media::Clip;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::client::ids;
use crate::harness::hls::{MediaPlaylist, Multivariant, check_validity};
use crate::harness::programs::{decode, node, probe, write_aside};
use crate::harness::world::shared_server;
use crate::harness::{Client, Estrade, eventually, world};

#[tokio::test]
async fn a_phone_clip_is_uploaded_processed_played_ranked_and_counted() {
    let server = Estrade::start().await;
    let creator = server.sign_up("ada").await;
    let source = world().clip_bytes(Clip { width: 540, height: 960, ..Clip::PORTRAIT });
    let pairs =
        [("filename", "IMG_1.mp4"), ("caption", "On the beach"), ("hashtags", "dance,beach"), ("language", "en")];
    let id = creator.upload(&source, &pairs).await;

    let told = creator.watch_clip(&id).await;
    check_progress(&told);
    let clip = creator.clip(&id).await;
    assert_eq!(clip["caption"], "On the beach");
    assert_eq!(clip["hashtags"], json!(["dance", "beach"]));
    assert_eq!((&clip["width"], &clip["height"], &clip["has_audio"]), (&json!(540), &json!(960), &json!(true)));
    check_media(&server.client(), &clip).await;

    let guest = server.client().into_guest().await;
    let item = find_in_feed(&guest, &id).await;
    assert_eq!(item["clip"]["creator"]["handle"], creator.handle.as_str());
    check_start(&guest, &item).await;
    check_why(&guest, &item).await;
    check_counting(&guest, &item).await;
    check_following(&server.sign_up("bob").await, &creator, &id).await;
}

/// Progress never falls, and the end is a whole ladder.
fn check_progress(told: &[Value]) {
    let progress: Vec<f64> = told.iter().map(|event| event["progress"].as_f64().expect("progress")).collect();
    assert!(progress.is_sorted(), "{progress:?}");
    let last = told.last().expect("at least one event");
    assert_eq!((&last["state"], &last["complete"]), (&json!("ready"), &json!(true)), "{told:#?}");
}

async fn check_media(viewer: &Client, clip: &Value) {
    let url = clip["hls_url"].as_str().expect("an address");
    let multivariant = Multivariant::fetch(viewer, url).await;
    assert_eq!(multivariant.rungs(), [360, 540]);
    let mut renditions = Vec::new();
    for variant in &multivariant.variants {
        let number = |name: &str| variant.attributes[name].parse::<f64>().expect(name);
        assert!(number("BANDWIDTH") >= number("AVERAGE-BANDWIDTH") && number("AVERAGE-BANDWIDTH") > 0.0, "{variant:?}");
        assert!((number("FRAME-RATE") - 30.0).abs() < 0.01, "{variant:?}");
        let codecs: Vec<&str> = variant.attributes["CODECS"].split(',').collect();
        assert!(codecs[0].starts_with("avc1.") && codecs[1] == "mp4a.40.2", "{variant:?}");
        renditions.push((variant.uri.clone(), "h264"));
    }
    renditions.push((multivariant.audio.expect("sound"), "aac"));
    for (playlist, codec) in renditions {
        check_rendition(viewer, &playlist, codec).await;
    }
    decode(url);
    check_validity(viewer, url).await;
    node("valid.mjs", &[url], &[]);
    let poster = viewer.get(clip["poster_url"].as_str().expect("a poster")).await.expect(200);
    assert!(poster.body.starts_with(b"\xff\xd8\xff"));
}

async fn check_rendition(viewer: &Client, url: &str, codec: &str) {
    let playlist = MediaPlaylist::fetch(viewer, url).await;
    for line in ["#EXT-X-PLAYLIST-TYPE:EVENT", "#EXT-X-START:TIME-OFFSET=0", "#EXT-X-ENDLIST"] {
        assert!(playlist.text.lines().any(|found| found == line), "{line} is not in {}", playlist.text);
    }
    assert!((playlist.duration_secs() - 2.0).abs() < 0.1, "{}", playlist.text);
    assert!((playlist.segments[0].1 - 1.0).abs() < 0.1, "the first segment lasts a second: {}", playlist.text);
    let media_type = if codec == "aac" { "audio/mp4" } else { "video/mp4" };
    for url in [&playlist.init, &playlist.segments[0].0] {
        let answer = viewer.call(Method::GET, url).header("accept-encoding", "gzip").send().await;
        let headers = ["content-type", "content-encoding"].map(|name| answer.header(name).to_owned());
        assert_eq!(headers, [media_type, ""], "{url}");
    }
    let probed = probe(&write_aside("mp4", &playlist.bytes(viewer).await));
    let stream = &probed["streams"][0];
    assert_eq!(stream["codec_name"], codec);
    if codec == "h264" {
        assert_eq!(stream["nb_read_frames"], "60", "every picture of the source is there");
    }
}

async fn find_in_feed(viewer: &Client, clip: &str) -> Value {
    eventually("the clip is in the for-you feed", || async {
        let page = viewer.get("/v1/feeds/for-you?limit=50").await.expect(200).json();
        page["items"].as_array().expect("items").iter().find(|item| item["clip"]["id"] == clip).cloned()
    })
    .await
}

/// What a player needs to start without a playlist.
async fn check_start(viewer: &Client, item: &Value) {
    let start = item["start"].as_array().expect("start");
    assert_eq!(ids_of_heights(start), [640, 960]);
    for rendition in start {
        viewer.get(rendition["init_url"].as_str().expect("an address")).await.expect(200);
        let first = viewer.get(rendition["first_url"].as_str().expect("an address")).await.expect(200);
        assert_eq!(first.body.len() as u64, rendition["first_bytes"].as_u64().expect("a size"));
    }
}

fn ids_of_heights(start: &[Value]) -> Vec<u64> {
    start.iter().map(|rendition| rendition["height"].as_u64().expect("a height")).collect()
}

async fn check_why(viewer: &Client, item: &Value) {
    let served = item["served_id"].as_str().expect("a serving");
    let why = viewer.get(&format!("/v1/feeds/why/{served}")).await.expect(200).json();
    assert_eq!(why["clip_id"], item["clip"]["id"]);
    assert_eq!(why["reason"], item["reason"]);
    let propensity = why["propensity"].as_f64().expect("a propensity");
    assert!(propensity > 0.0 && propensity <= 1.0, "{why}");
}

async fn check_counting(viewer: &Client, item: &Value) {
    let event = |id: &str, kind: &str, watch_ms: u64| json!({ "id": id, "type": kind, "at": server_time(item), "clip_id": item["clip"]["id"], "served_id": item["served_id"], "watch_ms": watch_ms });
    let batch = json!({ "events": [event("a", "impression", 0), event("b", "view", 2000), event("c", "completion", 2000), event("d", "share", 0)] });
    let told = viewer.post("/v1/events", &batch).await.expect(200).json();
    assert_eq!(told, json!({ "accepted": 4, "duplicates": 0, "rejected": [] }));
    let clip = viewer.clip(item["clip"]["id"].as_str().expect("an id")).await;
    assert_eq!(clip["counts"], json!({ "views": 1, "likes": 0, "comments": 0, "shares": 1 }));
}

/// A moment the server accepts: the clip was published a moment ago.
fn server_time(item: &Value) -> &Value {
    &item["clip"]["published_at"]
}

async fn check_following(follower: &Client, creator: &Client, clip: &str) {
    follower.put(&format!("/v1/clips/{clip}/like")).await.expect(204);
    follower.put(&format!("/v1/creators/{}/follow", creator.handle)).await.expect(204);
    let seen = follower.clip(clip).await;
    assert_eq!(seen["viewer"], json!({ "liked": true, "following": true }));
    assert_eq!(seen["counts"]["likes"], 1);
    eventually("the clip is in the following feed", || async {
        let items = follower.all_items("/v1/feeds/following", 10).await;
        (ids(&items, "/clip/id") == [clip]).then_some(())
    })
    .await;
    follower.delete(&format!("/v1/clips/{clip}/like")).await.expect(204);
    assert_eq!(follower.clip(clip).await["counts"]["likes"], 0);
}

#[tokio::test]
async fn a_clip_without_sound_is_a_clip_too() {
    let server = shared_server().await;
    let creator = server.sign_up("mute").await;
    let clip = creator.publish(&world().clip_bytes(Clip { has_audio: false, ..Clip::PORTRAIT }), &[]).await;
    assert_eq!(clip["has_audio"], false);
    let multivariant = Multivariant::fetch(&creator, clip["hls_url"].as_str().expect("an address")).await;
    assert_eq!((multivariant.rungs(), multivariant.audio), (vec![360], None));
    decode(clip["hls_url"].as_str().expect("an address"));
}

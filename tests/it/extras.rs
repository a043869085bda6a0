//! What people look at beside the stream: storyboard, preview, chosen posters, the file to share.

use bytes::Bytes;
use estrade_domain::{AccountId, ClipId, Clock, Entropy, PosterId, SystemClock, VersionId};
use estrade_jobs::{Job, Weight, enqueue};
use estrade_testkit::media::Clip;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::types::Uuid;

use crate::harness::client::Answer;
use crate::harness::hls::{Multivariant, join};
use crate::harness::programs::{probe, write_aside};
use crate::harness::server::Setup;
use crate::harness::world::shared_server;
use crate::harness::{Client, Estrade, eventually, world};

const JPEG_START: &[u8] = b"\xff\xd8\xff";

fn text<'a>(clip: &'a Value, field: &str) -> &'a str {
    clip[field].as_str().unwrap_or_else(|| panic!("{field} in {clip}"))
}

fn poster_path(clip: &Value) -> String {
    format!("/v1/clips/{}/poster", text(clip, "id"))
}

async fn send_picture(client: &Client, clip: &Value, kind: &str, bytes: Vec<u8>) -> Answer {
    client.call(Method::PUT, &poster_path(clip)).header("content-type", kind).body(bytes).send().await
}

async fn pick_moment(client: &Client, clip: &Value, at_ms: i64) -> Answer {
    client.call(Method::PUT, &poster_path(clip)).json(&json!({ "at_ms": at_ms })).send().await
}

/// A picture of one colour as `ffmpeg` writes it.
fn picture(ending: &str, colour: &str, size: &str) -> Vec<u8> {
    let source = format!("color=c={colour}:s={size}");
    let file = world().shelf.make(ending, &["-f", "lavfi", "-i", &source, "-frames:v", "1"]).expect("a picture");
    std::fs::read(file).expect("readable")
}

/// The colour of the middle of a picture.
fn middle(bytes: &[u8]) -> [u8; 3] {
    let file = write_aside("jpg", bytes);
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-vf", "scale=1:1:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .expect("ffmpeg starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout[..3].try_into().expect("one point")
}

#[tokio::test]
async fn a_clip_has_a_storyboard_a_preview_key_pictures_and_sound_alone() {
    let server = shared_server().await;
    let creator = server.sign_up("beside").await;
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    let clip = creator.wait_complete(text(&clip, "id")).await;

    let index_url = text(&clip, "storyboard_url");
    let index = creator.get(index_url).await.expect(200);
    assert!(index.header("content-type").starts_with("text/vtt"), "{}", index.header("content-type"));
    let index = index.text();
    let cues: Vec<&str> = index.lines().filter(|line| line.contains("#xywh=")).collect();
    assert_eq!(cues, ["s00000.jpg#xywh=0,0,96,170", "s00001.jpg#xywh=0,0,96,170"], "{index}");
    for sheet in ["s00000.jpg", "s00001.jpg"] {
        let sheet = creator.get(&join(index_url, sheet)).await.expect(200);
        assert_eq!(sheet.header("content-type"), "image/jpeg");
        assert!(sheet.header("cache-control").contains("immutable") && sheet.body.starts_with(JPEG_START));
    }
    creator.get(&join(index_url, "s00002.jpg")).await.expect(404);

    let preview = creator.get(text(&clip, "preview_url")).await.expect(200);
    assert_eq!(preview.header("content-type"), "image/webp");
    assert_eq!(&preview.body[8..16], b"WEBPVP8X");

    let multivariant = Multivariant::fetch(&creator, text(&clip, "hls_url")).await;
    let sound = multivariant.sound_only.expect("sound alone");
    assert_eq!(Some(&sound.uri), multivariant.audio.as_ref());
    let keys = creator.get(multivariant.keys.first().expect("key pictures")).await.expect(200).text();
    assert!(keys.contains("#EXT-X-I-FRAMES-ONLY") && keys.contains("#EXT-X-BYTERANGE:"), "{keys}");

    let item = eventually("the clip is in a feed with everything beside it", || async {
        let page = creator.get("/v1/feeds/trending?limit=50").await.expect(200).json();
        let found = page["items"].as_array()?.iter().find(|item| item["clip"]["id"] == clip["id"])?.clone();
        (found["clip"]["preview_url"].is_string() && found["clip"]["complete"] == true).then_some(found)
    })
    .await;
    for field in ["thumbhash", "storyboard_url", "preview_url", "poster_url"] {
        assert_eq!(item["clip"][field], clip[field], "{field}");
    }
    assert_eq!(item["clip"]["allow_download"], false);
}

#[tokio::test]
async fn a_creator_sends_a_picture_picks_a_moment_and_goes_back() {
    let server = Estrade::start().await;
    let creator = server.sign_up("cover").await;
    let colours: &[&str] = &["-vf", "drawbox=c=blue:t=fill,drawbox=c=red:t=fill:enable='lt(t,1)'"];
    let clip = creator.publish(&world().clip_bytes(Clip { extra: colours, ..Clip::PORTRAIT }), &[]).await;
    let clip = creator.wait_complete(text(&clip, "id")).await;
    let automatic = text(&clip, "poster_url").to_owned();

    let sent = send_picture(&creator, &clip, "image/png", picture("png", "lime", "800x1200")).await.expect(200).json();
    let sent_url = text(&sent, "poster_url").to_owned();
    assert_ne!(sent_url, automatic);
    assert_ne!(sent["thumbhash"], clip["thumbhash"]);
    let shown = server.client().get(&sent_url).await.expect(200);
    assert_eq!(shown.header("content-type"), "image/jpeg");
    let [red, green, blue] = middle(&shown.body);
    assert!(green > 200 && red < 60 && blue < 60, "{red} {green} {blue}");
    wait_for_feed_poster(&server, &sent).await;

    let picked = pick_moment(&creator, &clip, 1500).await.expect(202).json();
    assert_eq!((&picked["poster_pending"], &picked["poster_url"]), (&json!(true), &sent["poster_url"]));
    let made = eventually("the moment is the poster", || async {
        let now = creator.clip(text(&clip, "id")).await;
        (now["poster_url"] != sent["poster_url"]).then_some(now)
    })
    .await;
    assert!(made["poster_pending"].is_null(), "{made}");
    let [red, green, blue] = middle(&server.client().get(text(&made, "poster_url")).await.expect(200).body);
    assert!(blue > 200 && red < 60 && green < 60, "{red} {green} {blue}");
    server.client().get(&sent_url).await.expect(404);
    wait_for_feed_poster(&server, &made).await;
    eventually("both children are counted", || async {
        let metrics = reqwest::get(format!("{}/metrics", server.operators)).await.ok()?.text().await.ok()?;
        metrics.contains("estrade_transcoder_child_peak_bytes_count 2\n").then_some(())
    })
    .await;
    let stored = server.blobs().list(&format!("media/{}/posters/", text(&clip, "id"))).await.expect("listed");
    let name = text(&made, "poster_url").rsplit_once("poster-").expect("an id").1.trim_end_matches(".jpg");
    let attempt = stored[0].rsplit_once(&format!("{name}-")).map(|(_, token)| token.trim_end_matches(".jpg"));
    let is_of_attempt = attempt.is_some_and(|token| token.parse::<i64>().is_ok());
    assert!(stored.len() == 1 && is_of_attempt, "another attempt would write another object: {stored:?}");

    let back = creator.delete(&poster_path(&clip)).await.expect(200).json();
    assert_eq!((&back["poster_url"], &back["thumbhash"]), (&clip["poster_url"], &clip["thumbhash"]));
    server.client().get(text(&made, "poster_url")).await.expect(404);
    let left = server.blobs().list(&format!("media/{}/posters/", text(&clip, "id"))).await.expect("listed");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_clip_with_a_dark_opening_has_a_poster_at_once_and_a_better_one_later() {
    let server = Estrade::start().await;
    let creator = server.sign_up("dusk").await;
    let dark: &[&str] = &["-vf", "drawbox=c=black:t=fill:enable='lt(t,1.2)'"];
    let source = world().clip_bytes(Clip { tenths: 40, extra: dark, ..Clip::PORTRAIT });
    let id = creator.upload(&source, &[]).await;
    let first = eventually("it can be watched", || async {
        Some(creator.clip(&id).await).filter(|clip| clip["state"] == "ready")
    })
    .await;
    let whole = creator.wait_complete(&id).await;
    let better = text(&whole, "poster_url");
    assert!(better.ends_with("/poster2.jpg") && first["thumbhash"].is_string(), "{first} {whole}");
    let light = middle(&creator.get(better).await.expect(200).body);
    let opening = creator.get(&better.replace("poster2", "poster")).await.expect(200);
    assert!(opening.header("cache-control").contains("immutable"), "pages that show the first one go on");
    let dark = middle(&opening.body);
    assert!(dark.iter().all(|value| *value < 30) && light.iter().any(|value| *value > 60), "{dark:?} {light:?}");
}

#[tokio::test]
async fn what_a_lost_attempt_stored_of_a_deleted_clip_is_deleted_too() {
    let server = Estrade::start().await;
    let (creator, db) = (server.sign_up("gone").await, server.db().await);
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    let id = text(&clip, "id");
    creator.wait_complete(id).await;
    let ids = "SELECT c.id, c.creator_id, c.version_id FROM clips c WHERE c.public_id = $1";
    let (clip_id, owner, version_id): (Uuid, Uuid, Uuid) =
        sqlx::query_as(ids).bind(id).fetch_one(&db).await.expect("a clip");
    creator.delete(&format!("/v1/clips/{id}")).await.expect(204);
    let (clip_id, folder, entropy) = (ClipId(clip_id), format!("media/{id}/"), Entropy::from_seed(5));
    let poster = Job::MakePoster { poster_id: PosterId(version_id), clip_id: Some(clip_id) };
    let download = Job::MakeDownload { clip_id, version_id: VersionId(version_id) };
    for job in [poster, download] {
        eventually("its media are deleted", || async {
            let live = "SELECT count(*) FROM jobs WHERE state IN ('available', 'running')";
            let live: i64 = sqlx::query_scalar(live).fetch_one(&db).await.expect("a count");
            (live == 0 && server.blobs().list(&folder).await.expect("listed").is_empty()).then_some(())
        })
        .await;
        // An attempt stored its object after that, and its process was lost: the job runs again.
        let late = Bytes::from_static(b"late");
        server.blobs().put(&format!("{folder}late"), "image/jpeg", late).await.expect("stored");
        let mut conn = db.acquire().await.expect("a connection");
        let weight = Weight::light(AccountId(owner));
        assert!(enqueue(&mut conn, &job, weight, SystemClock.now(), &entropy).await.expect("enqueued"));
        eventually("nothing is left", || async {
            server.blobs().list(&folder).await.expect("listed").is_empty().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_the_last_lost_attempt_stored_of_a_deleted_clip_is_deleted_too() {
    let server = Setup::fresh().await.may_log_errors().start().await;
    let (creator, db) = (server.sign_up("gone").await, server.db().await);
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    let (id, folder) = (text(&clip, "id"), format!("media/{}/", text(&clip, "id")));
    creator.wait_complete(id).await;
    creator.delete(&format!("/v1/clips/{id}")).await.expect(204);
    let running = "INSERT INTO jobs (id, kind, args, unique_key, attempts_max, attempt, state, run_at, created_at, worker, lease_token, leased_until)
        SELECT gen_random_uuid(), $1, jsonb_build_object('clip_id', c.id, 'version_id', v.id, 'first', 1, 'end', 2, 'poster_id', v.id),
               CASE WHEN $1 = 'delete_media' THEN c.id::text ELSE 'x' END, 3, 3, 'running', now(), now(), 'lost', 1, now() + $2::interval
        FROM clips c JOIN media_versions v ON v.clip_id = c.id";
    for (kind, deletion) in [
        ("transcode_range", None),
        ("transcode_clip", Some("delete_media")),
        ("make_family", None),
        ("make_download", Some("delete_media")),
        ("make_poster", None),
    ] {
        eventually("its media are deleted", || async {
            let live = "SELECT count(*) FROM jobs WHERE state IN ('available', 'running')";
            let live: i64 = sqlx::query_scalar(live).fetch_one(&db).await.expect("a count");
            (live == 0 && server.blobs().list(&folder).await.expect("listed").is_empty()).then_some(())
        })
        .await;
        // A deletion under way looked before that.
        if let Some(deletion) = deletion {
            sqlx::query(running).bind(deletion).bind("1 hour").execute(&db).await.expect("under way");
        }
        server.blobs().put(&format!("{folder}late"), "image/jpeg", Bytes::from_static(b"late")).await.expect("stored");
        sqlx::query(running).bind(kind).bind("-1 second").execute(&db).await.expect("lost on its last attempt");
        eventually(&format!("nothing is left behind {kind}"), || async {
            server.blobs().list(&folder).await.expect("listed").is_empty().then_some(())
        })
        .await;
    }
}

/// The feed hears of a new poster.
async fn wait_for_feed_poster(server: &Estrade, clip: &Value) {
    let guest = server.client().into_guest().await;
    eventually("the feed shows the poster", || async {
        let page = guest.get("/v1/feeds/trending?limit=50").await.expect(200).json();
        let shown = page["items"].as_array()?.iter().find(|item| item["clip"]["id"] == clip["id"])?;
        (shown["clip"]["poster_url"] == clip["poster_url"] && shown["clip"]["thumbhash"] == clip["thumbhash"])
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_poster_is_refused_with_a_reason() {
    let server = shared_server().await;
    let creator = server.sign_up("refused").await;
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    pick_moment(&creator, &clip, 2000).await.expect_field(422, "at_ms");
    pick_moment(&creator, &clip, -1).await.expect_field(422, "at_ms");
    let both = json!({ "at_ms": 0, "picture": "x" });
    creator.call(Method::PUT, &poster_path(&clip)).json(&both).send().await.expect_field(422, "picture");
    send_picture(&creator, &clip, "image/jpeg", b"not a picture".to_vec()).await.expect_code(422, "not_a_picture");
    let png = picture("png", "lime", "800x1200");
    send_picture(&creator, &clip, "image/jpeg", png.clone()).await.expect_code(422, "not_a_picture");
    send_picture(&creator, &clip, "image/png", png[..png.len() / 2].to_vec()).await.expect_code(422, "not_a_picture");
    let vast = picture("png", "black", "11000x11000");
    assert!(vast.len() < 2 << 20, "a small file: {}", vast.len());
    send_picture(&creator, &clip, "image/png", vast).await.expect_code(422, "picture_too_large");
    let tiny = picture("png", "lime", "32x32");
    send_picture(&creator, &clip, "image/png", tiny).await.expect_code(422, "picture_too_small");
    send_picture(&creator, &clip, "image/png", vec![0; (8 << 20) + 1]).await.expect_code(413, "body_too_large");
    send_picture(&creator, &clip, "image/svg+xml", b"<svg/>".to_vec()).await.expect_code(415, "unsupported_media_type");
    assert_eq!(creator.clip(text(&clip, "id")).await["poster_url"], clip["poster_url"]);

    let other = server.sign_up("other").await;
    pick_moment(&other, &clip, 0).await.expect_code(403, "not_your_clip");
    send_picture(&other, &clip, "image/png", png.clone()).await.expect_code(403, "not_your_clip");
    other.delete(&poster_path(&clip)).await.expect_code(403, "not_your_clip");
    send_picture(&server.client(), &clip, "image/png", png.clone()).await.expect(401);
    creator.patch(&format!("/v1/clips/{}", text(&clip, "id")), &json!({ "visibility": "private" })).await.expect(200);
    send_picture(&other, &clip, "image/png", png).await.expect(404);
}

#[tokio::test]
async fn a_clip_is_a_file_to_share_while_its_creator_allows_it() {
    let server = Estrade::start().await;
    let creator = server.sign_up("sharing").await;
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    let clip = creator.wait_complete(text(&clip, "id")).await;
    assert_eq!((&clip["allow_download"], &clip["mp4_url"]), (&json!(false), &Value::Null));
    let path = format!("/v1/clips/{}", text(&clip, "id"));
    creator.patch(&path, &json!({ "allow_download": true })).await.expect(200);
    let shared = wait_for_file(&creator, &clip).await;
    let url = text(&shared, "mp4_url");

    let file = server.client().get(url).await.expect(200);
    assert_eq!(file.header("content-type"), "video/mp4");
    let name = format!("attachment; filename=\"clip-{}.mp4\"", text(&clip, "id"));
    assert_eq!(file.header("content-disposition"), name);
    assert!(!file.header("cache-control").contains("immutable"), "its creator may take it back");
    let place = |kind: &[u8]| file.body.windows(4).position(|found| found == kind).expect("a box");
    assert!(place(b"moov") < place(b"mdat"), "it plays from its first bytes on");
    let probed = probe(&write_aside("mp4", &file.body));
    let frames: Vec<&Value> =
        probed["streams"].as_array().expect("streams").iter().map(|s| &s["nb_read_frames"]).collect();
    assert_eq!((frames.len(), frames[0]), (2, &json!("60")), "{probed}");

    creator.patch(&path, &json!({ "allow_download": false })).await.expect(200);
    server.client().get(url).await.expect(404);
    assert!(creator.clip(text(&clip, "id")).await["mp4_url"].is_null());
    creator.patch(&path, &json!({ "allow_download": true })).await.expect(200);
    assert_eq!(wait_for_file(&creator, &clip).await["mp4_url"], shared["mp4_url"]);
    server.client().get(url).await.expect(200);

    creator.patch(&path, &json!({ "visibility": "private" })).await.expect(200);
    server.client().get(url).await.expect(404);
    let own = creator.clip(text(&clip, "id")).await;
    creator.get(text(&own, "mp4_url")).await.expect(200);
    creator.patch(&path, &json!({ "visibility": "public" })).await.expect(200);
    let sent = send_picture(&creator, &clip, "image/png", picture("png", "lime", "800x1200")).await.expect(200).json();
    server.client().get(url).await.expect(200);

    creator.delete(&path).await.expect(204);
    for url in [url, text(&sent, "poster_url")] {
        server.client().get(url).await.expect(404);
    }
    eventually("no object of the clip is left", || async {
        server.blobs().list("media/").await.expect("listed").is_empty().then_some(())
    })
    .await;
}

async fn wait_for_file(creator: &Client, clip: &Value) -> Value {
    eventually("there is a file to share", || async {
        let now = creator.clip(text(clip, "id")).await;
        now["mp4_url"].is_string().then_some(now)
    })
    .await
}

#[tokio::test]
async fn an_upload_may_say_that_its_clip_is_to_be_shared() {
    let server = shared_server().await;
    let creator = server.sign_up("uploads").await;
    let source = world().clip_bytes(Clip { has_audio: false, ..Clip::PORTRAIT });
    let clip = creator.publish(&source, &[("allow_download", "true")]).await;
    assert_eq!(clip["allow_download"], true);
    let shared = wait_for_file(&creator, &clip).await;
    let file = creator.get(text(&shared, "mp4_url")).await.expect(200);
    let probed = probe(&write_aside("mp4", &file.body));
    assert_eq!(probed["streams"].as_array().map(Vec::len), Some(1), "no sound, no track");
    creator.create_upload_with(10, &[("allow_download", "perhaps")]).await.expect_field(422, "allow_download");
}

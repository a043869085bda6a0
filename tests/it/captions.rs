//! Captions: sent by creators, written anew, shown where their clip is.

use std::process::Command;

use estrade_testkit::media::Clip;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::client::Answer;
use crate::harness::hls::{MediaPlaylist, Multivariant};
use crate::harness::programs::node;
use crate::harness::wait::eventually;
use crate::harness::world::shared_server;
use crate::harness::{Client, Estrade, world};

const VTT: &str = "text/vtt";
const SUBRIP: &str = "application/x-subrip";
const HELLO: &str = "WEBVTT\n\n00:00.200 --> 00:01.800\nHello\n";

/// A creator with a clip of four seconds.
struct Scene {
    server: &'static Estrade,
    creator: Client,
    id: String,
}

impl Scene {
    async fn set(visibility: &str) -> Self {
        let server = shared_server().await;
        let creator = server.sign_up(&world().unique("captioner")).await;
        let clip = world().clip_bytes(Clip { tenths: 40, ..Clip::PORTRAIT });
        let clip = creator.publish(&clip, &[("visibility", visibility)]).await;
        Self { server, creator, id: clip["id"].as_str().expect("an id").to_owned() }
    }

    fn path(&self, place: &str) -> String {
        format!("/v1/clips/{}/captions/{place}", self.id)
    }

    async fn put(&self, place: &str, kind: &str, file: impl Into<reqwest::Body>) -> Answer {
        put(&self.creator, &self.path(place), kind, file).await
    }

    async fn captions(&self, viewer: &Client) -> Vec<Value> {
        viewer.clip(&self.id).await["captions"].as_array().expect("captions").clone()
    }

    /// The address of the only captions.
    async fn url(&self, viewer: &Client) -> String {
        url_of(&self.captions(viewer).await[0])
    }

    async fn multivariant(&self, viewer: &Client) -> Multivariant {
        let url = viewer.clip(&self.id).await["hls_url"].as_str().expect("an address").to_owned();
        Multivariant::fetch(viewer, &url).await
    }
}

async fn put(client: &Client, path: &str, kind: &str, file: impl Into<reqwest::Body>) -> Answer {
    client.call(Method::PUT, path).header("content-type", kind).body(file).send().await
}

fn url_of(captions: &Value) -> String {
    captions["url"].as_str().expect("an address").to_owned()
}

/// Lines and codes of a refusal.
fn faults(answer: Answer) -> Vec<(u64, String)> {
    let problem = answer.expect_code(422, "invalid_captions").json();
    let errors = problem["errors"].as_array().expect("errors").clone();
    errors
        .iter()
        .map(|error| (error["line"].as_u64().expect("a line"), error["code"].as_str().expect("a code").to_owned()))
        .collect()
}

#[tokio::test]
async fn captions_are_put_replaced_and_deleted_and_their_address_changes_with_them() {
    let scene = Scene::set("public").await;
    let viewer = scene.server.client();
    assert!(scene.captions(&viewer).await.is_empty());
    let clip = scene.put("en?label=English", VTT, HELLO).await.expect(200).json();
    let listed = &clip["captions"][0];
    assert_eq!((&listed["language"], &listed["label"]), (&json!("en"), &json!("English")));
    assert_eq!((&listed["kind"], &listed["auto"]), (&json!("captions"), &json!(false)));
    let first = scene.url(&viewer).await;
    let answer = viewer.get(&first).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/vtt; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "public, max-age=3600, immutable");
    assert_eq!(answer.header("surrogate-key"), scene.id);
    let canonical = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n00:00:00.200 --> 00:00:01.800\nHello\n\n";
    assert_eq!(answer.text(), canonical);
    let same = viewer.call(Method::GET, &first).header("if-none-match", answer.header("etag")).send().await;
    assert_eq!(same.status, 304);

    let srt = "1\n00:00:00,200 --> 00:00:01,800\nServus <3\n";
    scene.put("EN?kind=subtitles", SUBRIP, srt).await.expect(200);
    let listed = scene.captions(&viewer).await;
    assert_eq!(listed.len(), 1, "a tag in another case is the same language");
    assert_eq!((&listed[0]["kind"], &listed[0]["label"]), (&json!("subtitles"), &json!("en")));
    assert!(viewer.get(&url_of(&listed[0])).await.expect(200).text().ends_with("\nServus &lt;3\n\n"));
    viewer.get(&first).await.expect(404);

    scene.put("de-AT", VTT, HELLO).await.expect(200);
    let languages: Vec<Value> = scene.captions(&viewer).await.iter().map(|one| one["language"].clone()).collect();
    assert_eq!(languages, ["de-AT", "en"]);
    scene.creator.delete(&scene.path("en")).await.expect(204);
    scene.creator.delete(&scene.path("en")).await.expect(404);
    assert_eq!(scene.captions(&viewer).await.len(), 1);
    viewer.get(&url_of(&listed[0])).await.expect(404);
}

#[tokio::test]
async fn feeds_show_captions_too() {
    let server = Estrade::start().await;
    let creator = server.sign_up("feeder").await;
    let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    let path = format!("/v1/clips/{}/captions/en", clip["id"].as_str().expect("an id"));
    put(&creator, &path, VTT, HELLO).await.expect(200);
    let seen = eventually("the feed shows the captions", || async {
        let items = server.client().into_guest().await.all_items("/v1/feeds/for-you", 10).await;
        items.first().filter(|item| item["clip"]["captions"][0]["language"] == "en").cloned()
    })
    .await;
    server.client().get(&url_of(&seen["clip"]["captions"][0])).await.expect(200);
}

#[tokio::test]
async fn only_the_creator_may_change_captions() {
    let scene = Scene::set("public").await;
    scene.put("en", VTT, HELLO).await.expect(200);
    let other = scene.server.sign_up(&world().unique("stranger")).await;
    put(&other, &scene.path("en"), VTT, HELLO).await.expect_code(403, "not_your_clip");
    other.delete(&scene.path("en")).await.expect_code(403, "not_your_clip");
    put(&scene.server.client(), &scene.path("en"), VTT, HELLO).await.expect(401);
    scene.creator.patch(&format!("/v1/clips/{}", scene.id), &json!({ "visibility": "private" })).await.expect(200);
    put(&other, &scene.path("en"), VTT, HELLO).await.expect(404);
    other.delete(&scene.path("en")).await.expect(404);
    assert_eq!(scene.captions(&scene.creator).await.len(), 1);
}

#[tokio::test]
async fn a_bad_file_is_refused_with_its_lines_and_changes_nothing() {
    let scene = Scene::set("public").await;
    scene.put("en", VTT, HELLO).await.expect(200);
    let before = scene.captions(&scene.creator).await;
    let bad =
        "WEBVTT\n\n00:00 --> 00:01.000\na\n\n00:02.000 --> 00:01.000\nb\n\nlost\n\n00:08.000 --> 00:09.500\nlate\n";
    let found = faults(scene.put("en", VTT, bad).await);
    let expected = [(3, "invalid_time"), (6, "ends_before_it_begins"), (9, "text_without_time"), (11, "after_the_end")];
    assert_eq!(found, expected.map(|(line, code)| (line, code.to_owned())));
    assert_eq!(faults(scene.put("en", VTT, "").await), [(1, "not_webvtt".to_owned())]);
    assert_eq!(faults(scene.put("en", VTT, b"WEBVTT\n\n\xFF\n".to_vec()).await), [(3, "not_utf8".to_owned())]);
    assert_eq!(faults(scene.put("en", SUBRIP, "no captions at all").await), [(1, "text_without_time".to_owned())]);
    let source = world().clip_bytes(Clip::PORTRAIT);
    assert_eq!(faults(scene.put("en", SUBRIP, source[..1000].to_vec()).await).len(), 1, "not even a clip");
    scene.put("en_US", VTT, HELLO).await.expect_field(422, "language");
    scene.put("en?label=%00", VTT, HELLO).await.expect_field(422, "label");
    scene.put("en?kind=chapters", VTT, HELLO).await.expect_field(422, "kind");
    scene.put("en?forced=1", VTT, HELLO).await.expect_field(422, "forced");
    scene.put("en", "text/html", HELLO).await.expect(415);
    assert_eq!(scene.captions(&scene.creator).await, before);
}

#[tokio::test]
async fn nothing_hostile_is_kept_and_everything_is_bounded() {
    let scene = Scene::set("public").await;
    let hostile = "WEBVTT\n\nSTYLE\n::cue { background: url(http://evil.example/) }\n\n00:00.000 --> 00:01.000 onclick:alert(1)\n\
                   <script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt;\n\u{202E}turned\u{0}\u{7}\n";
    scene.put("en", VTT, hostile).await.expect(200);
    let text = scene.creator.get(&scene.url(&scene.creator).await).await.expect(200).text();
    assert!(text.ends_with("\n00:00:00.000 --> 00:00:01.000\nalert(1)&lt;b&gt;\nturned\u{FFFD}\n\n"), "{text}");

    scene.put("en", VTT, "x".repeat(1 << 20)).await.expect_code(413, "body_too_large");
    let many = format!("WEBVTT\n\n{}", "00:00.000 --> 00:01.000\na\n\n".repeat(100_000));
    scene.put("en", VTT, many).await.expect_code(413, "body_too_large");
    let many = format!("WEBVTT\n\n{}", "00:00.000 --> 00:01.000\na\n\n".repeat(4000));
    assert_eq!(faults(scene.put("en", VTT, many).await), [(9003, "too_many_cues".to_owned())]);
    let long = format!("WEBVTT\n\n00:00.000 --> 00:01.000\n{}\n", "x".repeat(5000));
    assert_eq!(faults(scene.put("en", VTT, long).await), [(4, "line_too_long".to_owned())]);
    let noise = format!("WEBVTT\n\n{}", "noise\n\n".repeat(500));
    assert_eq!(faults(scene.put("en", VTT, noise).await).len(), 20);

    for number in 0..19 {
        scene.put(&format!("en-x-a{number}"), VTT, HELLO).await.expect(200);
    }
    scene.put("fr", VTT, HELLO).await.expect_code(409, "too_many_captions");
    scene.put("en", VTT, HELLO).await.expect(200);
}

#[tokio::test]
async fn captions_are_seen_where_their_clip_is_and_nowhere_else() {
    let scene = Scene::set("private").await;
    scene.put("en", VTT, HELLO).await.expect(200);
    let anonymous = scene.server.client();
    let ticketed = scene.url(&scene.creator).await;
    assert!(ticketed.contains("/media/t/"), "{ticketed}");
    let answer = anonymous.get(&ticketed).await.expect(200);
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let (_, place) = ticketed.split_once("/media/t/").and_then(|(_, rest)| rest.split_once('/')).expect("a place");
    let open = format!("/media/{place}");
    anonymous.get(&open).await.expect(404);
    let track = scene.multivariant(&scene.creator).await.subtitles[0]["URI"].clone();
    anonymous.get(&track).await.expect(200);

    let foreign = Scene::set("public").await;
    foreign.put("en", VTT, HELLO).await.expect(200);
    let (own_place, _) = open.rsplit_once('/').expect("a file");
    let (own_folder, id) = own_place.rsplit_once('/').expect("a folder");
    let foreign_open = foreign.url(&anonymous).await;
    let foreign_folder =
        foreign_open.rsplit('/').nth(1).map(|id| foreign_open.split(id).next().expect("a folder").to_owned());
    anonymous.get(&format!("{}{id}/captions.vtt", foreign_folder.expect("a folder"))).await.expect(404);

    let clip = format!("/v1/clips/{}", scene.id);
    scene.creator.patch(&clip, &json!({ "visibility": "public" })).await.expect(200);
    anonymous.get(&open).await.expect(200);
    for file in ["index.m3u8", "s00000.vtt"] {
        anonymous.get(&format!("{own_folder}/{id}/{file}")).await.expect(200);
    }
    anonymous.get(&format!("{own_folder}/{id}/s00099.vtt")).await.expect(404);
    scene.creator.delete(&clip).await.expect(204);
    for url in [&open, &ticketed, &track, &format!("{own_folder}/{id}/s00000.vtt")] {
        anonymous.get(url).await.expect(404);
    }
    let pool = scene.server.db().await;
    eventually("the text is gone", || async {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM captions k JOIN clips c ON c.id = k.clip_id WHERE c.public_id = $1",
        )
        .bind(&scene.id)
        .fetch_one(&pool)
        .await
        .expect("a count");
        (count == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_draft_takes_captions_before_it_can_be_played() {
    let server = shared_server().await;
    let creator = server.sign_up(&world().unique("drafter")).await;
    let id = creator.create_upload_with(1000, &[]).await.expect(201).header("estrade-clip").to_owned();
    let path = format!("/v1/clips/{id}/captions/en");
    let clip = put(&creator, &path, VTT, HELLO).await.expect(200).json();
    assert_eq!(clip["captions"][0]["language"], "en");
    assert!(clip["captions"][0].get("url").is_none(), "{clip}");
}

#[tokio::test]
async fn hls_players_find_the_subtitles_in_step_with_the_video() {
    let scene = Scene::set("public").await;
    scene.creator.wait_complete(&scene.id).await;
    let url = scene.creator.clip(&scene.id).await["hls_url"].as_str().expect("an address").to_owned();
    let plain = scene.creator.get(&url).await.expect(200);
    assert!(!plain.text().contains("SUBTITLES"));
    let file =
        "WEBVTT\n\n00:00.200 --> 00:00.700\nOne\n\n00:00.500 --> 00:02.600\nTwo\n\n00:03.100 --> 00:03.900\nThree\n";
    scene.put("en?label=English", VTT, file).await.expect(200);
    scene.put("de?label=Deutsch&kind=subtitles", VTT, HELLO).await.expect(200);
    let captioned = scene.creator.get(&url).await.expect(200);
    assert_ne!(captioned.header("etag"), plain.header("etag"));

    let multivariant = Multivariant::fetch(&scene.creator, &url).await;
    assert!(multivariant.variants.iter().all(|variant| variant.attributes["SUBTITLES"] == "subs"));
    let names: Vec<_> = multivariant.subtitles.iter().map(|track| (&*track["NAME"], &*track["LANGUAGE"])).collect();
    assert_eq!(names, [("Deutsch", "de"), ("English", "en")]);
    assert!(multivariant.subtitles[1]["CHARACTERISTICS"].contains("describes-music-and-sound"));
    assert!(!multivariant.subtitles[0].contains_key("CHARACTERISTICS"));

    let video = MediaPlaylist::fetch(&scene.creator, &multivariant.variants[0].uri).await;
    let text = scene.creator.get(&multivariant.subtitles[1]["URI"]).await.expect(200).text();
    let tags = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with('#') && !line.starts_with("#EXT-X-MAP"))
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(tags(&text), tags(&video.text));
    assert!(text.ends_with("#EXT-X-ENDLIST\n") && !text.contains("MAP"), "{text}");
    let folder = multivariant.subtitles[1]["URI"].rsplit_once('/').expect("a folder").0.to_owned();
    let mut start = 0.0;
    for (number, (_, duration)) in video.segments.iter().enumerate() {
        let part = scene.creator.get(&format!("{folder}/s{number:05}.vtt")).await.expect(200).text();
        for (cue, from, to) in [("One", 0.2, 0.7), ("Two", 0.5, 2.6), ("Three", 3.1, 3.9)] {
            let is_seen = from < start + duration && to > start;
            assert_eq!(part.contains(cue), is_seen, "{cue} in segment {number} from {start}: {part}");
        }
        start += duration;
    }
    let cues = ["00:00.200 --> 00:00.700\nOne", "00:00.500 --> 00:02.600\nTwo", "00:03.100 --> 00:03.900\nThree"];
    assert_eq!(read_with_ffmpeg(&url), cues);
}

/// The cues libav finds in the English subtitles of an HLS presentation. It reads one segment after
/// the other, so a cue seen in two of them comes twice.
fn read_with_ffmpeg(url: &str) -> Vec<String> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-strict", "experimental", "-i", url])
        .args(["-map", "0:s:m:language:en", "-f", "webvtt", "-"])
        .output()
        .expect("ffmpeg runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "ffmpeg: {said}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut cues: Vec<String> = text.trim_end().split("\n\n").skip(1).map(ToOwned::to_owned).collect();
    cues.sort();
    cues.dedup();
    cues
}

#[tokio::test]
async fn a_browser_shows_each_cue_at_its_time() {
    let scene = Scene::set("public").await;
    scene.creator.wait_complete(&scene.id).await;
    scene
        .put(
            "en?label=English",
            VTT,
            "WEBVTT\n\n00:00.500 --> 00:01.500\n<i>First</i>\n\n00:02.000 --> 00:03.500\nSecond <b>line</b>\n",
        )
        .await
        .expect(200);
    scene.put("de?label=Deutsch", VTT, "WEBVTT\n\n00:00.500 --> 00:03.500\nAuf Deutsch\n").await.expect(200);
    let token = scene.creator.token.clone().expect("a token");
    node("captions.mjs", &[], &[("BASE_URL", &scene.server.base), ("CLIP_ID", &scene.id), ("AUTH", &token)]);
}

//! Resumable uploads: what was acknowledged is never lost, and never asked for twice.

use std::time::Duration;

use estrade_testkit::media::Clip;
use reqwest::Method;

use crate::harness::programs::{sha256, write_aside};
use crate::harness::raw::Raw;
use crate::harness::server::Setup;
use crate::harness::tus::{OFFSET_STREAM, Upload};
use crate::harness::world::shared_server;
use crate::harness::{Client, Estrade, eventually, world};

/// Bytes of a stored part.
const PART: u64 = 8 << 20;

/// A whole clip that is larger than one stored part: a box that says nothing follows it.
fn large_source() -> Vec<u8> {
    let mut source = world().clip_bytes(Clip::PORTRAIT);
    let padding = 9 * 1024 * 1024_u32;
    source.extend(padding.to_be_bytes());
    source.extend(b"free");
    source.extend((8..padding).map(|n| (n % 251) as u8));
    source
}

/// Waits until so many bytes are durable, without a word to whoever sends them: HEAD would cut them.
async fn wait_for_offset(client: &Client, upload: &Upload, offset: usize) {
    eventually("the offset has risen", || async {
        (client.upload_state(upload).await["offset"] == offset).then_some(())
    })
    .await;
}

/// Whole, stored as sent, and playable.
async fn check_stored(server: &Estrade, creator: &Client, upload: &Upload, source: &[u8]) {
    let state = eventually("the source is stored", || async {
        let state = creator.upload_state(upload).await;
        (state["state"] == "stored").then_some(state)
    })
    .await;
    assert_eq!(state["sha256"], sha256(source).as_str());
    creator.wait_complete(&upload.clip).await;
    let sources = server.blobs().list("sources/").await.expect("listed");
    let mut is_there = false;
    for key in sources {
        is_there |= server.blobs().find_size(&key).await.expect("a size") == Some(source.len() as u64);
    }
    assert!(is_there, "no object has the size of the source");
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut() {
    let server = shared_server().await;
    let creator = server.sign_up("tunnel").await;
    let source = large_source();
    let upload = creator.create_upload(source.len(), &[("filename", "ferry.mp4")]).await;
    let mut offset = 0;
    for share in [3, 6] {
        let end = source.len() * share / 10;
        let mut raw = Raw::begin_append(&creator, &upload, offset, source.len() - offset).await;
        raw.send(&source[offset..end]).await;
        drop(raw);
        wait_for_offset(&creator, &upload, end).await;
        offset = end;
    }
    creator.append(&upload, offset, &source[offset..]).await.expect(204);
    check_stored(server, &creator, &upload, &source).await;
}

#[tokio::test]
async fn after_kill_nine_the_server_has_every_byte_it_acknowledged() {
    let mut server = Estrade::start().await;
    let mut creator = server.sign_up("unlucky").await;
    let source = large_source();
    let upload = creator.create_upload(source.len(), &[]).await;
    let mut acknowledged = 0;
    for share in [2, 5] {
        let end = source.len() * share / 10;
        let answer = creator.append(&upload, acknowledged, &source[acknowledged..end]).await.expect(204);
        assert_eq!(answer.header("upload-offset"), end.to_string());
        acknowledged = end;
        let sent = end + source.len() / 10;
        let mut raw = Raw::begin_append(&creator, &upload, acknowledged, source.len() - acknowledged).await;
        raw.send(&source[acknowledged..sent]).await;
        server = server.kill().start().await;
        creator = creator.at(&server.base);
        let offset = creator.offset(&upload).await.expect("an offset");
        assert!((acknowledged..=sent).contains(&offset), "{offset} is not between {acknowledged} and {sent}");
        acknowledged = offset;
        if share == 5 {
            creator.append(&upload, acknowledged, &source[acknowledged..]).await.expect(204);
        } else {
            let end = source.len() * 4 / 10;
            creator.append(&upload, acknowledged, &source[acknowledged..end]).await.expect(204);
            acknowledged = end;
        }
    }
    check_stored(&server, &creator, &upload, &source).await;
}

#[tokio::test]
async fn a_newer_request_takes_an_upload_over() {
    let server = shared_server().await;
    let creator = server.sign_up("impatient").await;
    let source = large_source();
    let upload = creator.create_upload(source.len(), &[]).await;
    let mut older = Raw::begin_append(&creator, &upload, 0, source.len()).await;
    let most = source.len() - 1000;
    older.send(&source[..most]).await;
    eventually("the older request is under way: its first part is durable", || async {
        (creator.upload_state(&upload).await["offset"].as_u64() >= Some(PART)).then_some(())
    })
    .await;
    // Asking for the offset cuts the older request, and makes durable what it had until then.
    let offset = creator.offset(&upload).await.expect("an offset");
    assert!(offset <= most, "{offset} of {most}");
    creator.append(&upload, offset, &source[offset..]).await.expect(204);
    let said = older.read_to_end(Duration::from_secs(10)).await;
    assert!(said.is_empty() || said.contains("taken_over"), "{said}");
    check_stored(server, &creator, &upload, &source).await;
}

#[tokio::test]
async fn the_same_bytes_sent_twice_count_once() {
    let creator = shared_server().await.sign_up("twice").await;
    let source = world().clip_bytes(Clip::PORTRAIT);
    let upload = creator.create_upload(source.len(), &[]).await;
    creator.append(&upload, 0, &source[..5000]).await.expect(204);
    let refused = creator.append(&upload, 0, &source[..5000]).await.expect_code(409, "offset_mismatch");
    assert_eq!(refused.header("upload-offset"), "5000");
    creator.append(&upload, 6000, &source[6000..]).await.expect(409);
    assert_eq!(creator.offset(&upload).await, Ok(5000));
    creator.append(&upload, 5000, &source[5000..]).await.expect(204);
    creator.wait_complete(&upload.clip).await;
}

#[tokio::test]
async fn bytes_that_do_not_have_their_checksum_do_not_count() {
    let creator = shared_server().await.sign_up("noisy").await;
    let source = world().clip_bytes(Clip::PORTRAIT);
    let upload = creator.create_upload(source.len(), &[]).await;
    let call =
        creator.append_call(&upload, 0, source.clone()).header("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    call.send().await.expect_code(460, "checksum_mismatch");
    assert_eq!(creator.offset(&upload).await, Ok(0));
    creator.append(&upload, 0, &source).await.expect(204);
}

#[tokio::test]
async fn an_upload_that_was_given_up_is_gone_with_its_draft() {
    let server = shared_server().await;
    let creator = server.sign_up("quitter").await;
    let upload = creator.create_upload(100_000, &[]).await;
    let head = world().clip_bytes(Clip::PORTRAIT)[..9000].to_vec();
    creator.append(&upload, 0, &head).await.expect(204);
    creator.tus(Method::DELETE, &upload.path).send().await.expect(204);
    assert_eq!(creator.offset(&upload).await, Err(404));
    creator.append(&upload, 9000, &head).await.expect(404);
    creator.get(&format!("/v1/clips/{}", upload.clip)).await.expect(404);
    assert!(creator.all_items("/v1/me/clips", 10).await.is_empty());
}

#[tokio::test]
async fn what_was_said_of_a_clip_is_gone_with_it() {
    let api = Setup::fresh().await.role("api").start().await;
    let db = api.db().await;
    let source = world().clip_bytes(Clip::PORTRAIT);
    let words = [("filename", "secret.mp4"), ("caption", "secret #secret"), ("hashtags", "secret"), ("language", "de")];
    let told = "SELECT count(*) FROM uploads u JOIN clips c ON c.id = u.clip_id
        WHERE u.metadata <> '' OR u.filename IS NOT NULL OR u.sha256 IS NOT NULL
           OR c.caption <> '' OR c.hashtags <> '{}' OR c.language IS NOT NULL";
    let told = || async { sqlx::query_scalar::<_, i64>(told).fetch_one(&db).await.expect("a count") };
    let (deleting, leaving) = (api.sign_up("deleting").await, api.sign_up("leaving").await);
    let id = deleting.upload(&source, &words).await;
    leaving.upload(&source, &words).await;
    let draft = deleting.create_upload(100_000, &words).await;
    eventually("two sources are stored", || async {
        let stored = "SELECT count(*) FROM uploads WHERE state = 'stored'";
        (sqlx::query_scalar::<_, i64>(stored).fetch_one(&db).await.expect("a count") == 2).then_some(())
    })
    .await;
    assert_eq!(told().await, 3);
    deleting.delete(&format!("/v1/clips/{id}")).await.expect(204);
    assert_eq!(told().await, 2);
    deleting.tus(Method::DELETE, &draft.path).send().await.expect(204);
    assert_eq!(told().await, 1);
    let password = serde_json::json!({ "password": crate::harness::client::PASSWORD });
    leaving.call(Method::DELETE, "/v1/me").json(&password).send().await.expect(204);
    assert_eq!(told().await, 0);
    api.stop().await;
}

#[tokio::test]
async fn an_upload_is_its_creators_alone() {
    let server = shared_server().await;
    let (creator, thief) = (server.sign_up("creator").await, server.sign_up("thief").await);
    let upload = creator.create_upload(100, &[]).await;
    assert_eq!(thief.offset(&upload).await, Err(404));
    thief.append(&upload, 0, b"x").await.expect(404);
    thief.tus(Method::DELETE, &upload.path).send().await.expect(404);
    thief.get(&upload.path).await.expect(404);
    assert_eq!(creator.offset(&upload).await, Ok(0));
}

#[tokio::test]
async fn open_uploads_and_creations_are_bounded() {
    let setup =
        Setup::fresh().await.with("ESTRADE_UPLOAD_OPEN_MAX", "2").with("ESTRADE_UPLOAD_CREATIONS_PER_MINUTE", "4");
    let server = setup.start().await;
    let creator = server.sign_up("greedy").await;
    let first = creator.create_upload(10, &[]).await;
    creator.create_upload(10, &[]).await;
    creator.create_upload_with(10, &[]).await.expect(429);
    creator.tus(Method::DELETE, &first.path).send().await.expect(204);
    let third = creator.create_upload(10, &[]).await;
    creator.tus(Method::DELETE, &third.path).send().await.expect(204);
    creator.create_upload(10, &[]).await;
    creator.create_upload_with(10, &[]).await.expect(429);
    server.sign_up("modest").await.create_upload(10, &[]).await;
}

#[tokio::test]
async fn an_upload_nobody_came_back_to_expires() {
    let server = shared_server().await;
    let creator = server.sign_up("forgetful").await;
    let upload = creator.create_upload(1000, &[]).await;
    let id = upload.path.rsplit('/').next().expect("an id");
    let statement = "UPDATE uploads SET expires_at = now() - interval '1 second' WHERE public_id = $1";
    sqlx::query(statement).bind(id).execute(&server.db().await).await.expect("changed");
    assert_eq!(creator.offset(&upload).await, Err(410));
    creator.append(&upload, 0, b"x").await.expect_code(410, "upload_expired");
    assert_eq!(creator.upload_state(&upload).await["state"], "expired");
}

#[tokio::test]
async fn a_source_may_come_with_its_creation_and_its_metadata_comes_back() {
    let creator = shared_server().await.sign_up("direct").await;
    let source = world().clip_bytes(Clip::PORTRAIT);
    let metadata =
        crate::harness::tus::metadata(&[("filename", "ü.mp4"), ("caption", "Hi"), ("visibility", "private")]);
    let call = creator.tus(Method::POST, "/v1/uploads").header("Upload-Length", &source.len().to_string());
    let call = call.header("Upload-Metadata", &metadata).header("Content-Type", OFFSET_STREAM).body(source.clone());
    let answer = call.send().await.expect(201);
    assert_eq!(answer.header("upload-offset"), source.len().to_string());
    let upload = Upload::of(&answer);
    let head = creator.tus(Method::HEAD, &upload.path).send().await.expect(200);
    assert_eq!(head.header("upload-metadata"), metadata);
    let clip = creator.wait_complete(&upload.clip).await;
    assert_eq!((clip["caption"].as_str(), clip["visibility"].as_str()), (Some("Hi"), Some("private")));
}

#[tokio::test]
async fn the_protocol_is_spoken_as_written() {
    let creator = shared_server().await.sign_up("pedant").await;
    let options = creator.call(Method::OPTIONS, "/v1/uploads").send().await.expect(204);
    assert_eq!((options.header("tus-version"), options.header("tus-max-size")), ("1.0.0", "4294967296"));
    let create = |length: &str| creator.tus(Method::POST, "/v1/uploads").header("Upload-Length", length);
    let without_version = creator.call(Method::POST, "/v1/uploads").header("Upload-Length", "5").send().await;
    assert_eq!(without_version.expect(412).header("tus-version"), "1.0.0");
    for length in ["-1", "x", "", "1e3"] {
        create(length).send().await.expect_field(400, "Upload-Length");
    }
    creator.tus(Method::POST, "/v1/uploads").send().await.expect_field(400, "Upload-Length");
    for metadata in ["filename ###", "caption", " ", "a YQ==,a YQ=="] {
        let status = create("5").header("Upload-Metadata", metadata).send().await.status;
        let expected = if matches!(metadata, "caption" | " ") { 201 } else { 400 };
        assert_eq!(status, expected, "{metadata}");
    }
    for (key, value) in
        [("visibility", "friends"), ("publish", "maybe"), ("language", "no such tongue"), ("hashtags", "two words")]
    {
        creator.create_upload_with(5, &[(key, value)]).await.expect_field(422, key);
    }
    let upload = creator.create_upload(5, &[]).await;
    creator.tus(Method::PATCH, &upload.path).header("Upload-Offset", "0").body("hello").send().await.expect(415);
    let append = |offset: &str| {
        creator.tus(Method::PATCH, &upload.path).header("Content-Type", OFFSET_STREAM).header("Upload-Offset", offset)
    };
    append("zero").body("hello").send().await.expect_field(400, "Upload-Offset");
}

#[tokio::test]
async fn where_a_clip_was_filmed_is_in_no_output() {
    const PLACE: &str = "+48.8577+002.2950/";
    let extra: &[&str] = &[
        "-movflags",
        "use_metadata_tags",
        "-metadata",
        "location=+48.8577+002.2950/",
        "-metadata",
        "com.apple.quicktime.location.ISO6709=+48.8577+002.2950/",
        "-metadata",
        "artist=Ada Lovelace",
    ];
    let source = world().clip_bytes(Clip { extra, ..Clip::PORTRAIT });
    assert!(contains(&source, PLACE), "the source says where it was filmed");
    let server = Estrade::start().await;
    let creator = server.sign_up("tourist").await;
    let clip = creator.publish(&source, &[]).await;
    assert!(!clip.to_string().contains("48.8577"));
    let folder = format!("media/{}/", clip["id"].as_str().expect("an id"));
    let keys = server.blobs().list(&folder).await.expect("listed");
    assert!(keys.len() >= 6, "init segments, segments and a poster: {keys:?}");
    for key in keys {
        let path = write_aside("out", b"");
        server.blobs().download(&key, &path).await.expect("an object");
        let bytes = std::fs::read(&path).expect("bytes");
        assert!(!contains(&bytes, "48.8577") && !contains(&bytes, "Lovelace"), "{key} tells about its maker");
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

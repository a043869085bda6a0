//! Sources that are no clips: each ends with a code and a sentence, and the others go on.

use estrade_testkit::media::Clip;
use serde_json::Value;

use crate::harness::world::{shared_server, world};
use crate::harness::{Client, Estrade};

fn check_failure(clip: &Value, code: &str) {
    let failure = &clip["failure"];
    assert_eq!(failure["code"], code, "{clip}");
    let message = failure["message"].as_str().expect("a sentence");
    assert!(message.len() > 20 && message.ends_with('.'), "{message}");
    assert_eq!(failure["retryable"], false);
}

#[tokio::test]
async fn what_is_no_video_is_refused_by_its_first_bytes() {
    let server = shared_server().await;
    let creator = server.sign_up("liar").await;
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
    for (name, source) in [
        ("essay.mp4", b"Once upon a time there was no video at all, and everybody was content.".to_vec()),
        ("playlist.mp4", playlist.as_bytes().to_vec()),
        ("photo.mp4", [b"\xff\xd8\xff\xe0".as_slice(), &[0; 3000]].concat()),
        ("archive.mp4", [b"PK\x03\x04".as_slice(), &[0; 3000]].concat()),
        ("zeros.mp4", vec![0; 6000]),
        ("x.mp4", b"x".to_vec()),
    ] {
        let upload = creator.create_upload(source.len(), &[("filename", name), ("filetype", "video/mp4")]).await;
        creator.append(&upload, 0, &source).await.expect_code(415, "not_a_video");
        let state = creator.upload_state(&upload).await;
        assert_eq!(
            (&state["state"], &state["rejection"]["code"]),
            (&"rejected".into(), &"not_a_video".into()),
            "{name}"
        );
        check_failure(&creator.clip(&upload.clip).await, "not_a_video");
        server.client().get(&format!("/v1/clips/{}", upload.clip)).await.expect(404);
    }
}

#[tokio::test]
async fn an_empty_source_is_refused() {
    let creator = shared_server().await.sign_up("hollow").await;
    let upload = creator.create_upload(0, &[]).await;
    assert_eq!(creator.upload_state(&upload).await["rejection"]["code"], "empty");
    check_failure(&creator.clip(&upload.clip).await, "empty");
}

#[tokio::test]
async fn what_cannot_become_a_clip_fails_with_a_reason_and_other_clips_go_on() {
    let server = shared_server().await;
    let creator = server.sign_up("careless").await;
    let mut uploads = Vec::new();
    for (code, source) in unusable_sources() {
        uploads.push((code, creator.upload(&source, &[]).await));
    }
    let good = server.sign_up("careful").await.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
    assert_eq!(good["state"], "ready");
    for (code, id) in &uploads {
        let failed = creator.wait_failed(id).await;
        check_failure(&failed, code);
        assert_eq!(creator.watch_clip(id).await.last().expect("an event")["failure"]["code"], *code);
        creator.post(&format!("/v1/clips/{id}/retry"), &Value::Null).await.expect_code(409, "not_retryable");
    }
    let listed = creator.all_items("/v1/me/clips?state=failed", 2).await;
    assert_eq!(listed.len(), uploads.len());
}

fn unusable_sources() -> Vec<(&'static str, Vec<u8>)> {
    let shelf = &world().shelf;
    let read = |extension: &str, arguments: &str| {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        std::fs::read(shelf.make(extension, &arguments).expect("made")).expect("bytes")
    };
    let whole = world().clip_bytes(Clip::PORTRAIT);
    let early_index = world().clip_bytes(Clip { extra: &["-movflags", "+faststart"], ..Clip::PORTRAIT });
    let picture = "-f lavfi -i color=red:size=64x64:rate=2";
    vec![
        ("damaged", whole[..whole.len() / 2].to_vec()),
        ("damaged", early_index[..early_index.len() * 2 / 3].to_vec()),
        ("no_video_stream", read("mp4", "-f lavfi -i sine=duration=1 -c:a aac")),
        ("unsupported_codec", read("mkv", "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -c:v ffv1")),
        ("too_long", read("mp4", &format!("{picture}:duration=190 -c:v libx264 -preset ultrafast -pix_fmt yuv420p"))),
        ("damaged", [b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".as_slice(), &[0xa5; 5000]].concat()),
    ]
}

#[tokio::test]
async fn a_false_duration_in_the_header_is_not_believed() {
    let mut source = world().clip_bytes(Clip { has_audio: false, ..Clip::PORTRAIT });
    for kind in [b"mvhd", b"tkhd", b"mdhd"] {
        let at = source.windows(4).position(|four| four == kind).expect("a header");
        // After the name: version and flags, two times, then scale and duration; `tkhd` has its track
        // and a reserved word instead of the scale.
        let duration = if kind == b"tkhd" { at + 24 } else { at + 20 };
        source[duration..duration + 4].copy_from_slice(&0x7000_0000_u32.to_be_bytes());
    }
    let clip = shared_server().await.sign_up("boaster").await.publish(&source, &[]).await;
    assert_eq!(clip["duration_ms"], 2000);
}

#[tokio::test]
async fn a_source_above_the_limit_is_refused_before_it_is_sent() {
    let creator = shared_server().await.sign_up("hoarder").await;
    let answer = creator.create_upload_with(4 * 1024 * 1024 * 1024 + 1, &[]).await.expect_field(413, "Upload-Length");
    assert_eq!(answer.header("tus-max-size"), "4294967296");
    let upload = creator.create_upload(10, &[]).await;
    creator.append(&upload, 0, &[0; 11]).await.expect(413);
    assert_eq!(creator.offset(&upload).await, Ok(0));
}

#[tokio::test]
async fn an_operator_may_set_a_lower_limit() {
    let setup = crate::harness::server::Setup::fresh().await.with("ESTRADE_UPLOAD_MAX_BYTES", "1000");
    let server: Estrade = setup.start().await;
    let creator: Client = server.sign_up("small").await;
    creator.create_upload(1000, &[]).await;
    creator.create_upload_with(1001, &[]).await.expect(413);
}

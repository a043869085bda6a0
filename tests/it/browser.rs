//! Real clients of others: a browser with hls.js, and tus-js-client.

use estrade_testkit::media::Clip;

use crate::harness::programs::{node, write_aside};
use crate::harness::{Estrade, world};

#[tokio::test]
async fn a_newcomer_signs_up_uploads_and_watches_in_a_browser() {
    let server = Estrade::start().await;
    let clip = world().shelf.clip(Clip { tenths: 40, ..Clip::PORTRAIT }).expect("a clip");
    node("journey.mjs", &[], &[("BASE_URL", &server.base), ("CLIP", clip.to_str().expect("UTF-8"))]);
}

#[tokio::test]
async fn the_clients_library_resumes_after_a_cut_and_after_the_server_was_killed() {
    let mut server = Estrade::start().await;
    let creator = server.sign_up("ada").await;
    let source = world().clip_bytes(Clip { width: 720, height: 1280, ..Clip::PORTRAIT });
    let file = write_aside("mp4", &source);
    let base = server.base.clone();
    let token = creator.token.clone().expect("a token");
    let variables = [("BASE_URL", base.as_str()), ("FILE", file.to_str().expect("UTF-8")), ("AUTH", token.as_str())];
    node("resume.mjs", &[], &variables);

    let half = format!("start-and-abort-at={}", source.len() / 2);
    let address = node("resume.mjs", &[&half], &variables);
    let again = server.setup_on_same_port();
    server.kill();
    server = again.start().await;
    node("resume.mjs", &[&format!("resume={address}")], &variables);
    let uploads = creator.at(&server.base).all_items("/v1/me/clips", 10).await;
    assert_eq!(uploads.len(), 2);
    for clip in uploads {
        creator.at(&server.base).wait_complete(clip["id"].as_str().expect("an id")).await;
    }
}

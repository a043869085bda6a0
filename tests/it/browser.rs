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

/// Red, green, blue and white quarters; the file says that it is to be turned a quarter to the left.
pub fn turned_quarters() -> Vec<u8> {
    let quarter = |colour| format!("color={colour}:size=480x270:rate=30:duration=3");
    let quarters: Vec<String> = ["red", "lime", "blue", "white"].map(quarter).to_vec();
    let mut arguments: Vec<&str> = Vec::new();
    for quarter in &quarters {
        arguments.extend(["-f", "lavfi", "-i", quarter]);
    }
    arguments.extend(["-filter_complex", "[0][1]hstack[a];[2][3]hstack[b];[a][b]vstack[v]", "-map", "[v]"]);
    arguments.extend(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]);
    let lying = world().shelf.make("mp4", &arguments).expect("made");
    let lying = lying.to_str().expect("UTF-8");
    let turned = world().shelf.make("mp4", &["-i", lying, "-c", "copy", "-metadata:s:v:0", "rotate=90"]).expect("made");
    std::fs::read(turned).expect("bytes")
}

#[tokio::test]
async fn every_rung_plays_upright_and_in_the_right_colours_in_a_browser() {
    let server = Estrade::start().await;
    let clip = server.sign_up("ada").await.publish(&turned_quarters(), &[]).await;
    let patches = "[[0,255,0],[255,255,255],[255,0,0],[0,0,255]]";
    let url = clip["hls_url"].as_str().expect("an address");
    let played = node("levels.mjs", &[url], &[("PATCHES", patches), ("SECONDS", "3")]);
    assert_eq!(played, "2 levels");
}

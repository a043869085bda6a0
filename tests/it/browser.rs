//! Real clients of others: a browser with hls.js, and tus-js-client.

use estrade_db::PgPool;
use estrade_testkit::media::Clip;

use crate::harness::programs::{Script, node, write_aside};
use crate::harness::{Estrade, eventually, world};

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
fn turned_quarters() -> Vec<u8> {
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

/// A clip whose pictures bear their numbers along the top edge: as many columns as `counter.mjs` reads, black or white,
/// the lowest bit on the left. Below them something moves.
fn numbered(size: &str, rate: u32, secs: u32, more: &[&str]) -> Vec<u8> {
    let numbers = format!(
        "color=black:size=9x1:rate={rate}:duration={secs},format=gray,geq=lum='255*mod(floor(N/pow(2,X)),2)',\
         scale={size}:flags=neighbor,crop=iw:ih/8:0:0,format=yuv420p"
    );
    let pattern = format!("testsrc2=size={size}:rate={rate}:duration={secs}");
    let tone = format!("sine=frequency=440:sample_rate=48000:duration={secs}");
    let mut arguments = vec!["-f", "lavfi", "-i", &pattern, "-f", "lavfi", "-i", &numbers, "-f", "lavfi", "-i", &tone];
    arguments.extend(["-filter_complex", "[0][1]overlay=0:0,format=yuv420p[v]", "-map", "[v]", "-map", "2:a"]);
    arguments.extend(["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]);
    arguments.extend(more);
    let path = world().shelf.make("mp4", &arguments).expect("made");
    std::fs::read(path).expect("bytes")
}

/// From now on what follows a clip's first chunk waits, until it is let go.
async fn hold_the_rest(db: &PgPool) {
    let statement = "CREATE FUNCTION hold_the_rest() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.kind = 'transcode_range' THEN NEW.run_at := NEW.run_at + interval '1 hour'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER hold_the_rest BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION hold_the_rest()";
    sqlx::raw_sql(statement).execute(db).await.expect("held");
}

async fn let_the_rest_go(db: &PgPool) {
    let statement = "BEGIN; DROP TRIGGER hold_the_rest ON jobs;
        UPDATE jobs SET run_at = now() WHERE kind = 'transcode_range'; NOTIFY jobs; COMMIT";
    sqlx::raw_sql(statement).execute(db).await.expect("let go");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clip_is_watched_to_its_end_while_it_is_still_in_the_making() {
    let server = Estrade::start().await;
    let (creator, db) = (server.sign_up("ada").await, server.db().await);
    hold_the_rest(&db).await;
    let id = creator.upload(&numbered("720x1280", 15, 20, &[]), &[("visibility", "public")]).await;
    eventually("the first chunk is published", || async {
        let clip = creator.clip(&id).await;
        assert_eq!(clip["complete"], false, "only the first chunk is made: {clip}");
        (clip["state"] == "ready").then_some(())
    })
    .await;
    let variables = [("BASE_URL", server.base.as_str()), ("CLIP_ID", id.as_str()), ("SECONDS", "20"), ("RATE", "15")];
    let watching = Script::begin("making.mjs", &variables);
    assert_eq!(creator.clip(&id).await["complete"], false, "it is watched before it is made");
    let_the_rest_go(&db).await;
    let seen = watching.finish();
    assert!(seen.contains("rungs"), "{seen}");
    creator.wait_complete(&id).await;
}

/// Closed groups of a second, few bits, and the colours declared: the largest rung takes the pictures as they are.
const AS_THEY_ARE: [&str; 23] = [
    "-g",
    "30",
    "-bf",
    "2",
    "-sc_threshold",
    "0",
    "-b:v",
    "1000k",
    "-maxrate",
    "1000k",
    "-bufsize",
    "1000k",
    "-color_primaries",
    "bt709",
    "-color_trc",
    "bt709",
    "-colorspace",
    "bt709",
    "-color_range",
    "tv",
    "-preset",
    "veryfast",
    "-shortest",
];

#[tokio::test]
async fn between_a_repackaged_rung_and_an_encoded_one_no_border_is_seen_in_a_browser() {
    let server = Estrade::start().await;
    let (creator, db) = (server.sign_up("ada").await, server.db().await);
    let clip = creator.publish(&numbered("540x960", 30, 9, &AS_THEY_ARE), &[]).await;
    let top: String = sqlx::query_scalar("SELECT plan -> 'plan' ->> 'top_rung' FROM media_versions")
        .fetch_one(&db)
        .await
        .expect("a plan");
    assert!(top.contains("epackaged"), "the largest rung is the source's own: {top}");
    let url = clip["hls_url"].as_str().expect("an address");
    let seen = node("switches.mjs", &[url], &[("SECONDS", "9"), ("RATE", "30")]);
    assert!(seen.ends_with("switches"), "{seen}");
}

//! Who may see a clip, on every path that leads to one.

use std::time::Duration;

use estrade_db::PgPool;
use estrade_domain::audience::{Axes, Processing, RestrictionEffect, Standing, Visibility};
use estrade_testkit::media::Clip;
use serde_json::{Value, json};

use crate::harness::client::ids;
use crate::harness::hls::{MediaPlaylist, Multivariant, join};
use crate::harness::wait::within;
use crate::harness::{Client, Estrade, world};

/// Whatever hides a clip has bitten everywhere by then.
const BITES_WITHIN: Duration = Duration::from_secs(1);

/// A creator with one clip, and those who look at it.
pub struct Scene {
    server: Estrade,
    pub creator: Client,
    follower: Client,
    other: Client,
    anonymous: Client,
    pub id: String,
    /// Where its bytes are when no ticket is needed.
    open_url: String,
}

impl Scene {
    async fn set() -> Self {
        Self::set_on(Estrade::start().await).await
    }

    pub async fn set_on(server: Estrade) -> Self {
        let creator = server.sign_up("creator").await;
        let (follower, other) = (server.sign_up("follower").await, server.sign_up("other").await);
        follower.put(&format!("/v1/creators/{}/follow", creator.handle)).await.expect(204);
        let clip = creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[]).await;
        Self {
            anonymous: server.client().into_guest().await,
            id: clip["id"].as_str().expect("an id").to_owned(),
            open_url: clip["hls_url"].as_str().expect("an address").to_owned(),
            server,
            creator,
            follower,
            other,
        }
    }

    pub fn path(&self) -> String {
        format!("/v1/clips/{}", self.id)
    }

    pub async fn change(&self, change: Value) {
        self.creator.patch(&self.path(), &change).await.expect(200);
    }

    /// Whether a list shows the clip.
    async fn is_listed(&self, viewer: &Client, list: &str) -> bool {
        let pointer = if list.starts_with("/v1/feeds") { "/clip/id" } else { "/id" };
        let items = viewer.all_items(list, 50).await;
        ids(&items, pointer).contains(&self.id.as_str())
    }

    async fn is_on_page(&self, viewer: &Client) -> bool {
        self.is_listed(viewer, &format!("/v1/creators/{}/clips", self.creator.handle)).await
    }

    /// Waits until the clip is in, or out of, the trending feed.
    async fn wait_for_feed(&self, list: &str, viewer: &Client, is_expected: bool) {
        let what = format!("the clip in {list}: {is_expected}");
        within(BITES_WITHIN, &what, || async { (self.is_listed(viewer, list).await == is_expected).then_some(()) })
            .await;
    }

    async fn db(&self) -> PgPool {
        self.server.db().await
    }

    async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).bind(&self.id).execute(&self.db().await).await.expect("executed");
    }

    /// For everybody but its creator there is no such clip, on any path, with any address.
    async fn assert_hidden(&self, known_urls: &[String]) {
        for viewer in [&self.follower, &self.other, &self.anonymous] {
            viewer.get(&self.path()).await.expect(404);
            assert!(!self.is_on_page(viewer).await);
            viewer.post(&format!("{}/reports", self.path()), &json!({ "reason": "spam" })).await.expect(404);
            for url in known_urls {
                viewer.get(url).await.expect(404);
            }
        }
        self.other.put(&format!("{}/like", self.path())).await.expect(404);
        self.wait_for_feed("/v1/feeds/trending", &self.anonymous, false).await;
        self.wait_for_feed("/v1/feeds/for-you", &self.server.client().into_guest().await, false).await;
        self.wait_for_feed("/v1/feeds/following", &self.follower, false).await;
    }

    async fn assert_public(&self) {
        for viewer in [&self.follower, &self.other, &self.anonymous] {
            viewer.get(&self.path()).await.expect(200);
            assert!(self.is_on_page(viewer).await);
            check_bytes(viewer, &self.open_url).await;
        }
        self.wait_for_feed("/v1/feeds/for-you", &self.server.client().into_guest().await, true).await;
        self.wait_for_feed("/v1/feeds/following", &self.follower, true).await;
    }
}

/// Every file a player fetches; all their addresses.
async fn check_bytes(viewer: &Client, url: &str) -> Vec<String> {
    let multivariant = Multivariant::fetch(viewer, url).await;
    let playlist = MediaPlaylist::fetch(viewer, &multivariant.variants[0].uri).await;
    assert!(!playlist.bytes(viewer).await.is_empty());
    let mut urls =
        vec![url.to_owned(), multivariant.variants[0].uri.clone(), playlist.init, playlist.segments[0].0.clone()];
    let beside = ["poster.jpg", "preview.webp", "storyboard/index.vtt", "storyboard/s00000.jpg"];
    urls.extend(beside.map(|name| join(url, name)));
    urls.extend(multivariant.keys);
    for url in &urls {
        viewer.get(url).await.expect(200);
    }
    urls
}

#[tokio::test]
async fn each_visibility_shows_a_clip_to_its_audience_alone() {
    let scene = Scene::set().await;
    scene.assert_public().await;
    for (change, seen_by_others, seen_by_followers, is_open) in [
        (json!({ "visibility": "unlisted" }), true, true, true),
        (json!({ "visibility": "followers" }), false, true, false),
        (json!({ "visibility": "private" }), false, false, false),
        (json!({ "visibility": "public", "publish": false }), false, false, false),
    ] {
        scene.change(change.clone()).await;
        let expected = [
            (&scene.creator, true),
            (&scene.follower, seen_by_followers),
            (&scene.other, seen_by_others),
            (&scene.anonymous, seen_by_others),
        ];
        for (viewer, is_seen) in expected {
            let answer = viewer.get(&scene.path()).await;
            assert_eq!(answer.status, if is_seen { 200 } else { 404 }, "{change}");
            if is_seen {
                let url = answer.json()["hls_url"].as_str().expect("an address").to_owned();
                assert_eq!(url.contains("/media/t/"), !is_open, "a ticket where it is needed: {change} {url}");
                check_bytes(viewer, &url).await;
            }
            let answer = viewer.get(&scene.open_url).await;
            assert_eq!(answer.status, if is_open { 200 } else { 404 }, "without a ticket: {change}");
        }
        assert_eq!(scene.is_on_page(&scene.follower).await, change["visibility"] == "followers", "{change}");
        assert!(!scene.is_on_page(&scene.other).await && !scene.is_on_page(&scene.anonymous).await, "{change}");
        scene.wait_for_feed("/v1/feeds/for-you", &scene.server.client().into_guest().await, false).await;
        scene.wait_for_feed("/v1/feeds/trending", &scene.other, false).await;
        scene.wait_for_feed("/v1/feeds/following", &scene.follower, change["visibility"] == "followers").await;
        scene.wait_for_feed("/v1/feeds/following", &scene.other, false).await;
    }
    scene.change(json!({ "publish": true })).await;
    scene.assert_public().await;
}

#[tokio::test]
async fn a_ticket_opens_one_clip_for_its_class_while_the_class_may_see_it() {
    let scene = Scene::set().await;
    scene.change(json!({ "visibility": "followers" })).await;
    let url = scene.follower.clip(&scene.id).await["hls_url"].as_str().expect("an address").to_owned();
    let urls = check_bytes(&scene.anonymous, &url).await;
    let ticket = url.split("/media/t/").nth(1).and_then(|rest| rest.split('/').next()).expect("a ticket");
    let forged = url.replace(ticket, &format!("A{}", &ticket[1..]));
    let answer = scene.anonymous.get(&forged).await;
    assert!(matches!(answer.status, 403), "{answer:?}");
    let second = scene.creator.publish(&world().clip_bytes(Clip::PORTRAIT), &[("visibility", "followers")]).await;
    let foreign = second["hls_url"].as_str().expect("an address").split("/media/t/").nth(1).expect("a ticket");
    let (_, place) = foreign.split_once('/').expect("a place");
    scene.anonymous.get(&format!("/media/t/{ticket}/{place}")).await.expect(404);
    scene.change(json!({ "visibility": "private" })).await;
    for url in urls {
        scene.follower.get(&url).await.expect(404);
    }
    scene.change(json!({ "visibility": "public" })).await;
    check_bytes(&scene.anonymous, &url).await;
}

#[tokio::test]
async fn deleting_a_clip_cuts_off_its_bytes_at_once_and_removes_them_soon() {
    let scene = Scene::set().await;
    let urls = check_bytes(&scene.anonymous, &scene.open_url).await;
    let (folder, blobs) = (format!("media/{}/", scene.id), scene.server.blobs());
    assert!(!blobs.list(&folder).await.expect("listed").is_empty());
    scene.other.delete(&scene.path()).await.expect_code(403, "not_your_clip");
    scene.creator.delete(&scene.path()).await.expect(204);
    scene.assert_hidden(&urls).await;
    scene.creator.get(&scene.path()).await.expect(404);
    crate::harness::eventually("no object of the clip is left", || async {
        let media = blobs.list(&folder).await.expect("listed");
        let sources = blobs.list("sources/").await.expect("listed");
        (media.is_empty() && sources.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn deleting_an_account_takes_its_clips_along() {
    let scene = Scene::set().await;
    let urls = check_bytes(&scene.anonymous, &scene.open_url).await;
    let password = json!({ "password": crate::harness::client::PASSWORD });
    scene.creator.call(reqwest::Method::DELETE, "/v1/me").json(&password).send().await.expect(204);
    for url in &urls {
        scene.anonymous.get(url).await.expect(404);
    }
    scene.anonymous.get(&scene.path()).await.expect(404);
    scene.wait_for_feed("/v1/feeds/trending", &scene.anonymous, false).await;
    let blobs = scene.server.blobs();
    crate::harness::eventually("no object of the account is left", || async {
        let media = blobs.list("media/").await.expect("listed");
        let sources = blobs.list("sources/").await.expect("listed");
        (media.is_empty() && sources.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_restriction_hides_a_clip_everywhere_and_lifting_it_restores_what_the_creator_wanted() {
    let scene = Scene::set().await;
    let urls = check_bytes(&scene.anonymous, &scene.open_url).await;
    scene
        .execute(
            "INSERT INTO restrictions (id, clip_id, effect, rule, reason, starts_at)
             SELECT gen_random_uuid(), id, 'disabled', 'rule 1', 'A reason.', now() FROM clips WHERE public_id = $1",
        )
        .await;
    scene.assert_hidden(&urls).await;
    let own = scene.creator.clip(&scene.id).await;
    assert_eq!((&own["state"], &own["visibility"]), (&json!("ready"), &json!("public")), "its creator still sees it");
    scene
        .execute(
            "UPDATE restrictions SET lifted_at = now() WHERE clip_id = (SELECT id FROM clips WHERE public_id = $1)",
        )
        .await;
    scene.assert_public().await;
    scene.change(json!({ "visibility": "private" })).await;
    scene
        .execute(
            "INSERT INTO restrictions (id, clip_id, effect, rule, reason, starts_at, ends_at)
             SELECT gen_random_uuid(), id, 'removed', 'rule 1', 'A reason.', now(), now() + interval '300 ms'
             FROM clips WHERE public_id = $1",
        )
        .await;
    within(Duration::from_secs(5), "the restriction has ended", || async {
        let answer = scene.anonymous.get(&scene.path()).await.expect(404);
        let audience: String = sqlx::query_scalar(
            "SELECT audience FROM clip_audiences a JOIN clips c ON c.id = a.clip_id WHERE c.public_id = $1",
        )
        .bind(&scene.id)
        .fetch_one(&scene.db().await)
        .await
        .expect("an audience");
        (audience == "creator" && answer.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_suspended_creator_published_is_hidden_until_the_suspension_ends() {
    let scene = Scene::set().await;
    let urls = check_bytes(&scene.anonymous, &scene.open_url).await;
    scene
        .execute(
            "UPDATE accounts SET standing = 'suspended' WHERE id = (SELECT creator_id FROM clips WHERE public_id = $1)",
        )
        .await;
    for viewer in [&scene.follower, &scene.other, &scene.anonymous] {
        viewer.get(&scene.path()).await.expect(404);
        viewer.get(&format!("/v1/creators/{}", scene.creator.handle)).await.expect(404);
        for url in &urls {
            viewer.get(url).await.expect(404);
        }
    }
    scene.wait_for_feed("/v1/feeds/trending", &scene.anonymous, false).await;
    scene.creator.create_upload_with(10, &[]).await.expect_code(403, "account_suspended");
    scene
        .execute("UPDATE accounts SET standing = 'good' WHERE id = (SELECT creator_id FROM clips WHERE public_id = $1)")
        .await;
    scene.assert_public().await;
}

#[tokio::test]
async fn a_clip_with_limited_reach_is_found_but_not_recommended() {
    let scene = Scene::set().await;
    scene
        .execute(
            "WITH r AS (INSERT INTO restrictions (id, clip_id, effect, rule, reason, starts_at)
                        SELECT gen_random_uuid(), id, 'reach_limited', 'rule 2', 'A reason.', now() FROM clips WHERE public_id = $1
                        RETURNING clip_id)
             INSERT INTO event_log (kind, payload) SELECT 'clip_changed', jsonb_build_object('clip_id', clip_id::text) FROM r",
        )
        .await;
    scene.wait_for_feed("/v1/feeds/for-you", &scene.server.client().into_guest().await, false).await;
    scene.wait_for_feed("/v1/feeds/trending", &scene.other, false).await;
    scene.wait_for_feed("/v1/feeds/following", &scene.follower, true).await;
    scene.other.get(&scene.path()).await.expect(200);
    assert!(scene.is_on_page(&scene.other).await);
}

/// All 2 × 4 × 2 × 4 × 8 × 4 of them.
#[tokio::test]
async fn the_database_and_the_domain_agree_on_the_audience_of_every_input() {
    let url = world().cluster.create_database().await.expect("a database");
    let pool = estrade_db::connect(&url, 1).await.expect("connected");
    let mut conn = pool.acquire().await.expect("a connection");
    let mut count = 0;
    for axes in all_axes() {
        let found = estrade_db::clips::audience_of(&mut conn, &axes).await.expect("an answer");
        assert_eq!(found, (axes.audience(), axes.is_recommendable()), "{axes:?}");
        count += 1;
    }
    assert_eq!(count, 2048);
}

fn all_axes() -> impl Iterator<Item = Axes> {
    (0..2048_usize).map(|number| {
        let mut rest = number;
        let mut digit = |base: usize| {
            let digit = rest % base;
            rest /= base;
            digit
        };
        let is_deleted = digit(2) == 1;
        let processing = Processing::ALL[digit(4)];
        let is_published = digit(2) == 1;
        let visibility = Visibility::ALL[digit(4)];
        let standing = Standing::ALL[digit(4)];
        let chosen = digit(8);
        let effects = RestrictionEffect::ALL.iter().enumerate();
        let restrictions = effects.filter(|(bit, _)| chosen & (1 << bit) != 0).map(|(_, effect)| *effect).collect();
        Axes { is_deleted, processing, is_published, visibility, restrictions, standing }
    })
}

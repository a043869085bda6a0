//! The order of the queue, on rows alone: who is next, and that everybody's turn comes.

use std::time::Duration;

use estrade_db::jobs::{self as queue, ClaimedJob, NewJob};
use estrade_db::{PgPool, jobs};
use estrade_domain::{AccountId, Entropy, JobId, Time};
use serde_json::{Value, json};

use crate::harness::world;

const LEASE: Duration = Duration::from_secs(20);

/// A queue of its own.
struct Queue {
    db: PgPool,
    entropy: Entropy,
}

/// A job as a test speaks of it.
#[derive(Clone, Copy)]
struct Waiting {
    kind: &'static str,
    owner: AccountId,
    secs: i32,
    age_secs: i32,
}

impl Queue {
    async fn new() -> Self {
        let url = world().cluster.create_database().await.expect("a database");
        Self { db: estrade_db::connect(&url, 4).await.expect("connected"), entropy: Entropy::from_seed(1) }
    }

    fn owner(&self) -> AccountId {
        AccountId::new(Time::UNIX_EPOCH, &self.entropy)
    }

    async fn add(&self, name: &str, job: Waiting) {
        let mut conn = self.db.acquire().await.expect("a connection");
        let new = NewJob {
            id: JobId::new(Time::UNIX_EPOCH, &self.entropy),
            kind: job.kind,
            args: &json!({ "name": name }),
            unique_key: Some(name),
            owner_id: Some(job.owner.0),
            priority: if job.kind == "first" { 0 } else { -10 },
            length_ms: job.secs * 1000,
            attempts_max: 3,
            delay: Duration::ZERO,
        };
        assert!(jobs::insert_job(&mut conn, &new).await.expect("inserted"));
        let older = "UPDATE jobs SET run_at = run_at - make_interval(secs => $2) WHERE unique_key = $1";
        sqlx::query(older).bind(name).bind(f64::from(job.age_secs)).execute(&self.db).await.expect("older");
    }

    async fn claim(&self) -> Option<ClaimedJob> {
        let mut conn = self.db.acquire().await.expect("a connection");
        let kinds = ["first", "rest"].map(ToOwned::to_owned);
        queue::claim_job(&mut conn, "worker", &kinds, LEASE).await.expect("claimed")
    }

    /// Claims and completes one job; its name.
    async fn serve(&self) -> String {
        let claimed = self.claim().await.expect("a job");
        let mut conn = self.db.acquire().await.expect("a connection");
        assert!(queue::complete_job(&mut conn, &claimed.lease).await.expect("completed"));
        name_of(&claimed.args)
    }

    async fn serve_all(&self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.serve().await);
        }
        names
    }
}

fn name_of(args: &Value) -> String {
    args["name"].as_str().expect("a name").to_owned()
}

fn first(owner: AccountId) -> Waiting {
    Waiting { kind: "first", owner, secs: 10, age_secs: 0 }
}

#[tokio::test]
async fn a_hundred_uploads_of_one_creator_do_not_hold_up_the_one_of_another() {
    let queue = Queue::new().await;
    let (ada, bob) = (queue.owner(), queue.owner());
    for number in 0..100 {
        queue.add(&format!("ada {number}"), Waiting { age_secs: 300, ..first(ada) }).await;
    }
    queue.add("bob", first(bob)).await;
    assert_eq!(queue.serve_all(3).await, ["ada 0", "bob", "ada 1"]);
}

#[tokio::test]
async fn what_is_running_counts_like_what_was_served() {
    let queue = Queue::new().await;
    let (ada, bob) = (queue.owner(), queue.owner());
    for name in ["ada 0", "ada 1"] {
        queue.add(name, Waiting { age_secs: 60, ..first(ada) }).await;
    }
    queue.add("bob", first(bob)).await;
    let taken = [queue.claim().await, queue.claim().await].map(|claimed| name_of(&claimed.expect("a job").args));
    assert_eq!(taken, ["ada 0", "bob"]);
}

#[tokio::test]
async fn the_first_chunk_of_everybody_comes_before_the_rest_of_anybody() {
    let queue = Queue::new().await;
    let (ada, bob) = (queue.owner(), queue.owner());
    queue.add("rest", Waiting { kind: "rest", age_secs: 300, ..first(bob) }).await;
    for number in 0..3 {
        queue.add(&format!("ada {number}"), first(ada)).await;
    }
    assert_eq!(queue.serve_all(4).await, ["ada 0", "ada 1", "ada 2", "rest"]);
}

#[tokio::test]
async fn of_two_creators_alike_the_shorter_clip_goes_first() {
    let queue = Queue::new().await;
    for (name, secs) in [("long", 170), ("middle", 45), ("short", 9), ("short too", 8)] {
        let owner = queue.owner();
        queue.add(name, Waiting { secs, ..first(owner) }).await;
    }
    // Within a class the longest wait decides, not a second of length.
    assert_eq!(queue.serve_all(4).await, ["short", "short too", "middle", "long"]);
}

#[tokio::test]
async fn nothing_waits_for_ever_behind_better_placed_jobs() {
    let queue = Queue::new().await;
    let owner = queue.owner();
    let worst = Waiting { kind: "rest", owner, secs: 170, age_secs: 540 };
    queue.add("patient", worst).await;
    queue.add("overdue", Waiting { age_secs: 660, ..worst }).await;
    let mut served = Vec::new();
    for number in 0..8 {
        // Newcomers never end, each of a creator who had nothing yet.
        let owner = queue.owner();
        queue.add(&format!("newcomer {number}"), first(owner)).await;
        served.push(queue.serve().await);
    }
    let place = served.iter().position(|name| name == "overdue");
    assert!(place.is_some_and(|place| place < 4), "{served:?}");
    assert!(!served.contains(&"patient".to_owned()), "{served:?}");
}

#[tokio::test]
async fn work_is_gone_on_with_only_while_nothing_more_urgent_waits() {
    let queue = Queue::new().await;
    let (ada, bob) = (queue.owner(), queue.owner());
    queue.add("rest", Waiting { kind: "rest", ..first(ada) }).await;
    let kinds = ["first", "rest"].map(ToOwned::to_owned);
    let mut conn = queue.db.acquire().await.expect("a connection");
    queue.add("urgent", first(bob)).await;
    assert!(jobs::is_urgent_waiting(&mut conn, &kinds, -10).await.expect("asked"));
    assert!(!jobs::is_urgent_waiting(&mut conn, &kinds, 0).await.expect("asked"));
    let key = ("rest", "rest");
    assert!(jobs::claim_if_next(&mut conn, "worker", key, &kinds, LEASE).await.expect("asked").is_none());
    assert_eq!(queue.serve().await, "urgent");
    let claimed = jobs::claim_if_next(&mut conn, "worker", key, &kinds, LEASE).await.expect("asked");
    assert_eq!(name_of(&claimed.expect("it is next").args), "rest");
    assert!(jobs::claim_if_next(&mut conn, "worker", key, &kinds, LEASE).await.expect("asked").is_none(), "taken");
}

#[tokio::test]
async fn the_lease_tokens_of_two_jobs_are_never_the_same() {
    let queue = Queue::new().await;
    let owner = queue.owner();
    for name in ["one", "two", "three"] {
        queue.add(name, first(owner)).await;
    }
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(queue.claim().await.expect("a job").lease.token);
    }
    assert!(tokens.is_sorted_by(|one, next| one < next), "{tokens:?}");
}

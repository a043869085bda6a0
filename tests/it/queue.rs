//! The order of the queue, on rows alone: who is next, and that everybody's turn comes.

use std::time::Duration;

use estrade_db::jobs::{self as queue, ClaimedJob, NewJob};
use estrade_db::{PgConnection, PgPool, jobs};
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
            priority: match job.kind {
                "first" => 0,
                "rest" => -10,
                _ => queue::IDLE_PRIORITY,
            },
            length_ms: job.secs * 1000,
            attempts_max: 3,
            delay: Duration::ZERO,
        };
        assert!(jobs::insert_job(&mut conn, &new).await.expect("inserted"));
        let older = "UPDATE jobs SET run_at = run_at - make_interval(secs => $2) WHERE unique_key = $1";
        sqlx::query(older).bind(name).bind(f64::from(job.age_secs)).execute(&self.db).await.expect("older");
    }

    async fn claim(&self) -> Option<ClaimedJob> {
        self.claim_of(&["first", "rest", "idle"]).await
    }

    async fn claim_of(&self, kinds: &[&str]) -> Option<ClaimedJob> {
        let mut conn = self.db.acquire().await.expect("a connection");
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        queue::claim_job(&mut conn, "worker", &kinds, LEASE).await.expect("claimed")
    }

    /// Draws a lease token, as every way to claim does.
    async fn draw_token(&self) {
        sqlx::query("SELECT nextval('job_lease_tokens')").execute(&self.db).await.expect("drawn");
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
async fn a_turn_comes_whatever_else_workers_do_between_two_claims() {
    let queue = Queue::new().await;
    let owner = queue.owner();
    for round in 0..4 {
        let overdue = format!("overdue {round}");
        queue.add(&overdue, Waiting { kind: "rest", owner, secs: 170, age_secs: 660 }).await;
        let mut served = Vec::new();
        for number in 0..4 {
            for (name, kind) in [("newcomer", "first"), ("next", "rest"), ("foreign", "other")] {
                let newcomer = Waiting { kind, ..first(queue.owner()) };
                queue.add(&format!("{name} {round} {number}"), newcomer).await;
            }
            served.push(queue.serve().await);
            // Workers of other kinds claim too, and this one goes on with jobs without choosing.
            queue.claim_of(&["other"]).await.expect("a job of another kind");
            for _ in 0..round {
                queue.draw_token().await;
            }
        }
        assert!(served.contains(&overdue), "{served:?}");
    }
}

#[tokio::test]
async fn work_that_nobody_waits_for_takes_no_turn_of_what_is_overdue() {
    let queue = Queue::new().await;
    let owner = queue.owner();
    queue.add("family", Waiting { kind: "idle", owner, secs: 10, age_secs: 9000 }).await;
    queue.add("overdue", Waiting { kind: "rest", owner, secs: 170, age_secs: 660 }).await;
    let mut served = Vec::new();
    for number in 0..8 {
        let owner = queue.owner();
        queue.add(&format!("newcomer {number}"), first(owner)).await;
        served.push(queue.serve().await);
    }
    let place = served.iter().position(|name| name == "overdue");
    assert!(place.is_some_and(|place| place < 4), "{served:?}");
    assert!(!served.contains(&"family".to_owned()), "{served:?}");
    assert_eq!(queue.serve_all(2).await, ["newcomer 7", "family"], "it takes what is left");
}

#[tokio::test]
async fn a_long_queue_is_as_fair_as_a_short_one() {
    let queue = Queue::new().await;
    let (ada, bob) = (queue.owner(), queue.owner());
    // More of one creator than a claim looks at, older and shorter than the other's one.
    let flood = "INSERT INTO jobs (id, kind, args, unique_key, owner_id, priority, length_ms, attempts_max, run_at, created_at)
        SELECT gen_random_uuid(), 'first', '{\"name\": \"ada\"}', 'ada ' || n, $1, 0, 1000, 3, now() - interval '5 min', now()
        FROM generate_series(1, 5000) n";
    sqlx::query(flood).bind(ada.0).execute(&queue.db).await.expect("a flood");
    queue.add("bob", Waiting { secs: 170, ..first(bob) }).await;
    assert_eq!(queue.serve_all(3).await, ["ada", "bob", "ada"]);
    let retried = "UPDATE jobs SET run_at = now() + interval '1 minute' WHERE state = 'available'";
    sqlx::query(retried).execute(&queue.db).await.expect("all of it is to be tried again later");
    queue.add("rest", Waiting { kind: "rest", ..first(bob) }).await;
    assert_eq!(queue.serve().await, "rest", "what is not due hides nothing");
    assert!(queue.claim().await.is_none());
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

/// Rows of the queue that statements have read so far, by scans and by indexes.
async fn rows_read(conn: &mut PgConnection) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(&mut *conn).await.expect("flushed");
    let rows = "SELECT (seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables WHERE relname = 'jobs'";
    sqlx::query_scalar(rows).fetch_one(conn).await.expect("figures")
}

#[tokio::test]
async fn a_claim_reads_few_rows_however_long_the_queue_is() {
    let queue = Queue::new().await;
    // A flood of one creator, and a thousand creators with some clips each.
    let fill =
        "INSERT INTO jobs (id, kind, args, unique_key, owner_id, priority, length_ms, attempts_max, run_at, created_at)
        SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'first' ELSE 'rest' END, '{\"name\": \"x\"}', n::text,
               md5(CASE WHEN n <= 4000 THEN 'flood' ELSE (n % 1000)::text END)::uuid, n % 2 * -10, (n % 180) * 1000, 3,
               now() - make_interval(secs => n % 3600), now()
        FROM generate_series(1, 20000) n";
    sqlx::query(fill).execute(&queue.db).await.expect("a queue");
    sqlx::query("ANALYZE jobs").execute(&queue.db).await.expect("analysed");
    let kinds = ["first", "rest"].map(ToOwned::to_owned);
    let mut conn = queue.db.acquire().await.expect("a connection");
    let before = rows_read(&mut conn).await;
    for _ in 0..8 {
        queue::claim_job(&mut conn, "worker", &kinds, LEASE).await.expect("claimed").expect("a job");
    }
    let read = rows_read(&mut conn).await - before;
    assert!((1..8 * 1500).contains(&read), "{read} rows for 8 claims of 20,000 jobs");
}

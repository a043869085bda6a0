//! `kill -9` in the middle of everything.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use estrade_embedded::s3::S3Endpoint;
use tokio::sync::Mutex;

use crate::s3::{BUCKET, MIN_PART, client, options};
use crate::victim::{self, Victim};

const ENDPOINT: &str = "kill::helper_serves_objects";
const ROUNDS: u8 = 5;
const WRITERS: u8 = 4;
/// Acknowledged writes after which the server is killed.
const ENOUGH: usize = 40;

/// The process the test kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by other tests in a process of its own"]
async fn helper_serves_objects() {
    let Some((dir, _)) = victim::orders() else {
        return;
    };
    let endpoint = S3Endpoint::start(&dir, options()).await.expect("an endpoint");
    let url = endpoint.endpoint_url();
    tokio::task::spawn_blocking(move || victim::say_ready_and_wait(&url)).await.expect("no panic");
    endpoint.stop().await;
}

fn client_of(helper: &Victim) -> Client {
    client(&helper.said, &options().secret_key, RequestChecksumCalculation::WhenRequired)
}

/// Bytes that say who wrote them, so that a mix of two versions shows.
fn body(round: u8, writer: u8, number: u8) -> Vec<u8> {
    vec![round ^ writer.rotate_left(3) ^ number; 1_000 + 7_919 * usize::from(number % 13)]
}

/// The last acknowledged etag of each key, and the one that was being written.
type Known = Arc<Mutex<HashMap<String, (Option<String>, Option<String>)>>>;

/// Overwrites its own keys until the server is gone.
async fn write(client: Client, round: u8, writer: u8, known: Known, acknowledged: Arc<AtomicUsize>) {
    for number in 0..u8::MAX {
        let key = format!("{writer}/{}", number % 5);
        let body = body(round, writer, number);
        let etag = format!("\"{}\"", md5(&body));
        known.lock().await.entry(key.clone()).or_default().1 = Some(etag.clone());
        let put = client.put_object().bucket(BUCKET).key(&key).body(ByteStream::from(body));
        if put.send().await.is_err() {
            return;
        }
        *known.lock().await.entry(key).or_default() = (Some(etag), None);
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

fn md5(bytes: &[u8]) -> String {
    use s3s::crypto::Checksum as _;
    hex::encode(s3s::crypto::Md5::checksum(bytes))
}

async fn check(client: &Client, known: &Known) {
    for (key, (acknowledged, under_way)) in known.lock().await.iter_mut() {
        let got = client.get_object().bucket(BUCKET).key(key).send().await;
        let (etag, found) = match got {
            Ok(got) => {
                let etag = got.e_tag().map(str::to_owned);
                (etag, Some(got.body.collect().await.expect("whole").to_vec()))
            }
            Err(_) => (None, None),
        };
        let is_known = etag == *acknowledged || (etag.is_some() && etag == *under_way);
        assert!(is_known, "{key}: {etag:?} is neither {acknowledged:?} nor {under_way:?}");
        assert_eq!(etag, found.map(|bytes| format!("\"{}\"", md5(&bytes))), "{key}: torn");
        *acknowledged = etag;
        *under_way = None;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_loses_nothing_that_was_acknowledged() {
    let scratch = victim::scratch();
    let dir = scratch.path().join("objects");
    let known = Known::default();
    let mut helper = Victim::start(ENDPOINT, &dir, "");
    client_of(&helper).create_bucket().bucket(BUCKET).send().await.expect("a bucket");
    for round in 0..ROUNDS {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let client = client_of(&helper);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                tokio::spawn(write(client.clone(), round, writer, Arc::clone(&known), Arc::clone(&acknowledged)))
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < ENOUGH {
            tokio::task::yield_now().await;
        }
        helper.kill();
        for writer in writers {
            writer.await.expect("no panic");
        }
        helper = Victim::start(ENDPOINT, &dir, "");
        check(&client_of(&helper), &known).await;
        assert_eq!(std::fs::read_dir(dir.join("tmp")).expect("the folder").count(), 0);
    }
    helper.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_during_completion_never_loses_the_upload() {
    let scratch = victim::scratch();
    let dir = scratch.path().join("objects");
    let mut helper = Victim::start(ENDPOINT, &dir, "");
    let mut client = client_of(&helper);
    client.create_bucket().bucket(BUCKET).send().await.expect("a bucket");
    for round in 0..ROUNDS {
        let key = format!("clip-{round}");
        let id = client.create_multipart_upload().bucket(BUCKET).key(&key).send().await.expect("created");
        let id = id.upload_id.expect("an id");
        let mut parts = Vec::new();
        for (number, length) in [(1, MIN_PART), (2, 10)] {
            let put = client.upload_part().bucket(BUCKET).key(&key).upload_id(&id).part_number(number);
            let part = put.body(ByteStream::from(vec![round; length])).send().await.expect("stored");
            parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
        }
        let listed = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = |client: &Client| {
            let complete = client.complete_multipart_upload().bucket(BUCKET).key(&key).upload_id(&id);
            complete.multipart_upload(listed.clone()).send()
        };
        // The answer may or may not come; the retry after the restart must be told that the object
        // stands.
        let under_way = tokio::spawn(complete(&client));
        for _ in 0..u32::from(round) * 20 {
            tokio::task::yield_now().await;
        }
        helper.kill();
        let _ = under_way.await.expect("no panic");
        helper = Victim::start(ENDPOINT, &dir, "");
        client = client_of(&helper);
        complete(&client).await.expect("the upload or the object stands");
        let got = client.get_object().bucket(BUCKET).key(&key).send().await.expect("there");
        assert_eq!(got.body.collect().await.expect("whole").to_vec(), vec![round; MIN_PART + 10]);
        let open = client.list_multipart_uploads().bucket(BUCKET).send().await.expect("listed");
        assert!(open.uploads().is_empty());
    }
    helper.finish();
}

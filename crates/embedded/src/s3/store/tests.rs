//! The store without HTTP: what a crash between any two steps leaves, and what readers see
//! meanwhile.

use std::fs;
use std::path::PathBuf;
use std::sync::Barrier;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;

const BUCKET: &str = "clips";
const MIN: usize = 5 << 20;

struct Fixture {
    dir: TempDir,
    store: Option<Store>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut fixture = Self { dir, store: None };
        fixture.reopen();
        fixture.store().create_bucket(BUCKET).expect("a bucket");
        fixture
    }

    /// What a crash does to the store: everything in memory is gone.
    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(self.dir.path(), false).expect("a store"));
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("open")
    }

    fn bucket(&self) -> Arc<Bucket> {
        self.store().find_bucket(BUCKET).expect("the bucket")
    }

    fn body(&self, bytes: &[u8]) -> Received {
        let mut receiver = self.store().receive(Digests::new()).expect("a file");
        receiver
            .write(&[Bytes::copy_from_slice(bytes)])
            .expect("written");
        receiver.finish(&ExpectedDigests::default()).expect("whole")
    }

    fn put(&self, key: &str, bytes: &[u8]) -> ObjectMeta {
        self.put_if(key, bytes, &Condition::None).expect("stored")
    }

    fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Condition,
    ) -> Result<ObjectMeta, StoreError> {
        self.bucket()
            .put(key, self.body(bytes), Attributes::default(), condition)
    }

    fn get(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        read_all(&mut self.bucket().open(key)?)
    }

    fn keys(&self) -> Vec<String> {
        let query = Query {
            prefix: "",
            delimiter: None,
            start: Start::Beginning,
            max: 1_000,
        };
        self.bucket()
            .list(&query)
            .objects
            .into_iter()
            .map(|(key, _)| key)
            .collect()
    }

    fn create_upload(&self, key: &str) -> String {
        self.bucket()
            .create_upload(NewUpload {
                key: key.to_owned(),
                ..NewUpload::default()
            })
            .expect("an upload")
    }

    fn put_part(&self, key: &str, id: &str, number: u32, bytes: &[u8]) -> ChosenPart {
        let part = self
            .bucket()
            .put_part(key, id, number, self.body(bytes))
            .expect("a part");
        ChosenPart {
            number,
            etag: part.etag,
            checksums: Checksums::default(),
        }
    }

    fn complete(
        &self,
        key: &str,
        id: &str,
        parts: &[ChosenPart],
    ) -> Result<ObjectMeta, StoreError> {
        self.bucket()
            .complete_upload(key, id, parts, &Condition::None)
    }

    /// An object of two parts, and its upload.
    fn put_in_parts(&self, key: &str, last: &[u8]) -> (String, Vec<ChosenPart>) {
        let id = self.create_upload(key);
        let parts = vec![
            self.put_part(key, &id, 1, &vec![1; MIN]),
            self.put_part(key, &id, 4, last),
        ];
        self.complete(key, &id, &parts).expect("completed");
        (id, parts)
    }

    fn open_uploads(&self) -> usize {
        self.bucket().list_uploads("", ("", ""), 1_000).0.len()
    }

    fn upload_dir(&self, id: &str) -> PathBuf {
        self.dir
            .path()
            .join("buckets")
            .join(BUCKET)
            .join("multipart")
            .join(id)
    }

    fn object_path(&self, key: &str) -> PathBuf {
        let name = bucket::object_name(key);
        self.dir
            .path()
            .join("buckets")
            .join(BUCKET)
            .join("objects")
            .join(&name[..2])
            .join(name)
    }

    fn files_aside(&self) -> usize {
        fs::read_dir(self.dir.path().join("tmp"))
            .expect("the folder")
            .count()
    }
}

fn read_all(reader: &mut ObjectReader) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    while bytes.len() < usize::try_from(reader.meta.size).expect("small") {
        bytes.extend_from_slice(&reader.read_at(bytes.len() as u64, 1 << 20)?);
    }
    Ok(bytes)
}

#[test]
fn objects_and_their_listing_survive_reopening() {
    let mut fixture = Fixture::new();
    let long = "k".repeat(1_024);
    let keys = ["x", "x/y", "é/\u{1F600}", "..", "a//b", long.as_str()];
    for key in keys {
        fixture.put(key, key.as_bytes());
    }
    fixture
        .bucket()
        .delete("a//b", &Condition::None)
        .expect("deleted");
    fixture.reopen();
    let mut expected = vec!["x", "x/y", "é/\u{1F600}", "..", long.as_str()];
    expected.sort_unstable();
    assert_eq!(fixture.keys(), expected);
    for key in expected {
        assert_eq!(fixture.get(key).expect("there"), key.as_bytes());
    }
    assert!(matches!(fixture.get("a//b"), Err(StoreError::NoSuchKey)));
}

#[test]
fn a_refused_body_leaves_the_old_object_and_no_file() {
    let fixture = Fixture::new();
    fixture.put("key", b"old");
    let mut expected = ExpectedDigests::default();
    expected.checksums.crc32c = Some("AAAAAA==".to_owned());
    let mut digests = Digests::new();
    digests.add_all_of(&expected.checksums);
    let mut receiver = fixture.store().receive(digests).expect("a file");
    receiver
        .write(&[Bytes::from_static(b"new!")])
        .expect("written");
    assert!(matches!(
        receiver.finish(&expected),
        Err(StoreError::BadDigest { .. })
    ));

    let mut receiver = fixture.store().receive(Digests::new()).expect("a file");
    receiver
        .write(&[Bytes::from_static(b"shor")])
        .expect("written");
    let expected = ExpectedDigests {
        size: Some(5),
        ..ExpectedDigests::default()
    };
    assert!(matches!(
        receiver.finish(&expected),
        Err(StoreError::IncompleteBody {
            received: 4,
            announced: 5
        })
    ));

    assert_eq!(fixture.get("key").expect("there"), b"old");
    assert_eq!(fixture.files_aside(), 0);
}

#[test]
fn what_was_being_written_at_a_crash_is_swept() {
    let mut fixture = Fixture::new();
    fs::write(fixture.dir.path().join("tmp/77"), b"half a body").expect("written");
    fs::create_dir(fixture.dir.path().join("tmp/78")).expect("made");
    fixture.reopen();
    assert_eq!(fixture.files_aside(), 0);
}

#[test]
fn of_sixteen_who_want_to_be_first_one_is() {
    let fixture = Fixture::new();
    let barrier = Barrier::new(16);
    let attempt = |number: u8| {
        let body = fixture.body(&[number; 1_000]);
        barrier.wait();
        fixture
            .bucket()
            .put("race", body, Attributes::default(), &Condition::Absent)
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let attempt = &attempt;
        let threads: Vec<_> = (0..16)
            .map(|number| scope.spawn(move || attempt(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    let winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let losers = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(StoreError::PreconditionFailed)))
        .count();
    assert_eq!((winners, losers), (1, 15));
}

#[test]
fn writes_and_deletes_hold_to_the_etag_they_name() {
    let fixture = Fixture::new();
    let etag = fixture.put("key", b"1").etag;
    let wrong = Condition::Etag("0".repeat(32));
    assert!(matches!(
        fixture.put_if("key", b"2", &wrong),
        Err(StoreError::PreconditionFailed)
    ));
    assert!(matches!(
        fixture.bucket().delete("key", &wrong),
        Err(StoreError::PreconditionFailed)
    ));
    assert!(matches!(
        fixture.put_if("other", b"2", &Condition::Etag(etag.clone())),
        Err(StoreError::NoSuchKey)
    ));
    assert!(matches!(
        fixture.put_if("other", b"2", &Condition::Present),
        Err(StoreError::PreconditionFailed)
    ));
    fixture
        .put_if("key", b"2", &Condition::Etag(etag))
        .expect("the right etag");
    assert_eq!(fixture.get("key").expect("there"), b"2");
}

#[test]
fn an_upload_survives_a_crash_after_every_step() {
    let mut fixture = Fixture::new();
    let id = fixture.create_upload("clip");
    fixture.reopen();
    let first = fixture.put_part("clip", &id, 1, &vec![1; MIN]);
    fixture.reopen();
    fixture.put_part("clip", &id, 2, b"will be replaced");
    let second = fixture.put_part("clip", &id, 2, b"two");
    fixture.put_part("clip", &id, 3, b"not chosen");
    fixture.reopen();
    let (parts, is_truncated) = fixture
        .bucket()
        .list_parts("clip", &id, 0, 2)
        .expect("open");
    assert_eq!((parts.len(), is_truncated), (2, true));
    assert_eq!(parts[1].etag, second.etag);
    let chosen = [first, second];
    let meta = fixture.complete("clip", &id, &chosen).expect("completed");
    assert!(
        !upload::part_path(&fixture.upload_dir(&id), 3).exists(),
        "a part that was not chosen stays"
    );
    for _ in 0..2 {
        assert_eq!(
            fixture.get("clip").expect("there"),
            [vec![1; MIN], b"two".to_vec()].concat()
        );
        assert_eq!(
            fixture
                .complete("clip", &id, &chosen)
                .expect("asked again")
                .etag,
            meta.etag
        );
        assert_eq!(fixture.open_uploads(), 0);
        fixture.reopen();
    }
    fixture.put("clip", b"another");
    assert!(matches!(
        fixture.complete("clip", &id, &chosen),
        Err(StoreError::NoSuchUpload)
    ));
}

#[test]
fn a_crash_right_after_completion_is_tidied_up() {
    let mut fixture = Fixture::new();
    let id = fixture.create_upload("clip");
    let chosen = [fixture.put_part("clip", &id, 1, b"one")];
    let dir = fixture.upload_dir(&id);
    let record = fs::read(dir.join("upload.json")).expect("open");
    fixture.complete("clip", &id, &chosen).expect("completed");
    // As it was between the commit of the object and the end of the upload.
    fs::write(dir.join("upload.json"), record).expect("written");
    fs::copy(upload::part_path(&dir, 1), upload::part_path(&dir, 2)).expect("copied");
    fixture.reopen();
    assert_eq!(fixture.open_uploads(), 0);
    assert_eq!(disk::names_in(&dir).expect("a folder"), ["00001"]);
    assert_eq!(fixture.get("clip").expect("there"), b"one");
    fixture.complete("clip", &id, &chosen).expect("asked again");
}

#[test]
fn parts_nothing_refers_to_are_swept() {
    let mut fixture = Fixture::new();
    let (replaced, _) = fixture.put_in_parts("clip", b"end");
    let dir = fixture.upload_dir(&replaced);
    let part = fs::read(upload::part_path(&dir, 4)).expect("a part");
    fixture.put("clip", b"another");
    assert!(!dir.exists(), "the parts of a replaced object stay");
    // As they were between the replacement and their removal.
    fs::create_dir(&dir).expect("made");
    fs::write(upload::part_path(&dir, 4), part).expect("written");
    // An upload that was begun, but not yet in the record.
    let begun = fixture.upload_dir("0123");
    fs::create_dir(&begun).expect("made");
    fixture.reopen();
    assert!(!dir.exists());
    assert!(!begun.exists());
    assert_eq!(fixture.open_uploads(), 0);
    assert_eq!(fixture.get("clip").expect("there"), b"another");
}

#[test]
fn an_aborted_upload_is_gone() {
    let mut fixture = Fixture::new();
    let id = fixture.create_upload("clip");
    let part = fixture.put_part("clip", &id, 1, b"one");
    fixture.bucket().abort_upload("clip", &id).expect("aborted");
    assert!(!fixture.upload_dir(&id).exists());
    for _ in 0..2 {
        assert!(matches!(
            fixture.bucket().abort_upload("clip", &id),
            Err(StoreError::NoSuchUpload)
        ));
        assert!(matches!(
            fixture.complete("clip", &id, std::slice::from_ref(&part)),
            Err(StoreError::NoSuchUpload)
        ));
        let late = fixture
            .bucket()
            .put_part("clip", &id, 2, fixture.body(b"late"));
        assert!(matches!(late, Err(StoreError::NoSuchUpload)));
        fixture.reopen();
    }
}

#[test]
fn uploads_end_by_themselves_where_the_bucket_says_so() {
    const DAY_MS: i64 = 86_400_000;
    let mut fixture = Fixture::new();
    let rule = AbortRule {
        id: None,
        prefix: "in/".to_owned(),
        days: 2,
        is_enabled: true,
    };
    fixture.create_upload("out/clip");
    let id = fixture.create_upload("in/clip");
    let begun_ms = fixture.bucket().list_uploads("in/", ("", ""), 1).0[0].initiated_ms;
    let abort =
        |fixture: &Fixture, now_ms| fixture.bucket().abort_stale_uploads(now_ms).expect("swept");
    assert_eq!(
        abort(&fixture, begun_ms + 9 * DAY_MS),
        0,
        "without a rule nothing ends"
    );
    fixture
        .bucket()
        .set_lifecycle(vec![AbortRule {
            is_enabled: false,
            ..rule.clone()
        }])
        .expect("set");
    assert_eq!(abort(&fixture, begun_ms + 9 * DAY_MS), 0, "the rule is off");
    fixture.bucket().set_lifecycle(vec![rule]).expect("set");
    fixture.reopen();
    assert_eq!(
        fixture.store().abort_stale_uploads().expect("swept"),
        0,
        "it was begun just now"
    );
    assert_eq!(abort(&fixture, begun_ms + 2 * DAY_MS - 1), 0);
    assert_eq!(abort(&fixture, begun_ms + 2 * DAY_MS), 1);
    assert_eq!(fixture.open_uploads(), 1);
    assert!(!fixture.upload_dir(&id).exists());
}

#[test]
fn a_refused_completion_leaves_the_upload_as_it_was() {
    let fixture = Fixture::new();
    let id = fixture.create_upload("clip");
    let small = fixture.put_part("clip", &id, 1, b"small");
    let last = fixture.put_part("clip", &id, 2, b"last");
    let unknown = ChosenPart {
        number: 9,
        ..last.clone()
    };
    let other = ChosenPart {
        etag: small.etag.clone(),
        ..last.clone()
    };
    let mut other_sum = last.clone();
    other_sum.checksums.crc32 = Some("AAAAAA==".to_owned());
    let refusal = |parts: &[ChosenPart]| fixture.complete("clip", &id, parts).expect_err("refused");
    assert!(matches!(refusal(&[]), StoreError::InvalidPartOrder));
    assert!(matches!(
        refusal(&[last.clone(), small.clone()]),
        StoreError::InvalidPartOrder
    ));
    assert!(matches!(
        refusal(&[last.clone(), last.clone()]),
        StoreError::InvalidPartOrder
    ));
    assert!(matches!(
        refusal(&[unknown]),
        StoreError::InvalidPart { number: 9 }
    ));
    assert!(matches!(
        refusal(&[other]),
        StoreError::InvalidPart { number: 2 }
    ));
    assert!(matches!(
        refusal(&[other_sum]),
        StoreError::InvalidPart { number: 2 }
    ));
    assert!(matches!(
        refusal(&[small, last.clone()]),
        StoreError::PartTooSmall { number: 1, .. }
    ));
    assert!(matches!(
        fixture.complete("another", &id, std::slice::from_ref(&last)),
        Err(StoreError::NoSuchUpload)
    ));
    assert_eq!(
        fixture
            .bucket()
            .list_parts("clip", &id, 0, 10)
            .expect("open")
            .0
            .len(),
        2
    );
    fixture.complete("clip", &id, &[last]).expect("still open");
}

#[test]
fn a_reader_keeps_its_version_while_it_is_replaced_and_deleted() {
    let fixture = Fixture::new();
    fixture.put("whole", b"old");
    let (id, _) = fixture.put_in_parts("parts", b"end");
    let mut whole = fixture.bucket().open("whole").expect("open");
    let mut parts = fixture.bucket().open("parts").expect("open");
    fixture.put("whole", b"new");
    fixture
        .bucket()
        .delete("parts", &Condition::None)
        .expect("deleted");
    assert!(matches!(fixture.get("parts"), Err(StoreError::NoSuchKey)));
    assert_eq!(read_all(&mut whole).expect("readable"), b"old");
    assert_eq!(
        read_all(&mut parts).expect("readable"),
        [vec![1; MIN], b"end".to_vec()].concat()
    );
    drop(parts);
    assert!(
        !fixture.upload_dir(&id).exists(),
        "parts stay after their last reader"
    );
}

#[test]
fn readers_never_see_a_mix_of_two_versions() {
    let fixture = Fixture::new();
    let bodies: Vec<Vec<u8>> = (1..=4_u8)
        .map(|value| vec![value; 20_000 * usize::from(value)])
        .collect();
    fixture.put("hot", &bodies[0]);
    std::thread::scope(|scope| {
        let fixture = &fixture;
        for body in &bodies {
            scope.spawn(move || (0..20).for_each(|_| drop(fixture.put("hot", body))));
        }
        scope.spawn(move || (0..3).for_each(|_| drop(fixture.put_in_parts("hot", b"end"))));
        for _ in 0..3 {
            scope.spawn(move || {
                for _ in 0..40 {
                    let mut reader = fixture.bucket().open("hot").expect("always there");
                    let bytes = read_all(&mut reader).expect("readable");
                    if !reader.meta.etag.ends_with("-2") {
                        let mut digests = Digests::new();
                        digests.update(&bytes);
                        assert_eq!(digests.finish().etag(), reader.meta.etag);
                    }
                }
            });
        }
    });
}

#[test]
fn a_damaged_object_is_left_out_and_can_be_replaced() {
    let mut fixture = Fixture::new();
    fixture.put("good", b"good");
    fixture.put("bad", b"bad");
    fixture.put("moved", b"moved");
    let path = fixture.object_path("bad");
    let mut bytes = fs::read(&path).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("written");
    fs::rename(
        fixture.object_path("moved"),
        fixture.object_path("elsewhere"),
    )
    .expect("moved");
    fixture.reopen();
    assert_eq!(fixture.keys(), ["good"]);
    assert!(matches!(
        fixture.get("bad"),
        Err(StoreError::Damaged { .. })
    ));
    fixture.put("bad", b"repaired");
    assert_eq!(fixture.get("bad").expect("there"), b"repaired");
}

#[test]
fn a_store_has_one_owner() {
    let fixture = Fixture::new();
    assert!(matches!(
        Store::open(fixture.dir.path(), false),
        Err(StoreError::InUse { .. })
    ));
}

#[test]
fn only_an_empty_bucket_can_be_deleted() {
    let mut fixture = Fixture::new();
    assert!(matches!(
        fixture.store().create_bucket(BUCKET),
        Err(StoreError::BucketExists)
    ));
    fixture.put("key", b"1");
    assert!(matches!(
        fixture.store().delete_bucket(BUCKET),
        Err(StoreError::BucketNotEmpty)
    ));
    fixture
        .bucket()
        .delete("key", &Condition::None)
        .expect("deleted");
    let id = fixture.create_upload("key");
    assert!(matches!(
        fixture.store().delete_bucket(BUCKET),
        Err(StoreError::BucketNotEmpty)
    ));
    fixture.bucket().abort_upload("key", &id).expect("aborted");
    let bucket = fixture.bucket();
    fixture.store().delete_bucket(BUCKET).expect("deleted");
    let late = bucket.put(
        "key",
        fixture.body(b"late"),
        Attributes::default(),
        &Condition::None,
    );
    assert!(matches!(late, Err(StoreError::NoSuchBucket)));
    fixture.reopen();
    assert!(matches!(
        fixture.store().find_bucket(BUCKET),
        Err(StoreError::NoSuchBucket)
    ));
}

//! Objects, conditions and buckets.

use std::sync::Barrier;

use super::*;

#[test]
fn objects_and_their_listing_survive_reopening() {
    let mut fixture = Fixture::new();
    let long = "k".repeat(1_024);
    let keys = ["x", "x/y", "é/\u{1F600}", "..", "a//b", long.as_str()];
    for key in keys {
        fixture.put(key, key.as_bytes());
    }
    fixture.bucket().delete("a//b", Condition::None).expect("deleted");
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
    receiver.write(&[Bytes::from_static(b"new!")]).expect("written");
    assert!(matches!(receiver.finish(&expected), Err(StoreError::BadDigest { .. })));

    let mut receiver = fixture.store().receive(Digests::new()).expect("a file");
    receiver.write(&[Bytes::from_static(b"shor")]).expect("written");
    let expected = ExpectedDigests { size: Some(5), ..ExpectedDigests::default() };
    assert!(matches!(receiver.finish(&expected), Err(StoreError::IncompleteBody { received: 4, announced: 5 })));

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
        fixture.bucket().put("race", body, Attributes::default(), &Condition::Absent)
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let attempt = &attempt;
        let threads: Vec<_> = (0..16).map(|number| scope.spawn(move || attempt(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let losers = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::PreconditionFailed))).count();
    assert_eq!((winners, losers), (1, 15));
}

#[test]
fn writes_and_deletes_hold_to_the_etag_they_name() {
    let fixture = Fixture::new();
    let etag = fixture.put("key", b"1").etag;
    let wrong = Condition::Etag("0".repeat(32));
    assert!(matches!(fixture.put_if("key", b"2", &wrong), Err(StoreError::PreconditionFailed)));
    assert!(matches!(fixture.bucket().delete("key", wrong.clone()), Err(StoreError::PreconditionFailed)));
    assert!(matches!(fixture.put_if("other", b"2", &Condition::Etag(etag.clone())), Err(StoreError::NoSuchKey)));
    assert!(matches!(fixture.put_if("other", b"2", &Condition::Present), Err(StoreError::PreconditionFailed)));
    fixture.put_if("key", b"2", &Condition::Etag(etag)).expect("the right etag");
    assert_eq!(fixture.get("key").expect("there"), b"2");
}

#[test]
fn a_reader_keeps_its_version_while_it_is_replaced_and_deleted() {
    let fixture = Fixture::new();
    fixture.put("whole", b"old");
    let (id, _) = fixture.put_in_parts("parts", b"end");
    let mut whole = fixture.bucket().open("whole").expect("open");
    let mut parts = fixture.bucket().open("parts").expect("open");
    fixture.put("whole", b"new");
    fixture.bucket().delete("parts", Condition::None).expect("deleted");
    assert!(matches!(fixture.get("parts"), Err(StoreError::NoSuchKey)));
    assert_eq!(read_all(&mut whole).expect("readable"), b"old");
    assert_eq!(read_all(&mut parts).expect("readable"), [vec![1; MIN], b"end".to_vec()].concat());
    drop(parts);
    assert!(!fixture.upload_dir(&id).exists(), "parts stay after their last reader");
}

#[test]
fn readers_never_see_a_mix_of_two_versions() {
    let fixture = Fixture::new();
    let bodies: Vec<Vec<u8>> = (1..=4_u8).map(|value| vec![value; 20_000 * usize::from(value)]).collect();
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
    fs::rename(fixture.object_path("moved"), fixture.object_path("elsewhere")).expect("moved");
    fixture.reopen();
    assert_eq!(fixture.keys(), ["good"]);
    assert!(matches!(fixture.get("bad"), Err(StoreError::Damaged { .. })));
    fixture.put("bad", b"repaired");
    assert_eq!(fixture.get("bad").expect("there"), b"repaired");
}

#[test]
fn a_store_has_one_owner() {
    let fixture = Fixture::new();
    assert!(matches!(Store::open(fixture.dir.path(), false), Err(StoreError::InUse { .. })));
}

#[test]
fn only_an_empty_bucket_can_be_deleted() {
    let mut fixture = Fixture::new();
    assert!(matches!(fixture.store().create_bucket(BUCKET), Err(StoreError::BucketExists)));
    fixture.put("key", b"1");
    assert!(matches!(fixture.store().delete_bucket(BUCKET), Err(StoreError::BucketNotEmpty)));
    fixture.bucket().delete("key", Condition::None).expect("deleted");
    let id = fixture.create_upload("key");
    assert!(matches!(fixture.store().delete_bucket(BUCKET), Err(StoreError::BucketNotEmpty)));
    fixture.bucket().abort_upload("key", &id).expect("aborted");
    let bucket = fixture.bucket();
    fixture.store().delete_bucket(BUCKET).expect("deleted");
    let late = bucket.put("key", fixture.body(b"late"), Attributes::default(), &Condition::None);
    assert!(matches!(late, Err(StoreError::NoSuchBucket)));
    fixture.reopen();
    assert!(matches!(fixture.store().find_bucket(BUCKET), Err(StoreError::NoSuchBucket)));
}

//! Uploads in parts, and what a crash between their steps leaves.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

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
    for _ in 0..2 {
        let (parts, is_truncated) = fixture.bucket().list_parts("clip", &id, 0, 2).expect("open");
        assert_eq!((parts.len(), is_truncated), (2, true));
        assert_eq!(parts[1].etag, second.etag);
        fixture.reopen();
    }
    let chosen = [first, second];
    let meta = fixture.complete("clip", &id, &chosen).expect("completed");
    assert!(!upload::part_path(&fixture.upload_dir(&id), 3).exists(), "a part that was not chosen stays");
    for _ in 0..2 {
        assert_eq!(fixture.get("clip").expect("there"), [vec![1; MIN], b"two".to_vec()].concat());
        assert_eq!(fixture.complete("clip", &id, &chosen).expect("asked again").etag, meta.etag);
        assert_eq!(fixture.open_uploads(), 0);
        fixture.reopen();
    }
    fixture.put("clip", b"another");
    assert!(matches!(fixture.complete("clip", &id, &chosen), Err(StoreError::NoSuchUpload)));
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
        assert!(matches!(fixture.bucket().abort_upload("clip", &id), Err(StoreError::NoSuchUpload)));
        assert!(matches!(fixture.complete("clip", &id, std::slice::from_ref(&part)), Err(StoreError::NoSuchUpload)));
        let late = fixture.bucket().put_part("clip", &id, 2, fixture.body(b"late"));
        assert!(matches!(late, Err(StoreError::NoSuchUpload)));
        fixture.reopen();
    }
}

#[test]
fn uploads_end_by_themselves_where_the_bucket_says_so() {
    const DAY_MS: i64 = 86_400_000;
    let mut fixture = Fixture::new();
    let rule = AbortRule { id: None, prefix: "in/".to_owned(), days: 2, is_enabled: true };
    fixture.create_upload("out/clip");
    let id = fixture.create_upload("in/clip");
    let begun_ms = fixture.bucket().list_uploads("in/", ("", ""), 1).0[0].initiated_ms;
    let abort = |fixture: &Fixture, now_ms| fixture.bucket().abort_stale_uploads(now_ms).expect("swept");
    assert_eq!(abort(&fixture, begun_ms + 9 * DAY_MS), 0, "without a rule nothing ends");
    fixture.bucket().set_lifecycle(vec![AbortRule { is_enabled: false, ..rule.clone() }]).expect("set");
    assert_eq!(abort(&fixture, begun_ms + 9 * DAY_MS), 0, "the rule is off");
    fixture.bucket().set_lifecycle(vec![rule]).expect("set");
    fixture.reopen();
    assert_eq!(fixture.store().abort_stale_uploads().expect("swept"), 0, "it was begun just now");
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
    let unknown = ChosenPart { number: 9, ..last.clone() };
    let other = ChosenPart { etag: small.etag.clone(), ..last.clone() };
    let mut other_sum = last.clone();
    other_sum.checksums.crc32 = Some("AAAAAA==".to_owned());
    let refusal = |parts: &[ChosenPart]| fixture.complete("clip", &id, parts).expect_err("refused");
    assert!(matches!(refusal(&[]), StoreError::InvalidPartOrder));
    assert!(matches!(refusal(&[last.clone(), small.clone()]), StoreError::InvalidPartOrder));
    assert!(matches!(refusal(&[last.clone(), last.clone()]), StoreError::InvalidPartOrder));
    assert!(matches!(refusal(&[unknown]), StoreError::InvalidPart { number: 9 }));
    assert!(matches!(refusal(&[other]), StoreError::InvalidPart { number: 2 }));
    assert!(matches!(refusal(&[other_sum]), StoreError::InvalidPart { number: 2 }));
    assert!(matches!(refusal(&[small, last.clone()]), StoreError::PartTooSmall { number: 1, .. }));
    assert!(matches!(fixture.complete("another", &id, std::slice::from_ref(&last)), Err(StoreError::NoSuchUpload)));
    assert_eq!(fixture.bucket().list_parts("clip", &id, 0, 10).expect("open").0.len(), 2);
    fixture.complete("clip", &id, &[last]).expect("still open");
}

#[test]
fn parts_are_not_swept_while_the_object_they_belong_to_may_be_repaired() {
    let mut fixture = Fixture::new();
    let (id, _) = fixture.put_in_parts("clip", b"end");
    let path = fixture.object_path("clip");
    let whole = fs::read(&path).expect("there");
    fs::write(&path, b"damaged").expect("written");
    fixture.reopen();
    assert!(fixture.keys().is_empty());
    assert!(fixture.upload_dir(&id).exists());
    fs::write(&path, whole).expect("repaired");
    fixture.reopen();
    assert_eq!(fixture.get("clip").expect("there"), [vec![1; MIN], b"end".to_vec()].concat());
}

#[test]
fn readers_never_find_the_parts_of_an_object_gone() {
    const REPLACEMENTS: u8 = 150;
    let fixture = Fixture::new();
    let replace = |value: u8| {
        let id = fixture.create_upload("hot");
        let part = fixture.put_part("hot", &id, 1, &[value; 3_000]);
        fixture.complete("hot", &id, &[part]).expect("completed");
    };
    replace(0);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (fixture, is_done) = (&fixture, &is_done);
        for _ in 0..4 {
            scope.spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    let mut reader = fixture.bucket().open("hot").expect("always there");
                    let bytes = read_all(&mut reader).expect("readable");
                    assert!(bytes.len() == 3_000 && bytes.iter().all(|&byte| byte == bytes[0]));
                }
            });
        }
        (1..=REPLACEMENTS).for_each(replace);
        is_done.store(true, Ordering::Relaxed);
    });
    let left = disk::names_in(&fixture.dir.path().join("buckets").join(BUCKET).join("multipart")).expect("a folder");
    assert_eq!(left.len(), 1, "parts of replaced objects stay");
}

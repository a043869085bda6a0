use std::collections::BTreeSet;

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumMode, Delete, MetadataDirective, ObjectIdentifier};

use crate::s3::{BUCKET, S3, code};

#[tokio::test]
async fn an_object_comes_back_with_everything_that_was_said_about_it() {
    let s3 = S3::start().await;
    let put = s3.client.put_object().bucket(BUCKET).key("a/ü+ &.mp4").body(ByteStream::from_static(b"clip"));
    let put = put.content_type("video/mp4").cache_control("max-age=31536000, immutable");
    let put = put.content_disposition("attachment").content_language("fr").content_encoding("gzip");
    let put = put.metadata("maker", "me").expires(DateTime::from_secs(1_900_000_000));
    put.send().await.expect("stored");
    let s3 = s3.restart().await;

    let got = s3.client.get_object().bucket(BUCKET).key("a/ü+ &.mp4").send().await.expect("there");
    assert_eq!(got.content_type(), Some("video/mp4"));
    assert_eq!(got.cache_control(), Some("max-age=31536000, immutable"));
    assert_eq!(got.content_disposition(), Some("attachment"));
    assert_eq!(got.content_language(), Some("fr"));
    assert_eq!(got.content_encoding(), Some("gzip"));
    assert_eq!(got.expires_string(), Some("Sun, 17 Mar 2030 17:46:40 GMT"));
    assert_eq!(got.metadata().and_then(|all| all.get("maker")).map(String::as_str), Some("me"));
    assert_eq!(got.content_length(), Some(4));
    assert_eq!(got.accept_ranges(), Some("bytes"));
    let head = s3.client.head_object().bucket(BUCKET).key("a/ü+ &.mp4").send().await.expect("there");
    assert_eq!(head.e_tag(), got.e_tag());
    assert_eq!(head.last_modified(), got.last_modified());
    assert_eq!(head.content_type(), Some("video/mp4"));
    assert_eq!(head.content_length(), Some(4));
    assert_eq!(got.body.collect().await.expect("whole").to_vec(), b"clip");
    assert_eq!(head.e_tag(), Some("\"f6d8b886335927d46fad323c60335d09\""));
}

#[tokio::test]
async fn the_etag_is_the_md5_and_replacing_changes_all_at_once() {
    let s3 = S3::start().await;
    assert_eq!(s3.put("key", "hello").await, "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(s3.put("key", "").await, "\"d41d8cd98f00b204e9800998ecf8427e\"");
    assert_eq!(s3.get("key").await, b"");
    let head = s3.client.head_object().bucket(BUCKET).key("key").send().await.expect("there");
    assert_eq!(head.content_length(), Some(0));
}

#[tokio::test]
async fn a_refused_checksum_never_replaces_an_object() {
    let s3 = S3::start().await;
    s3.put("key", "old").await;
    let put = || s3.client.put_object().bucket(BUCKET).key("key").body(ByteStream::from_static(b"new!"));
    assert_eq!(code(put().checksum_crc32_c("AAAAAA==").send().await), "BadDigest");
    assert_eq!(code(put().checksum_crc32("AAAAAA==").send().await), "BadDigest");
    assert_eq!(code(put().checksum_crc64_nvme("AAAAAAAAAAA=").send().await), "BadDigest");
    assert_eq!(code(put().checksum_sha256(format!("{}=", "A".repeat(43))).send().await), "BadDigest");
    assert_eq!(code(put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==").send().await), "BadDigest");
    assert_eq!(code(put().content_md5("nonsense").send().await), "InvalidDigest");
    assert_eq!(s3.get("key").await, b"old");
    assert_eq!(s3.files_aside(), 0);
}

#[tokio::test]
async fn checksums_are_verified_kept_and_given_back_with_the_whole() {
    let s3 = S3::start().await;
    let default = s3.default_client();
    let body = vec![7_u8; 3 << 20];
    let put = default.put_object().bucket(BUCKET).key("trailer").body(ByteStream::from(body.clone()));
    let put = put.send().await.expect("stored with a CRC-32 after the body");
    assert!(put.checksum_crc32().is_some());
    let get = || default.get_object().bucket(BUCKET).key("trailer").checksum_mode(ChecksumMode::Enabled);
    let whole = get().send().await.expect("there");
    assert_eq!(whole.checksum_crc32(), put.checksum_crc32());
    assert_eq!(whole.body.collect().await.expect("verified by the client").to_vec(), body);
    let piece = get().range("bytes=5-9").send().await.expect("there");
    assert_eq!(piece.checksum_crc32(), None);
    let sum = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    let put = s3.client.put_object().bucket(BUCKET).key("sha").body(ByteStream::from_static(b"abc"));
    put.checksum_sha256(sum).send().await.expect("stored");
    let head = s3.client.head_object().bucket(BUCKET).key("sha").checksum_mode(ChecksumMode::Enabled);
    assert_eq!(head.send().await.expect("there").checksum_sha256(), Some(sum));
}

#[tokio::test]
async fn ranges_are_served_exactly() {
    let s3 = S3::start().await;
    let body: Vec<u8> = (0..700_000_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();
    s3.put("key", body.clone()).await;
    s3.put("empty", "").await;
    let get = |key: &str, range: &str| s3.client.get_object().bucket(BUCKET).key(key).range(range).send();
    for (range, start, end) in [
        ("bytes=0-9", 0, 10),
        ("bytes=262140-262150", 262_140, 262_151),
        ("bytes=5-", 5, 700_000),
        ("bytes=-7", 699_993, 700_000),
        ("bytes=-900000", 0, 700_000),
        ("bytes=699999-999999", 699_999, 700_000),
    ] {
        let got = get("key", range).await.expect(range);
        assert_eq!(got.content_range(), Some(format!("bytes {start}-{}/700000", end - 1).as_str()), "{range}");
        assert_eq!(got.content_length(), Some(i64::try_from(end - start).expect("small")), "{range}");
        assert_eq!(got.body.collect().await.expect("whole").to_vec(), &body[start..end], "{range}");
    }
    assert_eq!(code(get("key", "bytes=700000-").await), "InvalidRange");
    assert_eq!(code(get("key", "bytes=-0").await), "InvalidRange");
    assert_eq!(code(get("empty", "bytes=0-").await), "InvalidRange");
    assert_eq!(code(get("empty", "bytes=-1").await), "InvalidRange");
}

#[tokio::test]
async fn deleting_is_repeatable_and_says_what_it_did() {
    let s3 = S3::start().await;
    for key in ["a", "b", "c"] {
        s3.put(key, key).await;
    }
    for _ in 0..2 {
        s3.client.delete_object().bucket(BUCKET).key("a").send().await.expect("deleted");
    }
    assert_eq!(code(s3.client.get_object().bucket(BUCKET).key("a").send().await), "NoSuchKey");
    let head = s3.client.head_object().bucket(BUCKET).key("a").send().await;
    assert_eq!(code(head), "NotFound");
    let named = |key: &str| ObjectIdentifier::builder().key(key).build().expect("a key");
    let delete = Delete::builder().objects(named("b")).objects(named("never")).build().expect("keys");
    let done = s3.client.delete_objects().bucket(BUCKET).delete(delete).send().await.expect("deleted");
    let deleted: BTreeSet<_> = done.deleted().iter().filter_map(|object| object.key()).collect();
    assert_eq!(deleted, BTreeSet::from(["b", "never"]));
    assert!(done.errors().is_empty());
    let listed = s3.client.list_objects_v2().bucket(BUCKET).send().await.expect("listed");
    assert_eq!(listed.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["c"]);
}

#[tokio::test]
async fn copies_have_the_bytes_and_keep_or_replace_the_rest() {
    let s3 = S3::start().await;
    let put = s3.client.put_object().bucket(BUCKET).key("from").body(ByteStream::from_static(b"hello"));
    put.content_type("video/mp4").send().await.expect("stored");
    let copy = || s3.client.copy_object().bucket(BUCKET).copy_source(format!("{BUCKET}/from"));
    let copied = copy().key("to").send().await.expect("copied");
    let etag = copied.copy_object_result().and_then(|result| result.e_tag()).expect("an etag");
    assert_eq!(etag, "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(s3.get("to").await, b"hello");
    let kept = s3.client.head_object().bucket(BUCKET).key("to").send().await.expect("there");
    assert_eq!(kept.content_type(), Some("video/mp4"));
    assert_eq!(code(copy().key("from").send().await), "InvalidRequest");
    let replace = copy().key("from").metadata_directive(MetadataDirective::Replace).content_type("video/webm");
    replace.send().await.expect("replaced");
    let replaced = s3.client.head_object().bucket(BUCKET).key("from").send().await.expect("there");
    assert_eq!(replaced.content_type(), Some("video/webm"));
    let refused = copy().key("to").copy_source_if_match("\"other\"").send().await;
    assert_eq!(code(refused), "PreconditionFailed");
    let missing = s3.client.copy_object().bucket(BUCKET).key("to").copy_source(format!("{BUCKET}/none")).send().await;
    assert_eq!(code(missing), "NoSuchKey");
}

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart};

use crate::s3::{BUCKET, MIN_PART, S3, code};

async fn create(s3: &S3, key: &str) -> String {
    let created = s3.client.create_multipart_upload().bucket(BUCKET).key(key).content_type("video/mp4").send().await;
    created.expect("created").upload_id.expect("an id")
}

async fn put_part(s3: &S3, key: &str, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let put = s3.client.upload_part().bucket(BUCKET).key(key).upload_id(id).part_number(number);
    let part = put.body(ByteStream::from(body)).send().await.expect("stored");
    CompletedPart::builder().part_number(number).e_tag(part.e_tag.expect("an etag")).build()
}

fn listed(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build()
}

macro_rules! complete {
    ($s3:expr, $key:expr, $id:expr, $parts:expr) => {
        $s3.client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key($key)
            .upload_id($id)
            .multipart_upload(listed($parts))
            .send()
            .await
    };
}

#[tokio::test]
async fn an_upload_survives_restarts_between_its_steps() {
    let s3 = S3::start().await;
    let id = create(&s3, "clip").await;
    let s3 = s3.restart().await;
    let last = put_part(&s3, "clip", &id, 7, b"tail".to_vec()).await;
    let first = put_part(&s3, "clip", &id, 1, vec![1; MIN_PART]).await;
    let s3 = s3.restart().await;
    let middle = put_part(&s3, "clip", &id, 3, vec![3; MIN_PART]).await;
    let parts = [first, middle, last];
    let done = complete!(s3, "clip", &id, &parts).expect("completed");
    assert!(done.e_tag().is_some_and(|etag| etag.ends_with("-3\"")), "{:?}", done.e_tag());
    let s3 = s3.restart().await;
    assert_eq!(complete!(s3, "clip", &id, &parts).expect("asked again").e_tag(), done.e_tag());
    let whole = [vec![1; MIN_PART], vec![3; MIN_PART], b"tail".to_vec()].concat();
    assert!(s3.get("clip").await == whole, "the bytes differ");
    let seam = format!("bytes={}-{}", MIN_PART - 2, 2 * MIN_PART + 1);
    let piece = s3.client.get_object().bucket(BUCKET).key("clip").range(seam).send().await.expect("there");
    assert_eq!(piece.content_type(), Some("video/mp4"));
    let piece = piece.body.collect().await.expect("whole").to_vec();
    assert!(piece == whole[MIN_PART - 2..2 * MIN_PART + 2], "the piece differs");
    let copy = s3.client.copy_object().bucket(BUCKET).key("copy").copy_source(format!("{BUCKET}/clip"));
    copy.send().await.expect("copied");
    s3.client.delete_object().bucket(BUCKET).key("clip").send().await.expect("deleted");
    assert!(s3.get("copy").await == whole, "the copy differs");
    assert_eq!(code(complete!(s3, "clip", &id, &parts)), "NoSuchUpload");
}

#[tokio::test]
async fn parts_are_listed_in_order_by_pages() {
    let s3 = S3::start().await;
    let id = create(&s3, "clip").await;
    let mut etags = Vec::new();
    for number in [3, 1, 2, 10_000] {
        let part = put_part(&s3, "clip", &id, number, vec![0; 3]).await;
        etags.push((number, part.e_tag.expect("an etag")));
    }
    etags.sort_unstable();
    let mut seen = Vec::new();
    let mut marker = None;
    loop {
        let list = s3.client.list_parts().bucket(BUCKET).key("clip").upload_id(&id).max_parts(3);
        let page = list.set_part_number_marker(marker).send().await.expect("a page");
        let parts = page
            .parts()
            .iter()
            .map(|part| (part.part_number().expect("a number"), part.e_tag.clone().expect("an etag")));
        seen.extend(parts);
        marker = page.next_part_number_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(seen, etags);
    let unknown = s3.client.list_parts().bucket(BUCKET).key("clip").upload_id("none").send().await;
    assert_eq!(code(unknown), "NoSuchUpload");
    let other_key = s3.client.list_parts().bucket(BUCKET).key("other").upload_id(&id).send().await;
    assert_eq!(code(other_key), "NoSuchUpload");
    for number in [0, 10_001, -1] {
        let put = s3.client.upload_part().bucket(BUCKET).key("clip").upload_id(&id).part_number(number);
        assert_eq!(code(put.body(ByteStream::from_static(b"x")).send().await), "InvalidArgument", "{number}");
    }
}

#[tokio::test]
async fn refused_completions_name_the_reason_and_keep_the_upload() {
    let s3 = S3::start().await;
    let id = create(&s3, "clip").await;
    let small = put_part(&s3, "clip", &id, 1, b"small".to_vec()).await;
    let last = put_part(&s3, "clip", &id, 2, b"last".to_vec()).await;
    let both = [small.clone(), last.clone()];
    assert_eq!(code(complete!(s3, "clip", &id, &both)), "EntityTooSmall");
    assert_eq!(code(complete!(s3, "clip", &id, &[last.clone(), small.clone()])), "InvalidPartOrder");
    let wrong = CompletedPart::builder().part_number(2).e_tag("\"d41d8cd98f00b204e9800998ecf8427e\"").build();
    assert_eq!(code(complete!(s3, "clip", &id, &[wrong])), "InvalidPart");
    s3.put("taken", "1").await;
    let taken = create(&s3, "taken").await;
    let part = put_part(&s3, "taken", &taken, 1, b"2".to_vec()).await;
    let exclusive = s3.client.complete_multipart_upload().bucket(BUCKET).key("taken").upload_id(&taken);
    let exclusive = exclusive.multipart_upload(listed(&[part])).if_none_match("*").send().await;
    assert_eq!(code(exclusive), "PreconditionFailed");
    assert_eq!(s3.get("taken").await, b"1");
    complete!(s3, "clip", &id, &[last]).expect("still open");
}

#[tokio::test]
async fn part_checksums_are_verified_and_combined() {
    let s3 = S3::start().await;
    let client = s3.default_client();
    let create = client.create_multipart_upload().bucket(BUCKET).key("sums");
    let created = create.checksum_algorithm(ChecksumAlgorithm::Crc32C).send().await.expect("created");
    let id = created.upload_id.expect("an id");
    let put = |number, body: Vec<u8>| {
        let put = client.upload_part().bucket(BUCKET).key("sums").upload_id(&id).part_number(number);
        put.body(ByteStream::from(body))
    };
    assert_eq!(code(put(1, vec![1; 9]).checksum_crc32_c("AAAAAA==").send().await), "BadDigest");
    let mut parts = Vec::new();
    for (number, length) in [(1, MIN_PART), (2, 9)] {
        let part = put(number, vec![1; length]).checksum_algorithm(ChecksumAlgorithm::Crc32C).send().await;
        let part = part.expect("stored");
        let sum = part.checksum_crc32_c.expect("a checksum");
        let part = CompletedPart::builder().part_number(number).checksum_crc32_c(sum).set_e_tag(part.e_tag).build();
        parts.push(part);
    }
    let done = complete!(s3, "sums", &id, &parts).expect("completed");
    assert!(done.checksum_crc32_c().is_some_and(|sum| sum.ends_with("-2")), "{:?}", done.checksum_crc32_c());
    let got = client.get_object().bucket(BUCKET).key("sums").checksum_mode(ChecksumMode::Enabled).send().await;
    let got = got.expect("there");
    assert_eq!(got.checksum_crc32_c(), done.checksum_crc32_c());
    assert_eq!(got.body.collect().await.expect("whole").to_vec().len(), MIN_PART + 9);
}

#[tokio::test]
async fn open_uploads_are_listed_and_can_be_aborted() {
    let s3 = S3::start().await;
    let mut open = Vec::new();
    for key in ["b", "a", "a", "c/1"] {
        open.push((key.to_owned(), create(&s3, key).await));
    }
    open.sort_unstable();
    let (mut seen, mut markers) = (Vec::new(), (None, None));
    loop {
        let list = s3.client.list_multipart_uploads().bucket(BUCKET).max_uploads(1);
        let page = list.set_key_marker(markers.0).set_upload_id_marker(markers.1).send().await.expect("a page");
        let found = page.uploads().iter().map(|upload| (upload.key.clone(), upload.upload_id.clone()));
        seen.extend(found.map(|(key, id)| (key.expect("a key"), id.expect("an id"))));
        markers = (page.next_key_marker().map(str::to_owned), page.next_upload_id_marker().map(str::to_owned));
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(seen, open);
    for (key, id) in &open {
        s3.client.abort_multipart_upload().bucket(BUCKET).key(key).upload_id(id).send().await.expect("aborted");
        let again = s3.client.abort_multipart_upload().bucket(BUCKET).key(key).upload_id(id).send().await;
        assert_eq!(code(again), "NoSuchUpload");
    }
    let empty = s3.client.list_multipart_uploads().bucket(BUCKET).send().await.expect("listed");
    assert!(empty.uploads().is_empty());
}

#[tokio::test]
async fn parts_can_be_copied_from_objects() {
    let s3 = S3::start().await;
    s3.put("from", "0123456789").await;
    let id = create(&s3, "clip").await;
    let copy = |range: &str| {
        let copy = s3.client.upload_part_copy().bucket(BUCKET).key("clip").upload_id(&id).part_number(1);
        copy.copy_source(format!("{BUCKET}/from")).copy_source_range(range).send()
    };
    for range in ["bytes=0-10", "bytes=5-", "bytes=5-4", "5-6"] {
        assert_eq!(code(copy(range).await), "InvalidArgument", "{range}");
    }
    let part = copy("bytes=2-5").await.expect("copied").copy_part_result.expect("a result");
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
    complete!(s3, "clip", &id, &[part]).expect("completed");
    assert_eq!(s3.get("clip").await, b"2345");
}

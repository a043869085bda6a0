use aws_sdk_s3::types::EncodingType;

use crate::s3::{BUCKET, S3, code};

/// 25 keys in folders of their own, and some beside them.
async fn filled() -> (S3, Vec<String>) {
    let s3 = S3::start().await;
    let mut keys: Vec<String> = (0..25).map(|number| format!("l/{number:02}/x")).collect();
    keys.extend(["l".to_owned(), "l/a b".to_owned(), "m/\u{1}".to_owned()]);
    for key in &keys {
        s3.put(key, key.as_str()).await;
    }
    keys.sort_unstable();
    (s3.restart().await, keys)
}

#[tokio::test]
async fn pages_show_every_key_once_and_in_order() {
    let (s3, keys) = filled().await;
    let list = s3.client.list_objects_v2().bucket(BUCKET).prefix("l/").max_keys(10);
    let mut pages = list.into_paginator().send();
    let (mut seen, mut lengths) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        lengths.push(page.contents().len());
        assert!(lengths.len() < 10, "the token does not advance: {lengths:?}");
        seen.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
    }
    let expected: Vec<_> = keys.into_iter().filter(|key| key.starts_with("l/")).collect();
    assert_eq!(seen, expected);
    assert_eq!(lengths, [10, 10, 6]);
    let after = s3.client.list_objects_v2().bucket(BUCKET).prefix("l/").start_after("l/23/x");
    assert_eq!(after.send().await.expect("listed").key_count(), Some(2));
}

#[tokio::test]
async fn what_lies_below_a_delimiter_is_rolled_up() {
    let (s3, _) = filled().await;
    let rolled = s3.client.list_objects_v2().bucket(BUCKET).prefix("l/").delimiter("/");
    let rolled = rolled.send().await.expect("listed");
    assert_eq!(rolled.common_prefixes().len(), 25);
    let keys: Vec<_> = rolled.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys, ["l/a b"]);
}

#[tokio::test]
async fn the_first_version_of_listing_pages_too() {
    let (s3, _) = filled().await;
    let (mut marker, mut seen) = (None::<String>, Vec::new());
    loop {
        let list = s3.client.list_objects().bucket(BUCKET).delimiter("/").max_keys(1);
        let list = list.set_marker(marker).encoding_type(EncodingType::Url);
        let page = list.send().await.expect("a page");
        let keys = page.contents().iter().filter_map(|object| object.key());
        let prefixes = page.common_prefixes().iter().filter_map(|prefix| prefix.prefix());
        seen.extend(keys.chain(prefixes).map(str::to_owned));
        assert!(seen.len() < 10, "the marker does not advance: {seen:?}");
        marker = page.next_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(seen, ["l", "l/", "m/"]);
}

#[tokio::test]
async fn listings_of_nothing_and_tokens_of_nobody_are_refused() {
    let s3 = S3::start().await;
    let list = s3.client.list_objects_v2().bucket(BUCKET).continuation_token("x");
    assert_eq!(code(list.send().await), "InvalidArgument");
    let list = s3.client.list_objects_v2().bucket(BUCKET).max_keys(-1);
    assert_eq!(code(list.send().await), "InvalidArgument");
    let list = s3.client.list_objects_v2().bucket("nothing");
    assert_eq!(code(list.send().await), "NoSuchBucket");
}

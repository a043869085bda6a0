use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, CorsConfiguration, CorsRule, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
};

use crate::s3::{BUCKET, S3, code, status};

#[tokio::test]
async fn browsers_are_told_what_a_bucket_allows() {
    let s3 = S3::start().await;
    let rule = CorsRule::builder().allowed_methods("PUT").allowed_origins("https://studio.example");
    let rule = rule.allowed_headers("*").expose_headers("ETag").max_age_seconds(60).build().expect("a rule");
    let rules = CorsConfiguration::builder().cors_rules(rule).build().expect("rules");
    s3.client.put_bucket_cors().bucket(BUCKET).cors_configuration(rules).send().await.expect("set");
    let s3 = s3.restart().await;
    let ask = |origin: &str, method: &str| {
        let host = s3.host();
        let asked = format!("origin: {origin}\r\naccess-control-request-method: {method}");
        let head = format!("OPTIONS /{BUCKET}/key HTTP/1.1\r\nhost: {host}\r\n{asked}\r\nconnection: close\r\n\r\n");
        s3.raw(head, b"")
    };
    let allowed = ask("https://studio.example", "PUT").await;
    assert!(allowed.contains("access-control-allow-origin: https://studio.example\r\n"), "{allowed}");
    assert!(allowed.contains("access-control-max-age: 60\r\n"), "{allowed}");
    assert_eq!(status(&ask("https://elsewhere.example", "PUT").await), "403");
    assert_eq!(status(&ask("https://studio.example", "DELETE").await), "403");
    let got = s3.client.get_bucket_cors().bucket(BUCKET).send().await.expect("set");
    assert_eq!(got.cors_rules()[0].expose_headers(), ["ETag"]);
    s3.client.delete_bucket_cors().bucket(BUCKET).send().await.expect("deleted");
    assert_eq!(code(s3.client.get_bucket_cors().bucket(BUCKET).send().await), "NoSuchCORSConfiguration");
}

#[tokio::test]
async fn a_bucket_keeps_its_rule_for_stale_uploads_and_takes_no_other() {
    let s3 = S3::start().await;
    let rule = || {
        let rule = LifecycleRule::builder().id("stale").status(ExpirationStatus::Enabled);
        rule.filter(LifecycleRuleFilter::builder().prefix("raw/").build())
    };
    let put = |rule: LifecycleRule| {
        let rules = BucketLifecycleConfiguration::builder().rules(rule).build().expect("rules");
        s3.client.put_bucket_lifecycle_configuration().bucket(BUCKET).lifecycle_configuration(rules).send()
    };
    let after = |days| AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build();
    let abort = rule().abort_incomplete_multipart_upload(after(2)).build().expect("a rule");
    put(abort.clone()).await.expect("set");
    let never = rule().abort_incomplete_multipart_upload(after(0)).build().expect("a rule");
    assert_eq!(code(put(never).await), "InvalidArgument");
    let expire = rule().expiration(LifecycleExpiration::builder().days(1).build()).build().expect("a rule");
    assert_eq!(code(put(expire).await), "NotImplemented");
    let s3 = s3.restart().await;
    let got = s3.client.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await.expect("set");
    assert_eq!(got.rules(), [abort]);
    s3.client.delete_bucket_lifecycle().bucket(BUCKET).send().await.expect("deleted");
    let got = s3.client.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await;
    assert_eq!(code(got), "NoSuchLifecycleConfiguration");
}

#[tokio::test]
async fn buckets_come_and_go() {
    let s3 = S3::start().await;
    assert_eq!(code(s3.client.create_bucket().bucket(BUCKET).send().await), "BucketAlreadyOwnedByYou");
    s3.client.create_bucket().bucket("second").send().await.expect("created");
    let s3 = s3.restart().await;
    let listed = s3.client.list_buckets().send().await.expect("listed");
    assert_eq!(listed.buckets().iter().filter_map(|bucket| bucket.name()).collect::<Vec<_>>(), [BUCKET, "second"]);
    s3.client.head_bucket().bucket("second").send().await.expect("there");
    s3.put("key", "1").await;
    assert_eq!(code(s3.client.delete_bucket().bucket(BUCKET).send().await), "BucketNotEmpty");
    s3.client.delete_bucket().bucket("second").send().await.expect("deleted");
    assert_eq!(code(s3.client.head_bucket().bucket("second").send().await), "NotFound");
    let put = s3.client.put_object().bucket("second").key("key").body(ByteStream::from_static(b"1"));
    assert_eq!(code(put.send().await), "NoSuchBucket");
}

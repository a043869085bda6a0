use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime};

use crate::s3::{BUCKET, S3, code};

/// The status of an answer that is not 200 or 206.
async fn refused(get: GetObjectFluentBuilder) -> Option<u16> {
    let error = get.send().await.err()?;
    error.raw_response().map(|response| response.status().as_u16())
}

#[tokio::test]
async fn reads_hold_to_their_conditions() {
    let s3 = S3::start().await;
    let etag = s3.put("key", "1").await;
    let get = || s3.client.get_object().bucket(BUCKET).key("key");
    let (past, future) = (DateTime::from_secs(1), DateTime::from_secs(4_000_000_000));
    assert_eq!(refused(get().if_match(&etag)).await, None);
    assert_eq!(refused(get().if_match("\"other\"")).await, Some(412));
    assert_eq!(refused(get().if_none_match(&etag)).await, Some(304));
    assert_eq!(refused(get().if_none_match("\"other\"")).await, None);
    assert_eq!(refused(get().if_modified_since(future)).await, Some(304));
    assert_eq!(refused(get().if_modified_since(past)).await, None);
    assert_eq!(refused(get().if_unmodified_since(past)).await, Some(412));
    assert_eq!(refused(get().if_unmodified_since(future)).await, None);
    // A condition on the etag goes before one on the time.
    assert_eq!(refused(get().if_match(&etag).if_unmodified_since(past)).await, None);
    assert_eq!(refused(get().if_none_match("\"other\"").if_modified_since(future)).await, None);
}

#[tokio::test]
async fn of_sixteen_who_want_to_be_first_one_is() {
    let s3 = S3::start().await;
    let tasks = (0..16_u8).map(|number| {
        let put = s3.client.put_object().bucket(BUCKET).key("race").if_none_match("*");
        tokio::spawn(put.body(ByteStream::from(vec![number; 200_000])).send())
    });
    let (mut winners, mut losers) = (Vec::new(), 0);
    for (number, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
        match task.await.expect("no panic") {
            Ok(_) => winners.push(u8::try_from(number).expect("small")),
            outcome => {
                assert_eq!(code(outcome), "PreconditionFailed");
                losers += 1;
            }
        }
    }
    assert_eq!((winners.len(), losers), (1, 15));
    assert_eq!(s3.get("race").await, vec![winners[0]; 200_000]);
}

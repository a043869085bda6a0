use s3s::dto::{
    AbortIncompleteMultipartUpload, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, ExpirationStatus,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput, LifecycleRule, LifecycleRuleFilter,
    PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::convert::refuse_unsupported;
use super::{Service, blocking};
use crate::s3::store::AbortRule;

/// Rules of one bucket, as in S3.
const MAX_RULES: usize = 1_000;

pub(super) async fn put_bucket_lifecycle_configuration(
    service: &Service,
    request: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<PutBucketLifecycleConfigurationOutput> {
    let bucket = service.bucket(&request.input.bucket)?;
    let rules = request.input.lifecycle_configuration.map(|configuration| configuration.rules).unwrap_or_default();
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(s3_error!(MalformedXML, "a configuration has 1 to {MAX_RULES} rules"));
    }
    let rules = rules.into_iter().map(stored_rule).collect::<S3Result<_>>()?;
    blocking(move || bucket.set_lifecycle(rules)).await?;
    Ok(PutBucketLifecycleConfigurationOutput::default())
}

pub(super) fn get_bucket_lifecycle_configuration(
    service: &Service,
    request: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<GetBucketLifecycleConfigurationOutput> {
    let GetBucketLifecycleConfigurationInput { bucket, .. } = request.input;
    let rules = service.bucket(&bucket)?.lifecycle();
    if rules.is_empty() {
        return Err(s3_error!(NoSuchLifecycleConfiguration));
    }
    let rules = Some(rules.into_iter().map(shown_rule).collect());
    Ok(GetBucketLifecycleConfigurationOutput { rules, ..GetBucketLifecycleConfigurationOutput::default() })
}

pub(super) async fn delete_bucket_lifecycle(
    service: &Service,
    request: S3Request<DeleteBucketLifecycleInput>,
) -> S3Result<DeleteBucketLifecycleOutput> {
    let bucket = service.bucket(&request.input.bucket)?;
    blocking(move || bucket.set_lifecycle(Vec::new())).await?;
    Ok(DeleteBucketLifecycleOutput::default())
}

/// Giving up uploads is the one thing done here.
fn stored_rule(rule: LifecycleRule) -> S3Result<AbortRule> {
    refuse_unsupported!(rule, expiration, noncurrent_version_expiration, noncurrent_version_transitions, transitions);
    let filter = rule.filter.unwrap_or_default();
    refuse_unsupported!(filter, and, object_size_greater_than, object_size_less_than, tag);
    let days = rule.abort_incomplete_multipart_upload.and_then(|abort| abort.days_after_initiation);
    let days = days.and_then(|days| u32::try_from(days).ok()).filter(|&days| days > 0);
    let days = days.ok_or_else(|| s3_error!(InvalidArgument, "DaysAfterInitiation is a positive number"))?;
    Ok(AbortRule {
        id: rule.id,
        prefix: filter.prefix.or(rule.prefix).unwrap_or_default(),
        days,
        is_enabled: rule.status.as_str() == ExpirationStatus::ENABLED,
    })
}

fn shown_rule(rule: AbortRule) -> LifecycleRule {
    let status = if rule.is_enabled { ExpirationStatus::ENABLED } else { ExpirationStatus::DISABLED };
    let days_after_initiation = i32::try_from(rule.days).ok();
    LifecycleRule {
        abort_incomplete_multipart_upload: Some(AbortIncompleteMultipartUpload { days_after_initiation }),
        filter: Some(LifecycleRuleFilter { prefix: Some(rule.prefix), ..LifecycleRuleFilter::default() }),
        id: rule.id,
        status: ExpirationStatus::from_static(status),
        expiration: None,
        noncurrent_version_expiration: None,
        noncurrent_version_transitions: None,
        prefix: None,
        transitions: None,
    }
}

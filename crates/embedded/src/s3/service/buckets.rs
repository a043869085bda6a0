use s3s::dto::{
    Bucket, BucketLocationConstraint, CORSRule, CreateBucketInput, CreateBucketOutput, DeleteBucketCorsInput,
    DeleteBucketCorsOutput, DeleteBucketInput, DeleteBucketOutput, GetBucketCorsInput, GetBucketCorsOutput,
    GetBucketLocationInput, GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput,
    ListBucketsOutput, PutBucketCorsInput, PutBucketCorsOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::convert::timestamp;
use super::{Service, blocking};
use crate::s3::store::CorsRule;

/// Rules of one bucket, as in S3.
const MAX_CORS_RULES: usize = 100;

pub(super) async fn create_bucket(
    service: &Service,
    request: S3Request<CreateBucketInput>,
) -> S3Result<CreateBucketOutput> {
    let name = request.input.bucket;
    let location = format!("/{name}");
    let store = service.store.clone();
    blocking(move || store.create_bucket(&name)).await?;
    Ok(CreateBucketOutput { location: Some(location) })
}

pub(super) async fn delete_bucket(
    service: &Service,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<DeleteBucketOutput> {
    let store = service.store.clone();
    blocking(move || store.delete_bucket(&request.input.bucket)).await?;
    Ok(DeleteBucketOutput::default())
}

pub(super) fn head_bucket(service: &Service, request: S3Request<HeadBucketInput>) -> S3Result<HeadBucketOutput> {
    let HeadBucketInput { bucket, .. } = request.input;
    service.bucket(&bucket)?;
    Ok(HeadBucketOutput { bucket_region: Some(service.region.clone()), ..HeadBucketOutput::default() })
}

#[expect(clippy::unnecessary_wraps, reason = "all operations have one form")]
pub(super) fn list_buckets(service: &Service, _: S3Request<ListBucketsInput>) -> S3Result<ListBucketsOutput> {
    let buckets = service.store.list_buckets().into_iter().map(|bucket| Bucket {
        bucket_region: Some(service.region.clone()),
        creation_date: Some(timestamp(bucket.created_ms())),
        name: Some(bucket.name.clone()),
    });
    Ok(ListBucketsOutput { buckets: Some(buckets.collect()), ..ListBucketsOutput::default() })
}

pub(super) fn get_bucket_location(
    service: &Service,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<GetBucketLocationOutput> {
    let GetBucketLocationInput { bucket, .. } = request.input;
    service.bucket(&bucket)?;
    // The oldest region is spelt by leaving it out.
    let region = Some(service.region.clone()).filter(|region| region != "us-east-1");
    Ok(GetBucketLocationOutput { location_constraint: region.map(BucketLocationConstraint::from) })
}

pub(super) async fn put_bucket_cors(
    service: &Service,
    request: S3Request<PutBucketCorsInput>,
) -> S3Result<PutBucketCorsOutput> {
    let bucket = service.bucket(&request.input.bucket)?;
    let rules = request.input.cors_configuration.cors_rules;
    if rules.len() > MAX_CORS_RULES {
        return Err(s3_error!(InvalidRequest, "at most {MAX_CORS_RULES} rules are taken"));
    }
    let rules = rules.into_iter().map(stored_rule).collect();
    blocking(move || bucket.set_cors(rules)).await?;
    Ok(PutBucketCorsOutput::default())
}

pub(super) fn get_bucket_cors(
    service: &Service,
    request: S3Request<GetBucketCorsInput>,
) -> S3Result<GetBucketCorsOutput> {
    let GetBucketCorsInput { bucket, .. } = request.input;
    let rules = service.bucket(&bucket)?.cors();
    if rules.is_empty() {
        return Err(s3_error!(NoSuchCORSConfiguration));
    }
    Ok(GetBucketCorsOutput { cors_rules: Some(rules.into_iter().map(shown_rule).collect()) })
}

pub(super) async fn delete_bucket_cors(
    service: &Service,
    request: S3Request<DeleteBucketCorsInput>,
) -> S3Result<DeleteBucketCorsOutput> {
    let bucket = service.bucket(&request.input.bucket)?;
    blocking(move || bucket.set_cors(Vec::new())).await?;
    Ok(DeleteBucketCorsOutput::default())
}

fn stored_rule(rule: CORSRule) -> CorsRule {
    CorsRule {
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        allowed_headers: rule.allowed_headers.unwrap_or_default(),
        exposed_headers: rule.expose_headers.unwrap_or_default(),
        max_age_secs: rule.max_age_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
    }
}

fn shown_rule(rule: CorsRule) -> CORSRule {
    CORSRule {
        allowed_headers: Some(rule.allowed_headers),
        allowed_methods: rule.methods,
        allowed_origins: rule.origins,
        expose_headers: Some(rule.exposed_headers),
        id: None,
        max_age_seconds: rule.max_age_secs.and_then(|seconds| i32::try_from(seconds).ok()),
    }
}

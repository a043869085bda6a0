//! The operations of S3, each in a function of its own; this file only lists them.

mod buckets;
mod convert;
mod copying;
mod lifecycle;
mod listing;
mod multipart;
mod objects;
mod refusal;

use std::sync::Arc;

use async_trait::async_trait;
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto;
use s3s::region::Region;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::store::{Bucket, Store, StoreError};
use super::{S3Error, S3Options};

/// The store, spoken to in S3.
#[derive(Debug)]
pub(super) struct Service {
    store: Arc<Store>,
    region: String,
}

/// One key pair.
struct KeyPair {
    access_key: String,
    secret_key: SecretKey,
}

/// Puts the protocol around the operations.
pub(super) fn build(service: Service, options: &S3Options) -> Result<S3Service, S3Error> {
    Region::new(options.region.as_str().into()).map_err(|_| S3Error::Region(options.region.clone()))?;
    let mut builder = S3ServiceBuilder::new(service);
    builder.set_auth(KeyPair {
        access_key: options.access_key.clone(),
        secret_key: SecretKey::from(options.secret_key.clone()),
    });
    Ok(builder.build())
}

#[async_trait]
impl S3Auth for KeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key { Ok(self.secret_key.clone()) } else { Err(s3_error!(InvalidAccessKeyId)) }
    }
}

impl Service {
    pub(super) fn new(store: Arc<Store>, region: &str) -> Self {
        Self { store, region: region.to_owned() }
    }

    fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        Ok(self.store.find_bucket(name)?)
    }
}

/// Runs file work on a thread that may block. It is not cut short when the client goes.
async fn blocking<T, F>(work: F) -> S3Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    let done = spawn_blocking(work).await.map_err(|error| s3_error!(error, InternalError))?;
    Ok(done?)
}

/// Declares the trait's methods as calls of functions of the same name, given module by module.
macro_rules! operations {
    (
        blocking { $($module:ident :: $name:ident ( $input:ident ) -> $output:ident;)* }
        quick { $($quick_module:ident :: $quick_name:ident ( $quick_input:ident ) -> $quick_output:ident;)* }
    ) => {
        #[async_trait]
        impl S3 for Service {
            $(
                async fn $name(&self, request: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                    $module::$name(self, request).await.map(S3Response::new)
                }
            )*
            $(
                async fn $quick_name(
                    &self,
                    request: S3Request<dto::$quick_input>,
                ) -> S3Result<S3Response<dto::$quick_output>> {
                    $quick_module::$quick_name(self, request).map(S3Response::new)
                }
            )*
        }
    };
}

operations! {
    // These touch the disk.
    blocking {
        buckets::create_bucket(CreateBucketInput) -> CreateBucketOutput;
        buckets::delete_bucket(DeleteBucketInput) -> DeleteBucketOutput;
        buckets::put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput;
        buckets::delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput;
        copying::copy_object(CopyObjectInput) -> CopyObjectOutput;
        copying::upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput;
        lifecycle::delete_bucket_lifecycle(DeleteBucketLifecycleInput) -> DeleteBucketLifecycleOutput;
        lifecycle::put_bucket_lifecycle_configuration(PutBucketLifecycleConfigurationInput)
            -> PutBucketLifecycleConfigurationOutput;
        listing::list_parts(ListPartsInput) -> ListPartsOutput;
        multipart::abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
        multipart::complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput;
        multipart::create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
        multipart::upload_part(UploadPartInput) -> UploadPartOutput;
        objects::delete_object(DeleteObjectInput) -> DeleteObjectOutput;
        objects::delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput;
        objects::get_object(GetObjectInput) -> GetObjectOutput;
        objects::head_object(HeadObjectInput) -> HeadObjectOutput;
        objects::put_object(PutObjectInput) -> PutObjectOutput;
    }
    // These are answered from memory.
    quick {
        buckets::get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput;
        buckets::get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput;
        buckets::head_bucket(HeadBucketInput) -> HeadBucketOutput;
        buckets::list_buckets(ListBucketsInput) -> ListBucketsOutput;
        lifecycle::get_bucket_lifecycle_configuration(GetBucketLifecycleConfigurationInput)
            -> GetBucketLifecycleConfigurationOutput;
        listing::list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput;
        listing::list_objects(ListObjectsInput) -> ListObjectsOutput;
        listing::list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
    }
}

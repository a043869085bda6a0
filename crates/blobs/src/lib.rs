//! Everything S3: client, key layout, presigned URLs, multipart, cache headers

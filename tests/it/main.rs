//! The whole product over HTTP: the real binary, PostgreSQL, S3 and libav.

mod harness;
mod whole_path;

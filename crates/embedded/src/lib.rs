//! What Estrade brings when nothing is given: a private `PostgreSQL` cluster and a durable S3
//! endpoint.
//!
//! Both live in the data folder, need no setting, listen to nobody outside this machine and survive
//! a `kill -9`.

pub mod postgres;
pub mod s3;

//! Everything S3: the client, the key layout, multipart uploads, cache headers.
//!
//! Objects are immutable: a key is written once, publishing is a pointer in the database.

mod client;
pub mod key;
mod object;
mod upload;

pub use client::{Args, BlobError, Blobs, Connection, Result};
pub use object::{Body, ObjectRange, OpenedObject};
pub use upload::{OpenUpload, Part, StoredPart};

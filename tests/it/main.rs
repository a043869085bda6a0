//! The whole product over HTTP: the real binary, PostgreSQL, S3 and libav.

mod accounts;
mod admin;
mod bad_media;
mod bad_requests;
mod browser;
mod captions;
mod documents;
mod events;
mod extras;
mod families;
mod feeds;
mod harness;
mod jobs;
mod operations;
mod purges;
mod queue;
mod restart;
mod starting_over;
mod uploads;
mod versions;
mod visibility;
mod whole_path;

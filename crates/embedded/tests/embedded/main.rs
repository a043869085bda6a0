//! The embedded services from outside: real processes, real sockets, real kills.

mod buckets;
mod cluster;
mod conditions;
mod kill;
mod listing;
mod multipart;
mod objects;
mod protocol;
mod s3;
mod victim;

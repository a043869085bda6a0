//! The embedded services from outside: real processes, real sockets, real kills.

mod cluster;
mod helper;
mod kill;
mod multipart;
mod objects;
mod protocol;
mod s3;

//! For tests only: a cluster with a template database, generated media, rows built in a line, and a second
//! reader of published packages.

pub mod cluster;
pub mod hls;
pub mod media;
pub mod rows;

pub use cluster::TestCluster;
pub use media::MediaShelf;
